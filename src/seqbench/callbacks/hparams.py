"""A run's one entry in TensorBoard's HPARAMS: what decides the outcome, beside what came of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.api_pb2 import (
    DATA_TYPE_FLOAT64,
    DATA_TYPE_STRING,
    STATUS_SUCCESS,
    Experiment,
    HParamInfo,
    MetricInfo,
    MetricName,
)
from tensorboard.plugins.hparams.metadata import (
    EXPERIMENT_TAG,
    NULL_TENSOR,
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
    create_summary_metadata,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)

from seqbench.identity import NOT_IDENTITY, budgeted, without

PREFIX = "z_final/"
"""Of the final metrics' tags: TensorBoard sorts them, and shows curves before single points."""

OWN = "metric"
"""What the task's own metric is called, whichever that is, beside its name."""


def settings_of(config: Mapping[str, Any]) -> dict[str, str | float]:
    """What decides a run's outcome, by dotted key with slashes; first what runs are compared by."""
    decides = budgeted(without(dict(config), *NOT_IDENTITY, "names", "callbacks", "seed"))
    flat = {key: value for key, value in _flat(decides) if not key.endswith("_target_")}
    return _first(config) | flat


def _first(config: Mapping[str, Any]) -> dict[str, str | float]:
    """The five columns that are shown unless others are chosen, in TensorBoard's order."""
    return {
        "cell": str(config["names"]["model"]),
        "hidden_size": _plain(config["model"].get("hidden_size", "default")),
        "lr": _plain(config["optimizer"].get("lr", "default")),
        "seed": str(config["seed"]),  # a name, which is no 3.0000
        "task": str(config["names"]["task"]),
    }


def columns(metric: str, names: Sequence[str], splits: Sequence[str]) -> list[tuple[str, str]]:
    """Splits and metrics in the order in which they matter.

    First what runs of all tasks have, ``OWN`` and the loss: TensorBoard takes the columns of any
    one run for all, and shows five.
    """
    ordered = [*dict.fromkeys([OWN, "loss", metric, *sorted(names)])]
    return [(split, name) for name in ordered for split in splits]


def tag(split: str, name: str) -> str:
    """Of a final metric. Under a curve's own tag TensorBoard would drop the curve."""
    return f"{PREFIX}{split}_{name}"


def entry(config: Mapping[str, Any], shown: Sequence[tuple[str, str]]) -> list[Summary]:
    """What makes a run an entry of the page: settings, and which metrics are its columns.

    shown: splits and metrics, in their order. Those of a test that was not read stand there, too,
    with nothing in them, since other runs have them.
    """
    settings = settings_of(config)
    first = _first(config)
    infos = [
        HParamInfo(
            name=key,
            type=DATA_TYPE_STRING if isinstance(value, str) else DATA_TYPE_FLOAT64,
            differs=key in first,  # those that differ are shown first
        )
        for key, value in settings.items()
    ]
    metrics = [
        MetricInfo(
            name=MetricName(tag=tag(split, name)),
            display_name=f"{split} {name}{' (of the task)' if name == OWN else ''}",
        )
        for split, name in shown
    ]
    start = SessionStartInfo()
    for key, value in settings.items():
        if isinstance(value, str):
            start.hparams[key].string_value = value
        else:
            start.hparams[key].number_value = value
    parts = {
        EXPERIMENT_TAG: HParamsPluginData(
            experiment=Experiment(hparam_infos=infos, metric_infos=metrics)
        ),
        SESSION_START_INFO_TAG: HParamsPluginData(session_start_info=start),
        SESSION_END_INFO_TAG: HParamsPluginData(
            session_end_info=SessionEndInfo(status=STATUS_SUCCESS)
        ),
    }
    return [
        Summary(
            value=[
                Summary.Value(
                    tag=name, metadata=create_summary_metadata(content), tensor=NULL_TENSOR
                )
            ]
        )
        for name, content in parts.items()
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str | float]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", _plain(value)


def _plain(value: Any) -> str | float:
    """A number or a string; others as they stand in a config."""
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return json.dumps(value, ensure_ascii=False)

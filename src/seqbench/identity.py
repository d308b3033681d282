"""What makes a run the same as another: a digest of what decides its outcome. Needs no torch."""

import hashlib
import json
from typing import Any

NOT_IDENTITY = (
    "names.experiment",
    "command",
    "logger",
    "callbacks.samples",
    "paths",
    "progress",
    "force",
    "test",
    "on_failure",
    "retries",
    "choose",
    "task.path",
    "task.folder",
    "task.hub",
    "task.built_in",
    "task.num_workers",
    "model.embedding.path",
    "callbacks.decoded",
    "callbacks.forecasts",
    "callbacks.gradients",
    "callbacks.checkpoint.every_n_steps",
    "callbacks.checkpoint.every_minutes",
    "trainer.log_every_n_steps",
)
"""Keys that change nothing of what is trained: where from, where to, how it is shown. Data
and vectors stand in the identity by their content instead of their place."""

COUNT_OR_SHARE = ("limit_train_batches", "limit_val_batches", "val_check_interval")
"""Keys of Lightning's trainer of which 1 is one batch and 1.0 are all."""


def identity(config: dict[str, Any], fingerprint: str, sources: dict[str, str]) -> str:
    """Digest of all that decides a run's outcome: config, data, source of the cell and task."""
    decides = budgeted(without(config, *NOT_IDENTITY))
    return _digest({"config": decides, "data": fingerprint, **sources})


def group(config: dict[str, Any], fingerprint: str, sources: dict[str, str]) -> str:
    """The identity less the seed: what a report may average over."""
    return identity(without(config, "seed"), fingerprint, sources)


def budgeted(config: dict[str, Any]) -> dict[str, Any]:
    """A copy of ``config`` with the budgets that are asked for, and what they do not overrule."""
    asked = {key: value for key, value in (config.get("budget") or {}).items() if value}
    overruled = ["trainer.max_epochs"] if asked.keys() & {"steps", "seconds"} else []
    kept = without(config, "budget", *overruled)
    return kept | {"budget": asked} if asked else kept


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()[:10]


def _plain(value: Any) -> Any:
    """The same value with whole floats as integers: ``dropout=0`` is ``dropout=0.0``."""
    if isinstance(value, dict):
        return {k: inner if k in COUNT_OR_SHARE else _plain(inner) for k, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def without(config: dict[str, Any], *names: str) -> dict[str, Any]:
    """A copy of ``config`` that lacks the keys named (dotted)."""
    result = dict(config)
    for name in names:
        key, _, rest = name.partition(".")
        if rest and isinstance(result.get(key), dict):
            result[key] = without(result[key], rest)
        elif not rest:
            result.pop(key, None)
    return result

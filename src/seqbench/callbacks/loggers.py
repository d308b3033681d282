"""Where numbers go: metrics.csv, and TensorBoard."""

import csv
import html
import io
import logging
import os
import re
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from seqbench.files import append, synced_size
from seqbench.identity import NOT_IDENTITY, budgeted, without
from seqbench.metrics import Report

log = logging.getLogger(__name__)

CLASSES = 30
"""Classes up to which TensorBoard gets a confusion matrix."""


class MetricsFile(Logger):
    """``metrics.csv`` in long form: step, epoch, seconds, split, name, value.

    seconds: since the run began. A metric ``val/loss`` has split ``val`` and name ``loss``.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.started = time.monotonic()

    def sizes(self) -> dict[str, int]:
        return {file.name: synced_size(file) for file in [self.path] if file.exists()}

    def rewind(self, sizes: Mapping[str, int], seconds: float) -> None:
        """See ``seqbench.callbacks.continuation.Rewindable``."""
        cut(self.path.parent.glob(self.path.name), sizes)
        self.started = time.monotonic() - seconds

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        epoch = int(metrics.get("epoch", 0))
        seconds = round(time.monotonic() - self.started, 3)
        lines = io.StringIO(newline="")
        writer = csv.writer(lines)
        if not self.path.exists() or not self.path.stat().st_size:
            writer.writerow(("step", "epoch", "seconds", "split", "name", "value"))
        for key, value in metrics.items():
            split, _, name = key.partition("/")
            if name:
                writer.writerow((step, epoch, seconds, split, name, float(value)))
        append(self.path, lines.getvalue())

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """The config stands in config.yaml."""


class TensorBoard(TensorBoardLogger):
    """Scalars in the run directory itself, the config as text; at the end one HPARAMS entry, and
    the confusion matrices, or what was found of each type of spans, as text.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(folder, name="", version="", default_hp_metric=False)

    def sizes(self) -> dict[str, int]:
        self.experiment.flush()
        return {file.name: synced_size(file) for file in self._events()}

    def rewind(self, sizes: Mapping[str, int], seconds: float) -> None:
        """See ``seqbench.callbacks.continuation.Rewindable``."""
        cut(self._events(), sizes)

    def _events(self) -> Iterator[Path]:
        return Path(self.log_dir).glob("events.out.tfevents.*")

    def save(self) -> None:
        """Flush; Lightning's own would leave an hparams.yaml beside config.yaml."""
        self.experiment.flush()

    def finalize(self, status: str) -> None:
        """Flush: validate, fit and test end one after another, and share one file of events.

        What has ended otherwise is told, and not that its events could not be written either.
        """
        try:
            self.save()
        except OSError:
            if status == "success":
                raise

    def describe(self, config_yaml: str) -> None:
        self.text("z_config", config_yaml, 0)

    def text(self, tag: str, text: str, step: int) -> None:
        """A text as it is, whatever stands in it."""
        lines = "\n".join(f"    {line}" for line in text.splitlines())
        self.experiment.add_text(tag, lines, step)

    def image(self, tag: str, pixels: Any, step: int) -> None:
        """A picture, from an array ``(height, width, 3 or 4)`` of bytes."""
        self.experiment.add_image(tag, pixels, step, dataformats="HWC")

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Scalars that belong to a split; a curve of the epoch's number tells nothing."""
        super().log_metrics({key: value for key, value in metrics.items() if "/" in key}, step)

    def conclude(
        self,
        config: dict[str, Any],
        metrics: dict[str, dict[str, float]],
        reports: dict[str, Report],
    ) -> None:
        """The HPARAMS entry: what decides the outcome, and the final metrics. The reports as text.

        The metrics have tags of their own: under a curve's tag TensorBoard would drop the curve.
        Names are such that TensorBoard, which sorts them, shows curves before single points and
        what is compared before what is constant.
        """
        settings = budgeted(without(config, *NOT_IDENTITY, "names", "callbacks"))
        flat = {key: value for key, value in _flat(settings) if not key.endswith("_target_")}
        names = {
            "_cell": config["names"]["model"],
            "_task": config["names"]["task"],
            "_seed": config["seed"],
            "_lr": config["optimizer"].get("lr", "default"),
            "_hidden_size": config["model"].get("hidden_size", "default"),
        }
        self.log_hyperparams(names | flat, _finals(metrics))
        self._by_class(reports)
        self.experiment.close()

    def finals(self, metrics: dict[str, dict[str, float]], reports: dict[str, Report]) -> None:
        """Final metrics and reports that come after the HPARAMS entry."""
        self.log_metrics(_finals(metrics), 0)
        self._by_class(reports)
        self.experiment.close()

    def _by_class(self, reports: dict[str, Report]) -> None:
        for split, report in reports.items():
            if split == "train":
                continue
            if 0 < len(report.get("classes", ())) <= CLASSES:
                self.experiment.add_text(f"confusion/{split}", _confusion(report))
            if 0 < len(report.get("spans", ())) <= CLASSES:
                self.experiment.add_text(f"spans/{split}", _spans(report))


def cut(files: Iterable[Path], sizes: Mapping[str, int]) -> None:
    """Cut files to their sizes by name, and remove those that have none."""
    for file in [*files]:
        if file.name not in sizes:
            file.unlink()
        elif file.stat().st_size < sizes[file.name]:
            log.warning("%s has lost some of its lines: it is shorter than it was", file)
        else:
            os.truncate(file, sizes[file.name])


def _confusion(report: Report) -> str:
    """The confusion matrix as a Markdown table."""
    labels = [*map(_label, report["classes"])]
    rows = zip(labels, report["confusion"], strict=True)
    return _markdown(
        ["true \\\\ predicted", *labels], [[label, *map(str, counts)] for label, counts in rows]
    )


def _spans(report: Report) -> str:
    """Precision, recall, F1 and support by type of span as a Markdown table."""
    shares = ("precision", "recall", "f1")
    return _markdown(
        ["type of span", *shares, "support"],
        [
            [_label(kind), *(f"{values[name]:.4f}" for name in shares), str(values["support"])]
            for kind, values in report["spans"].items()
        ],
    )


def _label(label: str) -> str:
    """A label that Markdown shows as it is, on one line."""
    name = html.escape(" ".join(label.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#|!])", r"\\\1", name)


def _markdown(heading: list[str], rows: list[list[str]]) -> str:
    """A table whose numbers are under each other."""
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _finals(metrics: dict[str, dict[str, float]]) -> dict[str, float]:
    return {
        f"z_final/{split}_{name}": value
        for split, values in reversed(metrics.items())
        if split != "train"
        for name, value in sorted(values.items())
    }


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", str(value) if isinstance(value, bool) else value

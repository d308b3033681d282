"""Where numbers go: metrics.csv, and TensorBoard."""

import csv
import io
import logging
import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from seqbench.callbacks import hparams
from seqbench.callbacks.thinning import Thinning, last_steps
from seqbench.files import append, synced_size
from seqbench.terminal import visible

log = logging.getLogger(__name__)

OFTEN, RARE = 1 / 200, 1 / 6
"""Least share of the steps so far between two points of a curve; two texts, or pictures."""


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
    """Curves, texts and pictures in the run directory itself; ``docs/tensorboard.md`` has the tags.

    Tags are the same for all tasks. TensorBoard sorts them by name, and opens the first groups
    alone: ``curves/`` has once more what is looked at first, and ``z_`` is what comes last.
    Of long trainings it gets fewer points (see ``Thinning``), metrics.csv all.

    metric: the task's, whose curves are shown first.
    """

    def __init__(self, folder: str, metric: str = "accuracy") -> None:
        super().__init__(folder, name="", version="", default_hp_metric=False)
        self.metric = metric
        self._last: dict[str, int] | None = None

    def sizes(self) -> dict[str, int]:
        self.experiment.flush()
        return {file.name: synced_size(file) for file in self._events()}

    def rewind(self, sizes: Mapping[str, int], seconds: float) -> None:
        """See ``seqbench.callbacks.continuation.Rewindable``."""
        cut(self._events(), sizes)
        self._last = None

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

    def _keeps(self, tag: str, step: int, share: float, always: bool = False) -> bool:
        if self._last is None:  # what a training that goes on has written
            self._last = last_steps(self._events())
        return Thinning(share, self._last).keeps(tag, step, always)

    def describe(self, config_yaml: str) -> None:
        self.text("z_config", config_yaml, 0)

    def text(self, tag: str, text: str, step: int, last: bool = False) -> None:
        """A text as it is, whatever stands in it. last: of this training, and kept for that."""
        lines = (visible(line, "\t") for line in text.splitlines())
        self.page(tag, "\n".join(f"    {line}" for line in lines), step, last)

    def page(self, tag: str, markdown: str, step: int, last: bool = False) -> None:
        """A text that is Markdown."""
        if self._keeps(f"{tag}/text_summary", step, RARE, last):
            self.experiment.add_text(tag, markdown, step)

    def image(self, tag: str, draw: Callable[[], Any], step: int, last: bool = False) -> None:
        """A picture. draw: gives an array ``(height, width, 3 or 4)`` of bytes, if it is kept; how
        wide it should be, ``figures.CARD`` says."""
        if self._keeps(tag, step, RARE, last):
            self.experiment.add_image(tag, draw(), step, dataformats="HWC")

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Scalars that belong to a split; a curve of the epoch's number tells nothing."""
        values = {tag: value for tag, value in metrics.items() if "/" in tag}
        for split, name in product(("train", "val"), dict.fromkeys((self.metric, "loss"))):
            if f"{split}/{name}" in values:
                values[f"curves/{name}_{split}"] = values[f"{split}/{name}"]
        step = step or 0
        kept = {tag: value for tag, value in values.items() if self._keeps(tag, step, OFTEN)}
        super().log_metrics(kept, step)

    def enter(self, config: Mapping[str, Any], shown: Sequence[tuple[str, str]]) -> None:
        """The run's entry in HPARAMS. shown: splits and metrics that are its columns."""
        for summary in hparams.entry(config, shown):
            self.experiment.file_writer.add_summary(summary, 0)

    def finals(self, metrics: Mapping[str, Mapping[str, float]]) -> None:
        """Final metrics by split, for the entry in HPARAMS."""
        finals = {
            hparams.tag(split, title): value
            for split, values in metrics.items()
            for name, value in values.items()
            for title in ([name, hparams.OWN] if name == self.metric else [name])
        }
        super().log_metrics(finals, 0)


def cut(files: Iterable[Path], sizes: Mapping[str, int]) -> None:
    """Cut files to their sizes by name, and remove those that have none."""
    for file in [*files]:
        if file.name not in sizes:
            file.unlink()
        elif file.stat().st_size < sizes[file.name]:
            log.warning("%s has lost some of its lines: it is shorter than it was", file)
        else:
            os.truncate(file, sizes[file.name])

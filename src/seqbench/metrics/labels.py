"""Labels, of sequences or of their steps: how many are right, overall and by length."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import BinaryAUROC

from seqbench.batch import IGNORE, Batch
from seqbench.metrics.base import Report, Scores
from seqbench.metrics.confusion import Confusion
from seqbench.metrics.spans import Spans, are_span_tags
from seqbench.spec import Kind, TaskSpec


class AccuracyByLength(Metric):
    """Right labels among all that count, and rows with no wrong label, by slices of length.

    A slice ends at one of ``bounds`` (inclusive); the last has none. Every label counts the same
    (micro), however rows are batched.
    """

    full_state_update = False
    labels_right: Tensor
    labels: Tensor
    rows_right: Tensor
    rows: Tensor

    def __init__(self, bounds: Sequence[int]) -> None:
        super().__init__(sync_on_compute=False)
        self.bounds: Tensor
        self.register_buffer("bounds", torch.tensor(bounds, dtype=torch.long), persistent=False)
        for name in ("labels_right", "labels", "rows_right", "rows"):
            zeros = torch.zeros(len(bounds) + 1, dtype=torch.long)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, predicted: Tensor, targets: Tensor, lengths: Tensor) -> None:
        """predicted, targets: (B,) or (B, T), targets padded with IGNORE; lengths: (B,)."""
        rows = len(targets)
        counted = (targets != IGNORE).view(rows, -1).sum(1)
        right = (predicted == targets).view(rows, -1).sum(1)
        slices = torch.bucketize(lengths, self.bounds)
        self.labels_right.index_add_(0, slices, right)
        self.labels.index_add_(0, slices, counted)
        self.rows_right.index_add_(0, slices, (right == counted).long())
        self.rows.index_add_(0, slices, torch.ones_like(right))

    def compute(self) -> tuple[float, float]:
        """Accuracy of labels and of whole rows."""
        return (
            _share(self.labels_right.sum(), self.labels.sum()),
            _share(self.rows_right.sum(), self.rows.sum()),
        )

    def slices(self) -> dict[str, dict[str, float]]:
        """The same for each slice that has rows, named by its upper bound; of one process only."""
        names = [str(bound) for bound in self.bounds.tolist()] + ["longer"]
        return {
            name: {
                "accuracy": _share(self.labels_right[i], self.labels[i]),
                "whole_rows": _share(self.rows_right[i], self.rows[i]),
                "rows": int(self.rows[i]),
            }
            for i, name in enumerate(names)
            if self.rows[i]
        }


def _share(part: Tensor, whole: Tensor) -> float:
    return int(part) / int(whole) if int(whole) else math.nan


WHOLE_ROWS: dict[Kind, str] = {"tag": "sequence_accuracy", "transduce": "exact_match"}
"""What the share of rows without a wrong label is called."""


class LabelScores(Scores):
    """All metrics of one split. ``detailed=False`` keeps to those cheap enough for each step."""

    def __init__(self, spec: TaskSpec, *, detailed: bool) -> None:
        super().__init__()
        self.whole_rows = WHOLE_ROWS.get(spec.kind)
        self.accuracy = AccuracyByLength(spec.length_bounds)
        classify = spec.kind == "classify"
        self.labels = spec.labels or [str(i) for i in range(spec.output_size)]
        self.confusion = Confusion(spec.output_size) if classify else None
        two = detailed and classify and spec.output_size == 2
        self.auroc = BinaryAUROC(validate_args=False, sync_on_compute=False) if two else None
        named = detailed and spec.kind == "tag" and are_span_tags(spec.labels)
        self.spans = Spans(spec.labels) if named else None

    def update(
        self, nll: Tensor, count: Tensor, predict: Callable[[], Tensor], batch: Batch
    ) -> None:
        super().update(nll, count, predict, batch)
        logits = predict()
        predicted = logits.argmax(-1)
        self.accuracy.update(predicted, batch.targets, batch.lengths)
        if self.confusion is not None:
            self.confusion.update(predicted, batch.targets)
        if self.auroc is not None:
            self.auroc.update(logits.float().softmax(-1)[:, 1], batch.targets)
        if self.spans is not None:
            self.spans.update(predicted, batch.targets, batch.lengths)

    def compute(self) -> dict[str, float]:
        accuracy, whole_rows = self.accuracy.compute()
        values: dict[str, Any] = super().compute() | {"accuracy": accuracy}
        if self.whole_rows:
            values[self.whole_rows] = whole_rows
        if self.confusion is not None:
            values["macro_f1"] = self.confusion.macro_f1()
            if self.auroc is not None and self.confusion.compute()[0][1].all():
                values["auroc"] = self.auroc.compute()  # needs rows of both classes
        if self.spans is not None:
            values["span_f1"] = self.spans.compute()
        return {name: float(value) for name, value in values.items()}

    def slices(self) -> dict[str, dict[str, dict[str, float]]]:
        """By length, for those slices that have rows."""
        slices = self.accuracy.slices()
        for values in slices.values():
            whole_rows = values.pop("whole_rows")
            if self.whole_rows:
                values[self.whole_rows] = whole_rows
        return {"length": slices}

    def report(self) -> Report:
        """By class, with the confusion matrix, or by type of span."""
        if self.spans is not None:
            return self.spans.report()
        return {} if self.confusion is None else self.confusion.report(self.labels)

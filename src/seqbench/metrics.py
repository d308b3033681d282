"""What is measured on a split: loss, accuracies and, for labels of sequences, F1 and AUROC."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import BinaryAUROC, MulticlassF1Score

from seqbench.batch import IGNORE, Batch
from seqbench.spec import TaskSpec


class MeanLoss(Metric):
    """Loss a label. (torchmetrics 1.9's MeanMetric drops the weights if not told to drop NaN.)"""

    full_state_update = False
    nll: Tensor
    labels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("nll", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("labels", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, nll: Tensor, labels: Tensor) -> None:
        """nll: summed over ``labels`` labels."""
        self.nll += nll
        self.labels += labels

    def compute(self) -> Tensor:
        return self.nll / self.labels


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
        super().__init__()
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
                "sequence_accuracy": _share(self.rows_right[i], self.rows[i]),
                "rows": int(self.rows[i]),
            }
            for i, name in enumerate(names)
            if self.rows[i]
        }


def _share(part: Tensor, whole: Tensor) -> float:
    return int(part) / int(whole) if int(whole) else math.nan


class Scores(nn.Module):
    """All metrics of one split. ``detailed=False`` keeps to those cheap enough for each step."""

    def __init__(self, spec: TaskSpec, *, detailed: bool) -> None:
        super().__init__()
        self.per_step = spec.kind == "tag"
        self.loss = MeanLoss()
        self.accuracy = AccuracyByLength(spec.length_bounds)
        classify = detailed and not self.per_step
        self.macro_f1 = (
            MulticlassF1Score(spec.output_size, average="macro", validate_args=False)
            if classify
            else None
        )
        self.auroc = (
            BinaryAUROC(validate_args=False) if classify and spec.output_size == 2 else None
        )

    def update(self, nll: Tensor, count: Tensor, logits: Tensor, batch: Batch) -> None:
        """nll: summed over ``count`` labels; logits: (B, C) or (B, T, C)."""
        self.loss.update(nll.detach(), count)
        predicted = logits.argmax(-1)
        self.accuracy.update(predicted, batch.targets, batch.lengths)
        if self.macro_f1 is not None:
            self.macro_f1.update(predicted, batch.targets)
        if self.auroc is not None:
            self.auroc.update(logits.float().softmax(-1)[:, 1], batch.targets)

    def compute(self) -> dict[str, float]:
        """Metrics by name, over all updates since the last reset."""
        accuracy, sequence_accuracy = self.accuracy.compute()
        values: dict[str, Any] = {"loss": self.loss.compute(), "accuracy": accuracy}
        if self.per_step:
            values["sequence_accuracy"] = sequence_accuracy
        if self.macro_f1 is not None:
            values["macro_f1"] = self.macro_f1.compute()
        if self.auroc is not None:
            values["auroc"] = self.auroc.compute()
        return {name: float(value) for name, value in values.items()}

    def slices(self) -> dict[str, dict[str, dict[str, float]]]:
        """By length, for those slices that have rows."""
        slices = self.accuracy.slices()
        if not self.per_step:
            for values in slices.values():
                del values["sequence_accuracy"]
        return {"length": slices}

    def reset(self) -> None:
        for metric in self.children():
            assert isinstance(metric, Metric)
            metric.reset()

"""What is measured on a split: loss; of labels accuracies and, for sequences, a report by class;
of a text that is predicted token by token, its perplexity."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import BinaryAUROC

from seqbench.batch import IGNORE, Batch
from seqbench.spec import WRITTEN, TaskSpec

Report = dict[str, Any]
"""``classes``: by label precision, recall, f1 and support; ``confusion``: counts, rows true,
columns predicted. Empty where a task has no label for the sequence."""

WHOLE = 1000
"""Classes up to which the confusion matrix is kept: 8 MB a split."""


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


class Confusion(Metric):
    """How often each class was taken for each: rows true, columns predicted.

    Of more than ``WHOLE`` classes only the diagonal and the sums are kept. (torchmetrics' own
    counts all pairs of classes anew in every step.)
    """

    full_state_update = False
    pairs: Tensor
    sums: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.whole = classes <= WHOLE
        pairs, sums = (classes**2, 0) if self.whole else (0, 3 * classes)
        self.add_state("pairs", torch.zeros(pairs, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("sums", torch.zeros(sums, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, targets: Tensor) -> None:
        """predicted, targets: (B,) classes."""
        ones = torch.ones_like(targets)
        if self.whole:
            self.pairs.index_add_(0, targets * self.classes + predicted, ones)
        else:
            self.sums.index_add_(0, targets, (targets == predicted).long())
            self.sums.index_add_(0, targets + self.classes, ones)
            self.sums.index_add_(0, predicted + 2 * self.classes, ones)

    def compute(self) -> tuple[Tensor, Tensor]:
        """(3, C) how often each class was right, true, predicted; (C, C) or (0, 0) the matrix."""
        if not self.whole:
            return self.sums.view(3, -1).cpu(), self.pairs.view(0, 0).cpu()
        matrix = self.pairs.view(self.classes, -1).cpu()
        return torch.stack([matrix.diag(), matrix.sum(1), matrix.sum(0)]), matrix

    def macro_f1(self) -> float:
        """Mean F1 of the classes that occur, be it in targets or in predictions."""
        right, support, predicted = self.compute()[0].double()
        sizes = support + predicted
        return float((2 * right / sizes)[sizes > 0].mean())

    def report(self, labels: Sequence[str]) -> Report:
        """By class, and the whole matrix. A share of nothing is 0."""
        counts, matrix = self.compute()
        return {
            "classes": {
                label: {
                    "precision": right / predicted if predicted else 0.0,
                    "recall": right / support if support else 0.0,
                    "f1": 2 * right / (support + predicted) if support + predicted else 0.0,
                    "support": support,
                }
                for label, (right, support, predicted) in zip(
                    labels, counts.T.tolist(), strict=True
                )
            },
            "confusion": matrix.tolist(),
        }


class Scores(nn.Module):
    """The metrics of one split that its loss alone gives; a base of those that need more.

    characters: that a token stands for on average; None where tokens are not of a text.
    """

    def __init__(self, characters: float | None = None) -> None:
        super().__init__()
        self.loss = MeanLoss()
        self.characters = characters

    def update(
        self, nll: Tensor, count: Tensor, predict: Callable[[], Tensor], batch: Batch
    ) -> None:
        """nll: summed over ``count`` labels; predict: can be asked for logits (B, [T,] C)."""
        self.loss.update(nll.detach(), count)

    def compute(self) -> dict[str, float]:
        """Metrics by name, over all updates since the last reset."""
        loss = float(self.loss.compute())
        values = {"loss": loss, "perplexity": perplexity(loss)}
        if self.characters:
            values["bits_per_character"] = loss / math.log(2) / self.characters
        return values

    def slices(self) -> dict[str, dict[str, dict[str, float]]]:
        return {}

    def report(self) -> Report:
        return {}

    def reset(self) -> None:
        for metric in self.children():
            assert isinstance(metric, Metric)
            metric.reset()


def perplexity(loss: float) -> float:
    """e to the loss a token, in nats; infinite where no float is as large."""
    return math.exp(loss) if loss < 709 else math.inf


class LabelScores(Scores):
    """All metrics of one split. ``detailed=False`` keeps to those cheap enough for each step."""

    def __init__(self, spec: TaskSpec, *, detailed: bool) -> None:
        super().__init__()
        self.per_step = spec.kind == "tag"
        self.accuracy = AccuracyByLength(spec.length_bounds)
        classify = spec.kind == "classify"
        self.labels = spec.labels or [str(i) for i in range(spec.output_size)]
        self.confusion = Confusion(spec.output_size) if classify else None
        two = detailed and classify and spec.output_size == 2
        self.auroc = BinaryAUROC(validate_args=False) if two else None

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

    def compute(self) -> dict[str, float]:
        accuracy, sequence_accuracy = self.accuracy.compute()
        values: dict[str, Any] = {"loss": self.loss.compute(), "accuracy": accuracy}
        if self.per_step:
            values["sequence_accuracy"] = sequence_accuracy
        if self.confusion is not None:
            values["macro_f1"] = self.confusion.macro_f1()
            if self.auroc is not None and self.confusion.compute()[0][1].all():
                values["auroc"] = self.auroc.compute()  # needs rows of both classes
        return {name: float(value) for name, value in values.items()}

    def slices(self) -> dict[str, dict[str, dict[str, float]]]:
        """By length, for those slices that have rows."""
        slices = self.accuracy.slices()
        if not self.per_step:
            for values in slices.values():
                del values["sequence_accuracy"]
        return {"length": slices}

    def report(self) -> Report:
        """By class, with the confusion matrix."""
        return {} if self.confusion is None else self.confusion.report(self.labels)


def scores_of(spec: TaskSpec, *, detailed: bool, characters: float | None) -> Scores:
    """What a split of such a task is measured by."""
    if spec.kind in WRITTEN:
        return Scores(characters)
    return LabelScores(spec, detailed=detailed)

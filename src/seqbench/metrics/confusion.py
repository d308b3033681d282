"""Which class was taken for which."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from seqbench.metrics.base import Report

WHOLE = 1000
"""Classes up to which the confusion matrix is kept: 8 MB a split."""


class Confusion(Metric):
    """How often each class was taken for each: rows true, columns predicted.

    Of more than ``WHOLE`` classes only the diagonal and the sums are kept. (torchmetrics' own
    counts all pairs of classes anew in every step.)
    """

    full_state_update = False
    pairs: Tensor
    sums: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__(sync_on_compute=False)
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
        """By class, and the whole matrix."""
        counts, matrix = self.compute()
        return {"classes": shares(labels, counts), "confusion": matrix.tolist()}


def shares(labels: Sequence[str], counts: Tensor) -> dict[str, dict[str, float]]:
    """By label precision, recall, F1 and support. A share of nothing is 0.

    counts: ``(3, C)`` how often each was right, true, predicted.
    """
    return {
        label: {
            "precision": right / predicted if predicted else 0.0,
            "recall": right / support if support else 0.0,
            "f1": 2 * right / (support + predicted) if support + predicted else 0.0,
            "support": support,
        }
        for label, (right, support, predicted) in zip(labels, counts.T.tolist(), strict=True)
    }

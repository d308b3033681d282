"""Spans of several steps, as names in a text, from a tag at each step."""

from collections import Counter
from collections.abc import Sequence

import torch
from nervaluate import collect_named_entities
from torch import Tensor
from torchmetrics import Metric

from seqbench.metrics.base import Report
from seqbench.metrics.confusion import shares

OUTSIDE = "O"
PREFIXES = {"B": "B", "I": "I", "S": "B", "E": "I"}
"""Of a tag such as ``B-PER``: how a span begins and goes on; of IOBES, how it ends (``E``) and
stands alone (``S``), and what of IOB2 says the same."""


def are_span_tags(labels: Sequence[str]) -> bool:
    """Whether all labels are ``O`` or a prefix with a type, ``B-PER``."""
    named = [label for label in labels if label != OUTSIDE]
    return bool(named) and all(
        label[:1] in PREFIXES and label[1:2] == "-" and len(label) > 2 for label in named
    )


class Spans(Metric):
    """How many spans are found whole: the same type, first and last step.

    Tags are read as IOB2, IOB1 or IOBES; an ``I`` without a beginning begins a span, as in the
    scoring of CoNLL (Tjong Kim Sang and De Meulder 2003, "Introduction to the CoNLL-2003 shared
    task"), and so does one behind ``E`` or ``S``, which end a span whatever follows.

    labels: the tags, by index.
    """

    full_state_update = False
    counts: Tensor

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__(sync_on_compute=False)
        self.tags = [
            label if label == OUTSIDE else PREFIXES[label[0]] + label[1:] for label in labels
        ]
        self.last = [label[0] in "ES" for label in labels]
        self.types = sorted({tag[2:] for tag in self.tags if tag != OUTSIDE})
        zeros = torch.zeros(3, len(self.types), dtype=torch.long)
        self.add_state("counts", zeros, dist_reduce_fx="sum")

    def update(self, predicted: Tensor, targets: Tensor, lengths: Tensor) -> None:
        """predicted, targets: (B, T) tags; lengths: (B,)."""
        counted: tuple[Counter[str], ...] = (Counter(), Counter(), Counter())
        rows = zip(predicted.tolist(), targets.tolist(), lengths.tolist(), strict=True)
        for found, wanted, length in rows:
            found, wanted = self._spans(found[:length]), self._spans(wanted[:length])
            for counts, spans in zip(counted, (found & wanted, wanted, found), strict=True):
                counts.update(kind for kind, _, _ in spans)
        self.counts += torch.tensor(
            [[counts[kind] for kind in self.types] for counts in counted],
            device=self.counts.device,
        )

    def _spans(self, tags: list[int]) -> set[tuple[str, int, int]]:
        names = [self.tags[i] for i in tags]
        for step, before in enumerate(tags[:-1], start=1):
            if self.last[before] and names[step] != OUTSIDE:
                names[step] = "B" + names[step][1:]
        found = collect_named_entities(names)
        return {(span["label"], span["start"], span["end"]) for span in found}

    def compute(self) -> float:
        """F1 over all types together (micro); 1 where there are none, and none is found."""
        right, support, predicted = self.counts.sum(1).tolist()
        return 2 * right / (support + predicted) if support + predicted else 1.0

    def report(self) -> Report:
        """Precision, recall, F1 and support of each type."""
        return {"spans": shares(self.types, self.counts)}

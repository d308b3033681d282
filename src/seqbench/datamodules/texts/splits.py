"""Which rows make up which split, and which texts stand in more than one place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.cutting import Ints, spans
from seqbench.datamodules.texts.labels import check_classes
from seqbench.datamodules.texts.rows import Rows
from seqbench.datamodules.texts.sources import Source

GATHER = 1_000_000
"""About as many pieces are gathered at a time."""


@dataclass
class Split:
    """The rows of ``part`` that make up one split, and the class of each."""

    part: Rows
    rows: Ints
    labels: Ints

    def chunks(self) -> Iterator[tuple[Ints, npt.NDArray[np.int32]]]:
        """Runs of rows: ``(n,)`` pieces of each text, and the pieces end to end."""
        lengths = self.part.lengths[self.rows]
        run = np.cumsum(lengths) // GATHER
        for rows in np.split(self.rows, np.flatnonzero(np.diff(run)) + 1):
            lengths = self.part.lengths[rows]
            yield lengths, self.part.pieces[spans(self.part.starts[rows], lengths)]


def split_rows(
    source: Source,
    parts: Mapping[str, Split],
    classes: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
) -> dict[str, Split]:
    """The data's own splits as they are, and those of ``fractions`` that they lack from train.

    Raises ``UserError`` where a split would have one class only.
    """
    splits = dict(parts)
    random = np.random.default_rng(seed)
    for name, fraction in fractions.items():
        if name not in parts:
            train = splits["train"]
            drawn, rest = draw(train.labels, np.argsort(classes), fraction, random)
            splits[name] = Split(train.part, train.rows[drawn], train.labels[drawn])
            splits["train"] = Split(train.part, train.rows[rest], train.labels[rest])
            where = f"{source.where('train')}, when {name} is drawn from it"
            check_classes(splits["train"].labels, f"{where}, the rest", classes)
            check_classes(splits[name].labels, f"{where}, {name}", classes)
    return {name: splits[name] for name in ("train", "val", "test")}


def draw(
    labels: Ints, order: Ints, fraction: float, random: np.random.Generator
) -> tuple[Ints, Ints]:
    """Draws a stratified share of the rows: ``(drawn, rest)``, sorted row numbers.

    order: of the classes, such that the same rows are drawn however these are numbered. Of each
    class with two rows or more at least one is drawn and one left; a single one is left.
    """
    drawn = np.zeros(len(labels), bool)
    for label in order[np.isin(order, labels)]:
        rows = np.flatnonzero(labels == label)
        count = min(max(round(len(rows) * fraction), 1), len(rows) - 1)
        drawn[random.choice(rows, count, replace=False)] = True
    return np.flatnonzero(drawn), np.flatnonzero(~drawn)


def repeats(parts: Mapping[str, Split], splits: Mapping[str, Split]) -> dict[str, Any]:
    """Counts of texts that are one to a model: in a split, between splits, across classes."""
    texts = {name: np.unique(split.part.keys[split.rows]) for name, split in parts.items()}
    pairs = {f"{a}/{b}": (texts[a], texts[b]) for a, b in combinations(texts, 2)}
    drawn = {
        name: np.unique(split.part.keys[split.rows])
        for name, split in splits.items()
        if name == "train" or name not in parts
    }
    pairs |= {f"{a}/{b}": (drawn[a], drawn[b]) for a, b in combinations(drawn, 2)}
    keys = np.concatenate([split.part.keys[split.rows] for split in splits.values()])
    labels = np.concatenate([split.labels for split in splits.values()])
    order = np.lexsort((labels, keys))
    keys, labels = keys[order], labels[order]
    both = keys[1:][(keys[1:] == keys[:-1]) & (labels[1:] != labels[:-1])]
    return {
        "duplicates": {name: len(split.rows) - len(texts[name]) for name, split in parts.items()},
        "overlaps": {pair: len(np.intersect1d(*sets)) for pair, sets in pairs.items()},
        "contradictions": len(np.unique(both)),
    }

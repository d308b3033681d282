"""Add-one n-grams: what counting alone makes of the next token, to be measured beside a network."""

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]

LARGEST = 20_000_000
"""Counts kept at most, 4 bytes each; an order that needs more is lowered."""
CHUNK = 1_000_000
"""Tokens counted at a time."""
NAMES = {1: "unigram", 2: "bigram", 3: "trigram"}


class Ids(Protocol):
    """``(S,)`` token ids: an array, or what reads its values by their places."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: npt.NDArray[np.int64], /) -> Ints: ...


class Rows(NamedTuple):
    """N sequences with the token that follows at each step, as ``Ragged`` holds them.

    inputs, targets: ``(S,)`` ids of all sequences end to end. offsets: ``(N + 1,)``.
    groups: ``(N,)`` what else is known of each sequence, such as its label, counted from 0.
    """

    inputs: Ids
    targets: Ids
    offsets: Ints
    groups: Ints | None = None

    @classmethod
    def stream(cls, inputs: Ids, targets: Ids) -> Self:
        """One long text ``(S,)``."""
        return cls(inputs, targets, np.array([0, len(targets)]))


class NGrams(NamedTuple):
    """name: of the order that was used, such as ``trigram``. loss: by split, nats a token."""

    name: str
    order: int
    loss: dict[str, float]

    def metrics(self, characters: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """As a network's, by split. characters: that a token stands for; 0 or left out: none."""
        found = {}
        for split, loss in self.loss.items():
            found[split] = {"loss": loss, "perplexity": math.exp(loss)}
            if characters.get(split):
                found[split]["bits_per_character"] = loss / math.log(2) / characters[split]
        return found


def add_one(
    train: Rows, held_out: Mapping[str, Rows], *, order: int, ids: int, outcomes: int
) -> NGrams:
    """Count n-grams in ``train`` and predict each target of the others from the tokens before it.

    ``p(w | c) = (n(c, w) + 1) / (n(c) + outcomes)`` (Laplace; Jurafsky and Martin, "Speech and
    language processing", 3rd edition draft, section 3.6), where c are the ``order - 1`` tokens
    before w in its sequence, and its group. Before a sequence's first input stands id 0.

    order: 3 for trigrams; lowered where ``ids ** order`` counts a group are more than ``LARGEST``.
    ids: V, one above the largest id. outcomes: tokens that can come: V less padding and start.
    """
    named = [rows.groups for rows in (train, *held_out.values()) if rows.groups is not None]
    groups = 1 + max((int(each.max()) for each in named), default=0)
    while order > 1 and groups * ids**order > LARGEST:
        order -= 1
    counts = np.zeros(groups * ids**order, np.int32)
    for start in range(0, len(train.targets), CHUNK):
        keys = _keys(train, start, order, ids)
        if len(counts) < 4 * CHUNK:  # then counting all is sooner done than sorting
            counts += np.bincount(keys, minlength=len(counts)).astype(np.int32)
        else:
            found, times = np.unique(keys, return_counts=True)
            counts[found] += times.astype(np.int32)
    contexts = counts.reshape(-1, ids).sum(1, dtype=np.int64)
    loss = {}
    for split, rows in held_out.items():
        total = 0.0
        for start in range(0, len(rows.targets), CHUNK):
            keys = _keys(rows, start, order, ids)
            total += float(np.log(contexts[keys // ids] + outcomes).sum())
            total -= float(np.log(counts[keys] + 1.0).sum())
        loss[split] = total / len(rows.targets)
    return NGrams(NAMES.get(order, f"{order}-gram"), order, loss)


def _keys(rows: Rows, start: int, order: int, ids: int) -> npt.NDArray[np.int64]:
    """``(n,)`` the number of the n-gram that ends in each target of a chunk."""
    places = np.arange(start, min(start + CHUNK, len(rows.targets)))
    row = np.searchsorted(rows.offsets, places, side="right") - 1
    first = np.asarray(rows.offsets)[row]
    keys = np.zeros(len(places), np.int64) if rows.groups is None else rows.groups[row]
    keys = keys.astype(np.int64)
    for back in range(order - 2, -1, -1):
        before = places - back
        keys = keys * ids + np.where(before >= first, rows.inputs[np.maximum(before, 0)], 0)
    return keys * ids + rows.targets[places]

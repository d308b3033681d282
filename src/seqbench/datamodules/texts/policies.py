"""What becomes of texts under two labels, and of rows that stand twice."""

from typing import Any, Literal

import numpy as np

from seqbench.datamodules.texts.cutting import Ints

Contradictions = Literal["keep", "drop", "majority", "first"]
Duplicates = Literal["keep", "drop"]


def apply_policies(
    keys: Ints, labels: Ints, contradictions: Contradictions, duplicates: Duplicates
) -> tuple[Ints, dict[str, dict[str, int]]]:
    """The row numbers to keep, in order, and counts of what each policy met and left out.

    keys: ``(N,)`` equal where two rows' texts are. labels: ``(N,)`` class of each.
    contradictions: of the rows of a text under two labels, ``drop`` keeps none, ``majority``
        those with its commonest label (of equals, the one met first), ``first`` those with the
        label of its first row.
    duplicates: ``drop`` keeps the first of the rows left with equal text and equal label.
    """
    _, text = np.unique(keys, return_inverse=True)
    width = int(labels.max()) + 1
    pairs, first, pair, count = np.unique(
        text * width + labels, return_index=True, return_inverse=True, return_counts=True
    )
    pair_text = pairs // width
    contradictory = (np.bincount(pair_text) > 1)[pair_text]
    wanted = np.ones(len(pairs), bool)
    if contradictions == "drop":
        wanted = ~contradictory
    elif contradictions != "keep":
        rank = -count if contradictions == "majority" else np.zeros_like(count)
        order = np.lexsort((first, rank, pair_text))
        wanted[order] = np.diff(pair_text[order], prepend=-1) > 0
    kept = wanted[pair]
    counts = {"contradictions": _counts(np.unique(pair_text[contradictory]).size, ~kept)}
    again = kept & (first[pair] != np.arange(len(keys)))
    counts["duplicates"] = _counts(np.unique(pair[again]).size, again & (duplicates == "drop"))
    if duplicates == "drop":
        kept &= ~again
    return np.flatnonzero(kept), counts


def _counts(texts: int, out: Any) -> dict[str, int]:
    return {"texts": texts, "rows_left_out": int(out.sum())}

"""Modified Kneser-Ney: the next token by n-grams of all orders at once.

Kneser and Ney 1995, "Improved backing-off for m-gram language modeling"; the interpolated form with
three discounts of Chen and Goodman 1999, "An empirical study of smoothing techniques for language
modeling", section 4.2.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ABSENT = 0
"""What stands where a context would reach beyond its text's begin."""

USUAL = (0.5, 1.0, 1.5)
"""Discounts where the counts of counts, of which there are too few, give none."""


class Level(NamedTuple):
    """The n-grams of one order in train: a token w behind a context c of so many elements.

    size: one above the largest element by which a context is longer than that of the level below.
    contexts: ``(C,)`` keys of those there are, sorted. grams: ``(G,)`` keys, sorted, of the number
    of a context and a token. counts: ``(G,)`` how often each stands there. context: ``(G,)`` the
    number of each's context. parent: ``(G,)`` the number of the gram in the level below. absent:
    ``(G,)`` whether its context is none longer than that of the level below, since there the text
    begins.
    """

    size: int
    contexts: Ints
    grams: Ints
    counts: Ints
    context: Ints
    parent: Ints
    absent: npt.NDArray[np.bool_]


class Counts:
    """All n-grams of a text, level by level, as they are wanted.

    targets: ``(S,)`` tokens below ``ids``. elements: for each level but the lowest ``(S,)`` what a
    context is longer by: the token one further back, or what else is known; ``ABSENT`` where there
    is none.
    """

    def __init__(self, targets: Ints, ids: int) -> None:
        self.targets, self.ids = targets.astype(np.int64), ids
        grams, gram, counts = np.unique(self.targets, return_inverse=True, return_counts=True)
        nothing = np.zeros(len(grams), np.int64)
        self.levels = [
            Level(1, np.zeros(1, np.int64), grams, counts, nothing, nothing, nothing > 0)
        ]
        self.context, self.gram = np.zeros(len(targets), np.int64), gram

    def grow(self, elements: Ints) -> None:
        """Add the level of contexts that are longer by these elements."""
        size = int(elements.max(initial=0)) + 1
        contexts, context = np.unique(self.context * size + elements, return_inverse=True)
        grams, first, gram, counts = np.unique(
            context * self.ids + self.targets,
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        level = Level(
            size,
            contexts,
            grams,
            counts,
            grams // self.ids,
            self.gram[first],
            elements[first] == ABSENT,
        )
        self.levels.append(level)
        self.context, self.gram = context, gram


class Table(NamedTuple):
    """Of a level: ``(G,)`` what is left of each gram's count as a share of its context's, and
    ``(C,)`` the share that was taken off, which the level below gives out."""

    level: Level
    share: Floats
    rest: Floats


class KneserNey:
    """``p(w | c) = max(n(c, w) - d(n), 0) / n(c) + rest(c) p(w | c')``, c' one element shorter.

    n of the longest contexts counts how often c, w stands there; of shorter ones, by how many
    elements it is found to be longer; where the text begins there is none, and each time counts.
    Contexts never seen give all to the next shorter. What the shortest has left goes to the
    outcomes that train lacks, as the unknown token, in equal parts; to all where it lacks none.

    counts: of train. outcomes: ids that can come.
    """

    def __init__(self, counts: Counts, outcomes: Ints) -> None:
        self.ids = counts.ids
        self.tables: list[Table] = []
        times = counts.levels[-1].counts
        for level, below in zip(
            reversed(counts.levels), [*reversed(counts.levels[:-1]), None], strict=True
        ):
            self.tables.insert(0, _table(level, times))
            if below is not None:
                each = np.where(level.absent, times, 1)
                times = np.bincount(level.parent, each, len(below.grams)).astype(np.int64)
        seen = np.zeros(counts.ids, bool)
        seen[counts.levels[0].grams] = True
        open_to = outcomes[~seen[outcomes]]
        open_to = open_to if len(open_to) else outcomes
        self.base = np.zeros(counts.ids)
        self.base[open_to] = 1 / len(open_to)

    @property
    def parameters(self) -> int:
        """Numbers that are kept: a share a gram, and the rest of each context."""
        return sum(len(table.share) + len(table.rest) for table in self.tables)

    def probabilities(self, targets: Ints, elements: Sequence[Ints]) -> Floats:
        """``(S,)`` of each target behind its context, as ``Counts`` has them."""
        context = np.zeros(len(targets), np.int64)
        found: Floats = self.base[targets]
        for place, (level, share, rest) in enumerate(self.tables):
            longer = np.ones(len(targets), bool)
            if place:
                new = elements[place - 1]
                known = (context >= 0) & (new < level.size)
                context = _places(level.contexts, np.where(known, context * level.size + new, -1))
                longer = new != ABSENT
            gram = _places(level.grams, np.where(context >= 0, context * self.ids + targets, -1))
            own = np.where(gram >= 0, share[gram], 0.0)
            interpolated = own + rest[context] * found
            found = np.where(longer & (context >= 0), interpolated, found)
        return found


def _places(keys: Ints, wanted: Ints) -> Ints:
    """Where each stands among the sorted keys; -1 for what does not."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, places, -1)


def _table(level: Level, times: Ints) -> Table:
    """times: ``(G,)`` what counts for each gram of the level."""
    discounts = _discounts(times[~level.absent])
    taken = np.concatenate([[0.0], discounts])[np.minimum(times, 3)]
    size = len(level.contexts)
    totals = np.bincount(level.context, times, size)
    share = (times - taken) / totals[level.context]
    return Table(level, share, np.bincount(level.context, taken, size) / totals)


def _discounts(times: Ints) -> Floats:
    """What is taken off counts of 1, 2, and 3 or more (Chen and Goodman, equation 26)."""
    n1, n2, n3, n4 = (int((times == count).sum()) for count in (1, 2, 3, 4))
    if not all((n1, n2, n3, n4)):
        return np.array(USUAL)
    y = n1 / (n1 + 2 * n2)
    found = np.array([1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    usable = (found > 0) & (found < [1, 2, 3])
    return np.where(usable, found, USUAL)

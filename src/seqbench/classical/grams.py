"""How often each run of a few tokens stands in each sequence, as a sparse matrix."""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from seqbench.classical.reading import Flat, Ints

Narrow = npt.NDArray[np.int32]

EDGE = 0
"""Stands before and behind a text whose edges count: the id of padding, which no text holds."""


class Grams:
    """Counts runs of tokens; those that count are those of train.

    ids: one above the largest id. least: sequences of train that a run must stand in. edges: a
    sequence's begin and end are tokens, too.

    A run is known by its last token and by the column of the run without it, so that only what
    goes on from a run that is kept is ever looked at.
    """

    def __init__(self, train: Flat, ids: int, *, least: int, edges: bool) -> None:
        self.ids, self.least, self.edges = ids, least, edges
        self.known: list[Ints] = []
        """By length, the keys of the runs that are kept, sorted."""
        self.parts: list[sparse.csr_matrix] = []
        """By length, ``(N, K)`` their counts in train."""
        self.tokens, self.rows = self._tokens(train)
        self.size = len(train)
        self.column = np.zeros(len(self.tokens), np.int32)

    @property
    def longest(self) -> int:
        return len(self.known)

    def grow(self) -> None:
        """Keep the runs that are longer by a token."""
        keys, places = self._keys(self.tokens, self.rows, self.column, self.longest)
        there, number = np.unique(keys, return_inverse=True)
        matrix = counted(self.rows[places], number, (self.size, len(there)))
        kept = np.flatnonzero(np.bincount(matrix.indices, minlength=len(there)) >= self.least)
        renumbered = np.full(len(there), -1, np.int32)
        renumbered[kept] = np.arange(len(kept))
        self.known.append(there[kept])
        self.parts.append(matrix[:, kept])
        self.column = np.full(len(self.tokens), -1, np.int32)
        self.column[places] = renumbered[number]

    def train(self, longest: int) -> sparse.csr_matrix:
        """``(N, K)`` the counts in train of runs of up to so many tokens."""
        return sparse.hstack(self.parts[:longest], format="csr")

    def counts(self, data: Flat, longest: int) -> sparse.csr_matrix:
        """The same in other sequences; what train lacks is left out."""
        tokens, rows = self._tokens(data)
        column, parts = np.zeros(len(tokens), np.int32), []
        for length, known in enumerate(self.known[:longest]):
            keys, places = self._keys(tokens, rows, column, length)
            number = np.searchsorted(known, keys)
            there = np.append(known, -1)[number] == keys
            places, number = places[there], number[there]
            parts.append(counted(rows[places], number, (len(data), len(known))))
            column = np.full(len(tokens), -1, np.int32)
            column[places] = number
        return sparse.hstack(parts, format="csr")

    def _tokens(self, data: Flat) -> tuple[Narrow, Narrow]:
        """All tokens end to end, and the sequence that each is of."""
        tokens, offsets = data.inputs.astype(np.int32), data.offsets
        if self.edges:
            tokens = np.insert(tokens, np.repeat(offsets, 2)[1:-1], EDGE)
            offsets = offsets + 2 * np.arange(len(offsets))
        return tokens, np.repeat(np.arange(len(data), dtype=np.int32), np.diff(offsets))

    def _keys(self, tokens: Narrow, rows: Narrow, column: Narrow, more: int) -> tuple[Ints, Ints]:
        """The keys of runs of ``more + 1`` tokens, and where each begins.

        column: of the run of ``more`` tokens that begins at each place; -1 for none.
        """
        begins = np.flatnonzero(column[: len(tokens) - more] >= 0)
        begins = begins[rows[begins] == rows[begins + more]]
        return column[begins].astype(np.int64) * self.ids + tokens[begins + more], begins


def counted(rows: Narrow, columns: Ints, shape: tuple[int, int]) -> sparse.csr_matrix:
    """How often each pair of a row and a column is given. rows: sorted."""
    ones: npt.NDArray[np.float32] = np.ones(len(rows), np.float32)
    starts = np.searchsorted(rows, np.arange(shape[0] + 1))
    matrix = sparse.csr_matrix((ones, columns, starts), shape)
    matrix.sum_duplicates()
    return matrix

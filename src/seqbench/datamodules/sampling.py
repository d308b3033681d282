"""Orders of batches: a function of (seed, epoch), with a start offset and a share for each rank."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

Indices = npt.NDArray[np.int64]

WINDOW = 50
"""Batches in a window that is sorted by length: wide enough to leave few steps of padding, narrow
enough that the neighbours of a sequence change from epoch to epoch."""


class Order(Sampler[Any]):
    """An order of batches that depends on the epoch's number alone, and can begin in the midst.

    ``len`` is that of a whole epoch, whatever ``start`` is.
    """

    epoch: int = 0
    start: int = 0
    """Batches to leave out at the beginning of the next iteration; then it is 0 again."""

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    @abstractmethod
    def batches(self) -> Sequence[Any]:
        """All of the epoch ``self.epoch``, as the data set takes them."""

    def __len__(self) -> int:
        return len(self.batches())

    def __iter__(self) -> Iterator[Any]:
        # A generator: a loader with workers calls iter() twice before it asks for a batch.
        start, self.start = self.start, 0
        yield from self.batches()[start:]


class BucketSampler(Order):
    """Batches of row numbers whose sequences are of like length.

    Shuffled: rows are permuted, cut into windows of ``WINDOW`` batches, sorted by length within
    each window, cut into batches, and the batches permuted. The order depends on nothing but
    ``(seed, epoch)``. Not shuffled: all rows sorted by length.

    Rank ``r`` of ``world_size`` takes every ``world_size``-th batch. When shuffled, the ranks' last
    uneven batches are left out so that all take the same number of steps; otherwise none is.
    """

    def __init__(
        self,
        lengths: npt.ArrayLike,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world_size = world_size

    def __len__(self) -> int:
        """Batches of a whole epoch of this rank."""
        batches = -(-len(self.lengths) // self.batch_size)
        if self.shuffle:
            return batches // self.world_size
        return len(range(self.rank, batches, self.world_size))

    def batches(self) -> list[Indices]:
        size = self.batch_size
        if self.shuffle:
            random = np.random.default_rng([self.seed, self.epoch])
            rows = random.permutation(len(self.lengths))
            window = size * WINDOW
            parts = [self._sorted(rows[i : i + window]) for i in range(0, len(rows), window)]
        else:
            parts = [self._sorted(np.arange(len(self.lengths)))]
        batches = [part[i : i + size] for part in parts for i in range(0, len(part), size)]
        if self.shuffle:
            batches = [batches[i] for i in random.permutation(len(batches))]
        return batches[self.rank :: self.world_size][: len(self)]

    def _sorted(self, rows: Indices) -> Indices:
        return rows[np.argsort(self.lengths[rows], kind="stable")]


class InOrder(Order):
    """``0, 1, ..., n - 1`` in the first epoch, ``n, n + 1, ...`` in the second, and so on."""

    def __init__(self, n: int) -> None:
        self.n = n

    def batches(self) -> range:
        return range(self.epoch * self.n, (self.epoch + 1) * self.n)


def batches_of_tokens(lengths: npt.ArrayLike, tokens: int) -> list[Indices]:
    """All rows in batches of like length, each of at most ``tokens`` steps with its padding.

    A row that is longer is a batch by itself.
    """
    sizes = np.asarray(lengths)
    batches, start = [], 0
    rows = np.argsort(-sizes, kind="stable")
    while start < len(rows):
        width = max(1, tokens // int(sizes[rows[start]]))
        batches.append(rows[start : start + width])
        start += width
    return batches

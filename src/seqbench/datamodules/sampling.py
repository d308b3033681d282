"""Orders of batches: a function of (seed, epoch), with a start offset and a share for each rank."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from seqbench.batch import Batch

Indices = npt.NDArray[np.int64]

WINDOW = 50
"""Batches in a window that is sorted by length: wide enough to leave few steps of padding, narrow
enough that the neighbours of a sequence change from epoch to epoch."""


@dataclass(frozen=True)
class StandIn:
    """What a process reads for want of rows of its own in a batch, so that it takes part in it."""

    rows: Indices


class Shared(Dataset[Batch]):
    """A data set that knows stand-ins, and marks the batches that are made of them."""

    def __init__(self, data: Dataset[Batch]) -> None:
        self.data = data

    def __getitem__(self, index: Any) -> Batch:
        if isinstance(index, StandIn):
            return self.data[index.rows]._replace(stand_in=torch.tensor(True))
        return self.data[index]


class Order(Sampler[Any]):
    """An order of batches that depends on the epoch's number alone, and can begin in the midst.

    ``len`` is that of a whole epoch, whatever ``start`` is. Of a training of several processes
    each has an order of its own: as many batches as any other, which together are those of one
    process; ``world_size`` is their number.
    """

    world_size: int = 1
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

    Of ``world_size`` processes each has ``batch_size`` rows of a batch that one process would have
    as a whole: rank ``r`` the rows ``r``, ``r + world_size`` and so on, which are of like length.
    Where none is left for it, the first row stands in.
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
        """Batches of a whole epoch."""
        return -(-len(self.lengths) // (self.batch_size * self.world_size))

    def batches(self) -> list[Any]:
        size = self.batch_size * self.world_size
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
        return [self._share(batch) for batch in batches]

    def _share(self, batch: Indices) -> Indices | StandIn:
        own = batch[self.rank :: self.world_size]
        return self.named(own) if len(own) else StandIn(self.named(batch[:1]))

    def named(self, rows: Indices) -> Indices:
        """These rows as the data set takes them."""
        return rows

    def _sorted(self, rows: Indices) -> Indices:
        return rows[np.argsort(self.lengths[rows], kind="stable")]


class InOrder(Order):
    """``0, 1, ..., n - 1`` in the first epoch, ``n, n + 1, ...`` in the second, and so on.

    world_size: of the processes among which the data set itself shares each of these out.
    """

    def __init__(self, n: int, world_size: int = 1) -> None:
        self.n = n
        self.world_size = world_size

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

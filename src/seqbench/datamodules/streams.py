"""One long text as streams side by side, read a chunk at a time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from seqbench.batch import IGNORE, Batch
from seqbench.datamodules.cache import array
from seqbench.errors import UserError

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hidden:
    """Makes a share of the rarest tokens unknown, others in each epoch.

    A network that knows all words of its training text never meets the unknown token, and has no
    idea how likely it is in another.

    share: of the occurrences of the ids from ``first`` on. unknown: the id that they become.
    """

    share: float
    first: int
    unknown: int
    seed: int

    def __call__(
        self, inputs: Ints, targets: Ints, index: int, rows: slice, of: int
    ) -> tuple[Ints, Ints]:
        """inputs, targets ``(B, T)``: what is a target is the next input, and hidden in both or
        none; but for the last target, of which the next chunk draws anew.

        rows: which of ``of`` streams these are.
        """
        random = np.random.default_rng([self.seed, index])
        gone = (random.random((of, inputs.shape[1] + 1)) < self.share)[rows]
        return (
            np.where(gone[:, :-1] & (inputs >= self.first), self.unknown, inputs),
            np.where(gone[:, 1:] & (targets >= self.first), self.unknown, targets),
        )


class Streams(Dataset[Batch]):
    """A text of N tokens, cut into B streams of equal length (or one step less).

    tokens: ``(N,)`` ids; may be the memory map of an .npy file.
    streams: B, the rows of every batch. steps: T.
    hidden: how some tokens become unknown; none if None.
    rank, world_size: which of how many processes reads: of every batch the rows ``rank``, ``rank +
        world_size`` and so on. A process that has none gets a step that stands in.

    ``dataset[i]`` is the Batch of the streams' i-th chunks of T steps, of C chunks in all: the
    targets are the tokens that follow the inputs, so that each token but the first is a target
    once. The last chunk is as short as it comes, and padded by a step where streams are not of
    one length. ``reset`` is true in the first. ``i`` from C on is the next epoch.

        a b c d e f g h i, B = 2, T = 3  ->  a b c > b c d | d > e
                                             e f g > f g h | h > i

    Raises UserError where the text is too short for B streams.
    """

    def __init__(
        self,
        tokens: npt.NDArray[np.integer],
        *,
        streams: int,
        steps: int,
        hidden: Hidden | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.tokens, self.hidden = tokens, hidden
        self.streams, self.steps = streams, steps
        self.own = slice(rank, None, world_size)
        short, longer = divmod(len(self), streams)
        if short < 1:
            raise UserError(f"{len(tokens)} tokens are too few for {streams} streams")
        row = np.arange(streams)[self.own]
        self.starts = row * short + np.minimum(row, longer)
        self.lengths = short + (row < longer)
        self.longest = short + (longer > 0)
        self.chunks = -(-self.longest // steps)

    def __getstate__(self) -> dict[str, Any]:
        """What goes to a worker that is not forked: of a memory map its file's name."""
        if isinstance(self.tokens, np.memmap):
            return self.__dict__ | {"tokens": self.tokens.filename}
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        if not isinstance(self.tokens, np.ndarray):
            self.tokens = array(Path(self.tokens))

    def __len__(self) -> int:
        """Tokens that are predicted."""
        return max(0, len(self.tokens) - 1)

    def __getitem__(self, index: int) -> Batch:
        chunk = index % self.chunks
        if not len(self.starts):
            return self._stand_in(chunk)
        first = chunk * self.steps
        step = np.arange(first, min(first + self.steps, self.longest))
        valid = step < self.lengths[:, None]
        places = np.where(valid, self.starts[:, None] + step, 0)
        inputs, targets = (self.tokens[places + i].astype(np.int64) for i in (0, 1))
        if self.hidden:
            inputs, targets = self.hidden(inputs, targets, index, self.own, self.streams)
        return Batch(
            torch.from_numpy(inputs),
            torch.from_numpy(valid.sum(1).clip(1)),
            torch.from_numpy(np.where(valid, targets, IGNORE)),
            reset=torch.full((len(self.starts),), chunk == 0),
        )

    def _stand_in(self, chunk: int) -> Batch:
        tokens = torch.from_numpy(self.tokens[:2].astype(np.int64)).view(2, 1, 1)
        return Batch(
            tokens[0],
            torch.ones(1, dtype=torch.long),
            tokens[1],
            reset=torch.tensor([chunk == 0]),
            stand_in=torch.tensor(True),
        )

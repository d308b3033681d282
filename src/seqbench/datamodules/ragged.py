"""Sequences of unequal length in one flat array, and batches as slices of it."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from seqbench.batch import IGNORE, Batch

Keep = Literal["head", "tail", "head+tail"]


class Ragged(Dataset[Batch]):
    """N token sequences: ``tokens[offsets[i] : offsets[i + 1]]`` is the i-th.

    tokens: ``(S,)`` ids of all sequences end to end; may be a memory map.
    offsets: ``(N + 1,)``.
    targets: ``(N,)`` a label a sequence, or, with ``per_step``, ``(S,)`` a label a token.
    max_length: longer sequences are cut to it: ``head`` keeps their first steps, ``tail`` their
        last, ``head+tail`` half of each.
    steps: columns of every batch; None: as many as its longest row needs.

    ``dataset[rows]`` is the Batch of these rows, cut and padded without a loop over them.
    """

    def __init__(
        self,
        tokens: npt.NDArray[np.integer],
        offsets: npt.NDArray[np.int64],
        targets: npt.NDArray[np.integer],
        *,
        padding_id: int,
        per_step: bool = False,
        max_length: int | None = None,
        keep: Keep = "head",
        steps: int | None = None,
    ) -> None:
        self.tokens, self.offsets, self.targets = tokens, offsets, targets
        self.padding_id, self.per_step, self.keep = padding_id, per_step, keep
        self.steps = steps
        full = np.diff(offsets)
        self.lengths = full if max_length is None else np.minimum(full, max_length)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Batch:
        lengths = self.lengths[rows]
        steps = np.arange(lengths.max() if self.steps is None else self.steps)
        positions = self.offsets[rows][:, None] + steps
        if self.keep != "head":
            skipped = (self.offsets[rows + 1] - self.offsets[rows] - lengths)[:, None]
            moved = steps >= ((lengths + 1) // 2 * (self.keep == "head+tail"))[:, None]
            positions += np.where(moved, skipped, 0)
        padding = None
        if lengths.min(initial=len(steps)) < len(steps):
            padding = steps >= lengths[:, None]
            positions[padding] = 0

        def padded(values: npt.NDArray[np.integer], fill: int) -> torch.Tensor:
            taken = values.take(positions).astype(np.int64, copy=False)
            if padding is not None:
                taken[padding] = fill
            return torch.from_numpy(taken)

        targets = (
            padded(self.targets, IGNORE)
            if self.per_step
            else torch.from_numpy(self.targets[rows].astype(np.int64))
        )
        return Batch(
            padded(self.tokens, self.padding_id),
            torch.from_numpy(lengths.astype(np.int64)),
            targets,
        )

"""A cell that ends its process, or what waits for it, or the disk, in the midst of a training."""

import errno
import os
import signal
from multiprocessing.process import parent_process
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from seqbench import Cell

State = tuple[Tensor, ...]


class Doomed(Cell):
    """In its third forward of training a signal comes, so often in all as ``times`` says.

    folder: where it is counted. whom: ``me`` gets SIGKILL, ``parent`` SIGTERM, ``disk`` is full.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        folder: str,
        times: int = 1,
        whom: Literal["me", "parent", "disk"] = "me",
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.folder, self.times, self.whom = Path(folder), times, whom
        self.forwards = 0
        self.input = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size)

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        return (torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype),)

    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        self.forwards += self.training
        count = len(list(self.folder.iterdir()))
        if self.training and self.forwards == 3 and count < self.times:
            (self.folder / str(count)).touch()
            if self.whom == "disk":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self.whom == "me":
                os.kill(os.getpid(), signal.SIGKILL)
            elif search := parent_process():
                assert search.pid is not None
                os.kill(search.pid, signal.SIGTERM)
        return super().forward(x, state, lengths)

    # h' = tanh(W x + U h + b)
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        h = torch.tanh(self.input(x) + self.recurrent(h))
        return h, (h,)

"""A cell that goes wrong in a batch that is named."""

from typing import Literal

import torch
from torch import Tensor, nn

from seqbench import Cell

Trouble = Literal["none", "overflow", "difference", "root", "memory", "list", "other"]
State = tuple[Tensor, ...]


class Troubled(Cell):
    """at: the forward of training, from 1, whose numbers go wrong; -1 is all of evaluation.

    steps: of the batches that fail as a whole, in training or else in evaluation.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        trouble: Trouble = "none",
        at: int = 0,
        steps: int = 0,
        training_only: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.trouble, self.at, self.steps, self.training_only = trouble, at, steps, training_only
        self.forwards = 0
        self.input = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size)

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        return (torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype),)

    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        self.forwards += self.training
        if x.shape[1] == self.steps and self.training == self.training_only:
            self.fail(x)
        return super().forward(x, state, lengths)

    def fail(self, x: Tensor) -> None:
        match self.trouble:
            case "memory":
                x.new_empty(10**15)
            case "list":
                list(range(10**15))
            case "other":
                raise RuntimeError("no kernel for this")

    # h' = tanh(W x + U h + b), but for the trouble
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        a = self.input(x) + self.recurrent(h)
        masked = a.masked_fill(a > 0, -torch.inf)  # as a soft maximum over few would
        a = torch.where(masked.isinf(), a, masked)
        if self.at != (self.forwards if self.training else -1):
            return a.tanh(), (a.tanh(),)
        match self.trouble:
            case "overflow":
                a = torch.exp(a + 1000)
            case "difference":
                large = torch.exp(a + 1000)
                a = large - large.detach()
            case "root":
                a = torch.tanh(a + torch.sqrt(a - a))
        return a, (a,)

"""The minimal gated unit."""

from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.carried import CarriedCell
from seqbench.models.cells.gated import GatedCell


class MGU(GatedCell, CarriedCell):
    """GRU whose one gate both resets and updates: two thirds of a GRU's parameters.

    Zhou, Wu, Zhang and Zhou 2016, "Minimal gated unit for recurrent neural networks"
    (arXiv:1603.09420). No fast kernel computes it.

    forget_bias: the gate's at the start. The gate multiplies the new value, so a negative bias
    remembers.
    """

    gates = ("f", "n")

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        forget_bias: float = -1.0,
        **settings: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        self.start_bias("f", forget_bias)

    # f = sigmoid(W_f x + U_f h + b_f)
    # n = tanh(W_n x + U_n (f * h) + b_n)
    # h' = (1 - f) * h + f * n
    # Zhou et al. 2016, section 3.
    def update(self, x: Tensor, h: Tensor, seen: Tensor) -> tuple[Tensor, State]:
        x_f, x_n = F.linear(x, self.weight_ih, self.bias).chunk(2, -1)
        u_f, u_n = self.weight_hh.chunk(2)
        f = torch.sigmoid(x_f + F.linear(seen, u_f))
        n = torch.tanh(x_n + F.linear(f * seen, u_n))
        h = (1 - f) * h + f * n
        return h, (h,)

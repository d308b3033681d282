"""The gated recurrent unit as first published."""

from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.carried import CarriedCell
from seqbench.models.cells.gated import GatedCell


class GRUv1(GatedCell, CarriedCell):
    """GRU that resets the state before the matrix product; torch and cuDNN reset after it.

    Chung et al. 2014, "Empirical evaluation of gated recurrent neural networks on sequence
    modeling" (arXiv:1412.3555), section 3.2. No fast kernel computes it.

    update_bias: the update gate's at the start. The gate multiplies the new value, the complement
    of torch's, so a negative bias remembers.
    """

    gates = ("r", "z", "n")

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        update_bias: float = -1.0,
        **settings: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        self.start_bias("z", update_bias)

    # r = sigmoid(W_r x + U_r h + b_r)
    # z = sigmoid(W_z x + U_z h + b_z)
    # n = tanh(W_n x + U_n (r * h) + b_n)
    # h' = (1 - z) * h + z * n
    def update(self, x: Tensor, h: Tensor, seen: Tensor) -> tuple[Tensor, State]:
        x_r, x_z, x_n = F.linear(x, self.weight_ih, self.bias).chunk(3, -1)
        u_r, u_z, u_n = self.weight_hh.chunk(3)
        r = torch.sigmoid(x_r + F.linear(seen, u_r))
        z = torch.sigmoid(x_z + F.linear(seen, u_z))
        n = torch.tanh(x_n + F.linear(r * seen, u_n))
        h = (1 - z) * h + z * n
        return h, (h,)

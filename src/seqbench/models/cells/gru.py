"""The gated recurrent unit."""

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.carried import CarriedCell
from seqbench.models.cells.kernel import KernelCell
from seqbench.models.init import Init


class GRU(KernelCell, CarriedCell):
    """GRU in the variant of cuDNN and ``torch.nn.GRU``.

    Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical
    machine translation" (arXiv:1406.1078).

    update_bias: what the update gate's two biases add up to at the start. The gate multiplies the
    old state, so a positive bias remembers.
    """

    gates = 3
    gate_names = ("r", "z", "n")

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        input_init: Init = "xavier",
        recurrent_init: Init = "orthogonal",
        update_bias: float = 1.0,
    ) -> None:
        kernel = nn.GRU(input_size, hidden_size, batch_first=True)
        super().__init__(input_size, hidden_size, kernel, input_init, recurrent_init)
        _, _, b_ih, _ = self.weights
        nn.init.constant_(b_ih.chunk(3)[1], update_bias)

    # r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
    # z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
    # n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
    # h' = (1 - z) * n + z * h
    # Cho et al. 2014, eqs. 5 to 8, except that r multiplies W_hn h + b_hn where theirs multiplies
    # h; so do cuDNN and torch.nn.GRU, whose documentation has these four lines.
    def update(self, x: Tensor, h: Tensor, seen: Tensor) -> tuple[Tensor, State]:
        w_ih, w_hh, b_ih, b_hh = self.weights
        x_r, x_z, x_n = F.linear(x, w_ih, b_ih).chunk(3, -1)
        h_r, h_z, h_n = F.linear(seen, w_hh, b_hh).chunk(3, -1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = (1 - z) * n + z * h
        return h, (h,)

"""The long short-term memory whose gates see the cell."""

from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.gated import GatedCell


class PeepholeLSTM(GatedCell):
    """LSTM with diagonal peepholes, from a unit's cell to its own gates; its state is ``(h, c)``.

    Gers and Schmidhuber 2000, "Recurrent nets that time and count". No fast kernel computes it.
    The peepholes start at 0, where the cell is an LSTM.

    forget_bias: the forget gate's at the start; 1 keeps memory open.
    """

    gates = ("i", "f", "g", "o")
    state_names = ("h", "c")

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        forget_bias: float = 1.0,
        **settings: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        self.peephole = nn.Parameter(torch.zeros(3 * hidden_size))
        self.start_bias("f", forget_bias)

    # i = sigmoid(W_i x + U_i h + p_i * c + b_i)
    # f = sigmoid(W_f x + U_f h + p_f * c + b_f)
    # c' = f * c + i * tanh(W_g x + U_g h + b_g)
    # o = sigmoid(W_o x + U_o h + p_o * c' + b_o)
    # h' = o * tanh(c')
    # Graves 2013, "Generating sequences with recurrent neural networks" (arXiv:1308.0850),
    # eqs. 7 to 11: input and forget gate see the old cell, the output gate sees the new one.
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        p_i, p_f, p_o = self.peephole.chunk(3)
        linear = F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)
        i, f, g, o = linear.chunk(4, -1)
        c = torch.sigmoid(f + p_f * c) * c + torch.sigmoid(i + p_i * c) * torch.tanh(g)
        h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
        return h, (h, c)

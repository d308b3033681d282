"""The long short-term memory whose gates see the cell."""

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.cells.base import Cell, State
from seqbench.models.init import Init, init_weight


class PeepholeLSTM(Cell):
    """LSTM with diagonal peepholes, from a unit's cell to its own gates; its state is ``(h, c)``.

    Gers and Schmidhuber 2000, "Recurrent nets that time and count". No fast kernel computes it.
    The peepholes start at 0, where the cell is an LSTM.

    forget_bias: the forget gate's at the start; 1 keeps memory open.
    """

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        input_init: Init = "xavier",
        recurrent_init: Init = "orthogonal",
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.peephole = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        init_weight(self.weight_ih, input_init, gates=4)
        init_weight(self.weight_hh, recurrent_init, gates=4)
        nn.init.constant_(self.bias.chunk(4)[1], forget_bias)

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        zeros = torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype)
        return zeros, zeros

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

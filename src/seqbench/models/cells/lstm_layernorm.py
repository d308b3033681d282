"""The long short-term memory with layer normalization."""

from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.gated import GatedCell


class LayerNormLSTM(GatedCell):
    """LSTM that normalises both products and, for the output, the cell; its state is ``(h, c)``.

    Ba, Kiros and Hinton 2016, "Layer normalization" (arXiv:1607.06450). No fast kernel computes it.
    The four gates' numbers are normalised together, ``4 * H`` at a time; the cell's H by
    themselves, so one unit alone would always be 0. The paper's biases of the two products would
    only add to b, so b stands for all three.

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
        self.gain_ih = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_hh = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_c = nn.Parameter(torch.ones(hidden_size))
        self.bias_c = nn.Parameter(torch.zeros(hidden_size))
        self.start_bias("f", forget_bias)

    # (i, f, g, o) = LN(W x) + LN(U h) + b, each LN with a gain of its own
    # c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    # h' = sigmoid(o) * tanh(LN(c')), this LN with a gain and a bias
    # Ba et al. 2016, eqs. 20 to 22 (in its supplementary material).
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        x_gates = F.linear(x, self.weight_ih)
        h_gates = F.linear(h, self.weight_hh)
        gates = F.layer_norm(x_gates, x_gates.shape[-1:], self.gain_ih, self.bias)
        gates = gates + F.layer_norm(h_gates, h_gates.shape[-1:], self.gain_hh)
        i, f, g, o = gates.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(F.layer_norm(c, c.shape[-1:], self.gain_c, self.bias_c))
        return h, (h, c)

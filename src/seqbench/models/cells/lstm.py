"""The long short-term memory."""

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.kernel import KernelCell
from seqbench.models.init import Init


class LSTM(KernelCell):
    """LSTM with a forget gate and without peepholes; its state is ``(h, c)``.

    Hochreiter and Schmidhuber 1997, "Long short-term memory"; the forget gate from Gers,
    Schmidhuber and Cummins 2000, "Learning to forget".

    forget_bias: what the forget gate's two biases add up to at the start; 1 keeps memory open
    (Jozefowicz, Zaremba and Sutskever 2015).
    """

    gates = 4
    gate_names = ("i", "f", "g", "o")
    state_names = ("h", "c")

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        input_init: Init = "xavier",
        recurrent_init: Init = "orthogonal",
        forget_bias: float = 1.0,
    ) -> None:
        kernel = nn.LSTM(input_size, hidden_size, batch_first=True)
        super().__init__(input_size, hidden_size, kernel, input_init, recurrent_init)
        _, _, b_ih, _ = self.weights
        nn.init.constant_(b_ih.chunk(4)[1], forget_bias)

    # i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      f, o alike
    # g = tanh(W_ig x + b_ig + W_hg h + b_hg)
    # c' = f * c + i * g
    # h' = o * tanh(c')
    # Graves 2013, "Generating sequences with recurrent neural networks" (arXiv:1308.0850),
    # eqs. 7 to 11, less the peephole terms.
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        w_ih, w_hh, b_ih, b_hh = self.weights
        i, f, g, o = (F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)

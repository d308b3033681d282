"""The long short-term memory as first published, without a forget gate."""

from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.gated import GatedCell


class LSTM1997(GatedCell):
    """LSTM that adds to its cell and never forgets; its state is ``(h, c)``.

    Hochreiter and Schmidhuber 1997, "Long short-term memory". No fast kernel computes it. The
    paper's squashing functions are kept, for they belong to the cell: what is written lies in
    (-2, 2), what is read in (-1, 1). It is therefore an ``LSTM`` with its forget gate held open
    only after rescaling: with the candidate's weights halved, and half the cell. Two things are
    as in the LSTM of today: gates see the units' outputs but not each other, and gradients are
    those of the whole recurrence, where the paper cuts them off at the gates.

    input_bias, output_bias: the gates' at the start. The paper's section 4 makes them negative: the
    input gate's against a cell that drifts away, for nothing else holds it back, and the output
    gate's against cells that serve as a bias.
    """

    gates = ("i", "g", "o")
    state_names = ("h", "c")

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        input_bias: float = -1.0,
        output_bias: float = -1.0,
        **settings: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        self.start_bias("i", input_bias)
        self.start_bias("o", output_bias)

    # i = sigmoid(W_i x + U_i h + b_i)      o alike
    # g = 2 tanh((W_g x + U_g h + b_g) / 2)
    # c' = c + i * g
    # h' = o * tanh(c' / 2)
    # Hochreiter and Schmidhuber 1997, section 4 and appendix A.1, whose 4 / (1 + exp(-a)) - 2 is
    # 2 tanh(a / 2) and whose 2 / (1 + exp(-a)) - 1 is tanh(a / 2).
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        linear = F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)
        i, g, o = linear.chunk(3, -1)
        c = c + torch.sigmoid(i) * 2 * torch.tanh(g / 2)
        h = torch.sigmoid(o) * torch.tanh(c / 2)
        return h, (h, c)

"""The Elman network."""

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.kernel import KernelCell
from seqbench.models.init import Init


class RNN(KernelCell):
    """Simple recurrent network with tanh. Elman 1990, "Finding structure in time"."""

    gates = 1

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        input_init: Init = "xavier",
        recurrent_init: Init = "orthogonal",
    ) -> None:
        kernel = nn.RNN(input_size, hidden_size, batch_first=True)
        super().__init__(input_size, hidden_size, kernel, input_init, recurrent_init)

    # h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
    # Elman 1990, figure 2: hidden units see the input and their own last activations. tanh stands
    # for his logistic function, as in Goodfellow et al. 2016, "Deep Learning", eqs. 10.8 and 10.9.
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        w_ih, w_hh, b_ih, b_hh = self.weights
        h = torch.tanh(F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh))
        return h, (h,)

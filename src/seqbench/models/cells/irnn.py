"""The IRNN: rectified linear units that start as a memory."""

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.cells.base import State
from seqbench.models.cells.kernel import KernelCell
from seqbench.models.init import Init


class IRNN(KernelCell):
    """Recurrent network of ReLUs whose recurrent weight starts as the identity.

    Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent networks of rectified linear
    units" (arXiv:1504.00941).
    """

    gates = 1

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        input_init: Init = "xavier",
        recurrent_init: Init = "identity",
    ) -> None:
        kernel = nn.RNN(input_size, hidden_size, nonlinearity="relu", batch_first=True)
        super().__init__(input_size, hidden_size, kernel, input_init, recurrent_init)

    # h' = max(0, W_ih x + b_ih + W_hh h + b_hh), with W_hh = I and b = 0 at the start
    # Le et al. 2015, section 2; the paper numbers no equations.
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        w_ih, w_hh, b_ih, b_hh = self.weights
        h = torch.relu(F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh))
        return h, (h,)

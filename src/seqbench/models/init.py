"""How weights start."""

from typing import Literal

import torch
from torch import Tensor, nn

Init = Literal["uniform", "kaiming", "xavier", "orthogonal", "identity", "zeros"]


@torch.no_grad()
def init_weight(weight: Tensor, init: Init, gates: int = 1) -> None:
    """Fill a weight in place, each gate's block by itself.

    weight: ``(gates * H, D)``, the gates' matrices stacked as ``torch.nn.LSTM`` stacks them.
    init: ``uniform`` U(-1/sqrt(H), 1/sqrt(H)), as ``torch.nn.LSTM`` starts; ``kaiming``
    U(-1/sqrt(D), 1/sqrt(D)), as ``torch.nn.Linear`` starts (He et al. 2015, with a = sqrt(5));
    ``xavier`` uniform (Glorot and Bengio 2010, eq. 16); ``orthogonal`` (Saxe et al. 2014);
    ``identity``; ``zeros``.

    A stacked matrix filled as a whole would get xavier's bound from ``gates * H`` outputs, and
    orthogonal columns over all gates together, in which no single gate is orthogonal.
    """
    for block in weight.chunk(gates):
        match init:
            case "uniform":
                bound = block.shape[0] ** -0.5
                nn.init.uniform_(block, -bound, bound)
            case "kaiming":
                nn.init.kaiming_uniform_(block, a=5**0.5)
            case "xavier":
                nn.init.xavier_uniform_(block)
            case "orthogonal":
                nn.init.orthogonal_(block)
            case "identity":
                nn.init.eye_(block)
            case "zeros":
                nn.init.zeros_(block)
            case _:
                raise ValueError(f"unknown init {init!r}")

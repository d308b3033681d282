"""What gated cells without a kernel have in common."""

from typing import ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from seqbench.models.cells.base import Cell, State
from seqbench.models.init import Init, init_weight


class GatedCell(Cell):
    """A cell of several gates, each with W, U and b of its own; no fast kernel computes it.

    ``weight_ih (G * H, D)``, ``weight_hh (G * H, H)`` and ``bias (G * H,)`` hold the G gates'
    one after another, in the order of ``gates``, which are the equation's names. The biases and
    all parts of the state start at 0.
    """

    gates: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        *,
        input_init: Init = "xavier",
        recurrent_init: Init = "orthogonal",
    ) -> None:
        super().__init__(input_size, hidden_size)
        count = len(self.gates)
        self.weight_ih = nn.Parameter(torch.empty(count * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(count * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(count * hidden_size))
        init_weight(self.weight_ih, input_init, count)
        init_weight(self.weight_hh, recurrent_init, count)

    @torch.no_grad()
    def start_bias(self, gate: str, value: float) -> None:
        """Fill one gate's bias."""
        self.bias.chunk(len(self.gates))[self.gates.index(gate)].fill_(value)

    def recurrent_weights(self) -> dict[str, Tensor]:
        parts = self.weight_hh.chunk(len(self.gates))
        return {f"U_{gate}": part for gate, part in zip(self.gates, parts, strict=True)}

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        size = batch_size, self.hidden_size
        return tuple(torch.zeros(size, device=device, dtype=dtype) for _ in self.state_names)

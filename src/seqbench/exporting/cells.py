"""Cells as ONNX writes them: a node of its own for torch's kernels, a loop for all others.

Torch's exporter follows a network operation by operation and is right about all of it but the
recurrence: of ``nn.RNN`` it makes a file that computes something else, and a loop over time steps
is unrolled to as many as the example has. So a copy of the network gets these cells instead.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from seqbench.models.cells.base import Cell, State
from seqbench.models.cells.kernel import KernelCell
from seqbench.models.regularisation import Regularisation
from seqbench.models.stack import Stack

ORDERS: dict[str, tuple[int, ...]] = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""Which of torch's gates stand where in ONNX: torch has i f g o and r z n, ONNX i o f c and z r h
(https://onnx.ai/onnx/operators, LSTM, GRU and RNN)."""

Attributes = dict[
    str, int | float | str | bool | Sequence[int] | Sequence[float] | Sequence[str] | Sequence[bool]
]


class Replaced(Cell):
    """A cell that stands for another: the same sizes, states and results, other operations."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell.input_size, cell.hidden_size)
        self.output_size = cell.output_size
        # A bound method rather than the cell, whose weights would stand in the file unused.
        self.start = cell.initial_state

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        return self.start(batch_size, device, dtype)


class Node(Replaced):
    """One layer of torch.nn's LSTM, GRU or RNN as the ONNX node of that name."""

    names: ClassVar[dict[type[nn.RNNBase], str]] = {nn.LSTM: "LSTM", nn.GRU: "GRU", nn.RNN: "RNN"}
    w: Tensor
    r: Tensor
    b: Tensor

    def __init__(self, cell: KernelCell) -> None:
        super().__init__(cell)
        self.node = self.names[type(cell.kernel)]
        self.parts = len(cell.state_names)
        self.attributes: Attributes = {"hidden_size": cell.hidden_size}
        if isinstance(cell.kernel, nn.GRU):
            self.attributes["linear_before_reset"] = 1  # the reset comes behind W_hn h, as in torch
        elif isinstance(cell.kernel, nn.RNN):
            self.attributes["activations"] = [cell.kernel.nonlinearity.capitalize()]
        w_ih, w_hh, b_ih, b_hh = (self._ordered(each.detach()) for each in cell.weights)
        self.register_buffer("w", w_ih)
        self.register_buffer("r", w_hh)
        self.register_buffer("b", torch.cat([b_ih, b_hh], 1))

    def _ordered(self, stacked: Tensor) -> Tensor:
        """``(gates * H, ...)`` with the gates in ONNX's order, behind an axis of directions."""
        order = ORDERS[self.node]
        gates = stacked.chunk(len(order))
        return torch.cat([gates[i] for i in order]).unsqueeze(0)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, state = self.native(x.unsqueeze(1), state, None)
        return y[:, 0], state

    def native(self, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        """In ONNX y is ``(T, directions, B, H)``, a state ``(directions, B, H)``."""
        assert lengths is None
        batch, steps = x.shape[0], x.shape[1]
        wide = (1, batch, self.hidden_size)
        y, *final = torch.onnx.ops.symbolic_multi_out(
            self.node,
            (x.transpose(0, 1), self.w, self.r, self.b, None, *(part[None] for part in state)),
            self.attributes,
            dtypes=(x.dtype,) * (1 + self.parts),
            shapes=((steps, *wide), *(wide,) * self.parts),
        )
        return y.squeeze(1).transpose(0, 1), tuple(part.squeeze(0) for part in final)


class Loop(Replaced):
    """Any other cell: its equation in the body of ONNX's Scan, whatever its own kernel does.

    within: what is done around each step; in evaluation that is zoneout.
    """

    def __init__(self, cell: Cell, within: Regularisation) -> None:
        super().__init__(cell)
        self.cell, self.within = cell, within

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.within.around(self.cell, state)(x, state)

    def native(self, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        assert lengths is None
        from torch._higher_order_ops.scan import scan  # no public name as yet; others do without

        step = self.within.around(self.cell, state)

        def body(carried: list[Tensor], x_t: Tensor) -> tuple[list[Tensor], Tensor]:
            y, following = step(x_t, tuple(carried))
            # Scan takes no output that is another, or an input.
            return [part.clone() for part in following], y.clone()

        # Nor may two parts of the state be one tensor.
        final, y = scan(body, [part.clone() for part in state], x.transpose(0, 1))
        return y.transpose(0, 1), tuple(final)


def replace_cells(network: nn.Module) -> None:
    """Put such a cell in the place of each one in ``network``, which is in evaluation mode."""
    for stack in [each for each in network.modules() if isinstance(each, Stack)]:
        for name, cell in list(stack.cells.named_children()):
            assert isinstance(cell, Cell)
            stack.cells.add_module(name, _replacement(cell, stack.regularisation))
        stack.regularisation = Regularisation()  # the loops do it


def _replacement(cell: Cell, within: Regularisation) -> Replaced:
    # A class that changes what a kernel computes has changed its equation, too.
    own_kernel = isinstance(cell, KernelCell) and type(cell).native is KernelCell.native
    if isinstance(cell, KernelCell) and own_kernel and not within.zoneout:
        return Node(cell)
    return Loop(cell, within)

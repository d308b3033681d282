"""What the cells that torch.nn brings a kernel for have in common."""

from typing import ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqbench.models.cells.base import Cell, State
from seqbench.models.init import Init, init_weight


class KernelCell(Cell):
    """A cell whose parameters live in ``kernel``, one layer of torch.nn's RNN, GRU or LSTM.

    ``native`` runs the kernel and ``step`` reads its weights, so both backends share one state
    dict. The kernel has two bias vectors, b_ih and b_hh; both start at 0, and a cell that wants
    another bias at the start sets b_ih alone, for the two are added.
    """

    gates: ClassVar[int]
    gate_names: ClassVar[tuple[str, ...]] = ()
    """As the equation calls them, in the order in which the kernel stacks their weights."""

    def __init__(
        self,
        input_size: PositiveInt,
        hidden_size: PositiveInt,
        kernel: nn.RNNBase,
        input_init: Init,
        recurrent_init: Init,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.kernel = kernel
        w_ih, w_hh, b_ih, b_hh = self.weights
        init_weight(w_ih, input_init, self.gates)
        init_weight(w_hh, recurrent_init, self.gates)
        nn.init.zeros_(b_ih)
        nn.init.zeros_(b_hh)

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W_ih ``(gates * H, D)``, W_hh ``(gates * H, H)``, b_ih and b_hh ``(gates * H,)``."""
        w_ih, w_hh, b_ih, b_hh = self.kernel.all_weights[0]
        return w_ih, w_hh, b_ih, b_hh

    def recurrent_weights(self) -> dict[str, Tensor]:
        _, w_hh, _, _ = self.weights
        if self.gates == 1:
            return {"W_hh": w_hh}
        names = self.gate_names or tuple(map(str, range(self.gates)))
        parts = zip(names, w_hh.chunk(self.gates), strict=True)
        return {f"W_h{name}": part for name, part in parts}

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        size = batch_size, self.hidden_size
        return tuple(torch.zeros(size, device=device, dtype=dtype) for _ in self.state_names)

    def native(self, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        # A kernel's state has a first axis for layers and directions.
        parts = tuple(part.unsqueeze(0).contiguous() for part in state)
        given = parts if len(parts) > 1 else parts[0]
        if lengths is None:
            y, final = self.kernel(x, given)
        else:
            packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
            packed, final = self.kernel(packed, given)
            y, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
        finals = final if len(parts) > 1 else (final,)
        return y, tuple(part.squeeze(0) for part in finals)

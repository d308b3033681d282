"""check_cell finds what is broken: each of these cells has one fault."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.cells.base import Cell, State
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.lstm import LSTM
from seqbench.testing import check_cell


class SwappedGates(LSTM):
    """Input and forget gate change places."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        w_ih, w_hh, b_ih, b_hh = self.weights
        f, i, g, o = (F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class ResetBefore(GRU):
    """The reset gate multiplies h before the matrix, as in the paper but not in the kernel."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        w_ih, w_hh, b_ih, b_hh = self.weights
        x_r, x_z, x_n = F.linear(x, w_ih, b_ih).chunk(3, -1)
        h_r, h_z, _ = F.linear(h, w_hh, b_hh).chunk(3, -1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + F.linear(r * h, w_hh.chunk(3)[2], b_hh.chunk(3)[2]))
        h = (1 - z) * n + z * h
        return h, (h,)


class DetachedGate(LSTM):
    """Right in value; the forget gate passes no gradient."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        w_ih, w_hh, b_ih, b_hh = self.weights
        i, f, g, o = (F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh)).chunk(4, -1)
        c = torch.sigmoid(f).detach() * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class NativeIgnoresLengths(LSTM):
    """Its final state is the one after the padding."""

    def native(self, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        return super().native(x, state, None)


class NativeDropsCell(LSTM):
    """It carries h and forgets c."""

    def native(self, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        return super().native(x, (state[0], torch.zeros_like(state[1])), lengths)


class Sound(Cell):
    """A sound cell without a kernel; the faulty ones below change it in one place."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.w = nn.Linear(input_size, hidden_size)
        self.u = nn.Linear(hidden_size, hidden_size)

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        zeros = torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype)
        return zeros, zeros

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, m = state
        h = torch.tanh(self.w(x) + self.u(h) + m)
        return h, (h, 0.5 * m + 0.5 * h)


class ReadsOtherRows(Sound):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, m = state
        return super().step(x, (h - 0.1 * h.mean(0), m))


class IgnoresGivenState(Sound):
    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        return super().forward(x, None, lengths)


class CarriesPart(Sound):
    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        y, (h, m) = super().forward(x, state, lengths)
        return y, (h, torch.zeros_like(m))


class HasNoMemory(Sound):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = torch.tanh(self.w(x))
        return h, (h, h)


class UsesPart(Sound):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, _ = state
        h = torch.tanh(self.w(x) + self.u(h))
        return h, (h, h)


class ReturnsPart(Sound):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, (h, _) = super().step(x, state)
        return y, (h,)


class WritesInPlace(Sound):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, (h, m) = super().step(x, state)
        with torch.no_grad():
            state[1].mul_(0.5)
        return y, (h, m)


class KeepsStateInside(Sound):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.seen = 0

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        self.seen += 1
        y, state = super().step(x, state)
        return y * self.seen, state


class LosesGradient(Sound):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x, (state[0].detach(), state[1]))


class NotInStateDict(Sound):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.scale = float(torch.rand(()))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(self.scale * x, state)


class AlwaysFloat32(Sound):
    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        return super().initial_state(batch_size, device, torch.float32)


class HalfState(Sound):
    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        y, (h, m) = super().forward(x, state, lengths)
        half = torch.is_autocast_enabled("cpu")
        return y, (h, m.bfloat16() if half else m)


class MasksAnew(Sound):
    def masked_step(self, x: Tensor, state: State, mask: Tensor) -> tuple[Tensor, State]:
        return super().masked_step(x, state, mask / 0.9)


class WrongStateSize(Sound):
    @property
    def state_size(self) -> int:
        return self.hidden_size


class WrongOutputSize(Sound):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.output_size = hidden_size + 1


NUMBER = r"differs by \d\.\de[-+]\d\d \(allowed \d\.\de[-+]\d\d\)"
FAULTS = [
    (SwappedGates, f"native forward = loop of steps, from a state: output {NUMBER}"),
    (ResetBefore, f"native forward = loop of steps, from a state: output {NUMBER}"),
    (DetachedGate, f"native = reference: gradient of x {NUMBER}"),
    (NativeIgnoresLengths, f"a row in a padded batch = the row alone: final state.0. {NUMBER}"),
    (NativeDropsCell, f"native forward = loop of steps, from a state: output {NUMBER}"),
    (ReadsOtherRows, f"a row in a padded batch = the row alone: output {NUMBER}"),
    (IgnoresGivenState, f"reference forward = loop of steps, from a state: output {NUMBER}"),
    (CarriesPart, rf"loop of steps, from a state: final state\[1\] {NUMBER}"),
    (HasNoMemory, r"the state is used: another state\[0\] changes nothing"),
    (UsesPart, r"the state is used: another state\[1\] changes nothing"),
    (ReturnsPart, r"step: the state was \[.*\] and comes out as \[.*\]"),
    (WritesInPlace, rf"step is pure: its input state\[1\] {NUMBER}"),
    (KeepsStateInside, rf"step is pure \(the same step again\): output {NUMBER}"),
    (MasksAnew, f"masked_step with a mask of ones = step: output {NUMBER}"),
    (LosesGradient, "gradcheck in float64: "),
    (NotInStateDict, f"state dict round trip: output {NUMBER}"),
    (AlwaysFloat32, r"state\[0\] is torch.float32, where torch.float64 was asked"),
    (HalfState, r"bf16 autocast: state\[1\] is torch.bfloat16, not torch.float32"),
    (WrongStateSize, "state_size: is 8, but a row carries 16 numbers"),
    (WrongOutputSize, r"step: the output is \(3, 8\), where output_size says \(3, 9\)"),
]


def test_the_cell_they_vary_is_sound() -> None:
    check_cell(Sound)


@pytest.mark.parametrize(
    ("cls", "message"), FAULTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_fault_is_found(cls: type[Cell], message: str) -> None:
    with pytest.raises(AssertionError, match=f"^{cls.__name__}: .*{message}"):
        check_cell(cls)

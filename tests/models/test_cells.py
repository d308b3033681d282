"""Every cell that a yaml names keeps the contract and is torch.nn's where torch has it."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hydra.utils import get_class
from omegaconf import OmegaConf
from torch import Tensor, nn

from seqbench.errors import UserError
from seqbench.models.cells.base import Backend, Cell, State
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.gru_v1 import GRUv1
from seqbench.models.cells.irnn import IRNN
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.rnn import RNN
from seqbench.models.init import Init, init_weight
from seqbench.testing import check_cell

CONF = Path(__file__).parents[2] / "conf" / "model"
YAMLS = sorted(path for path in CONF.glob("*.yaml") if path.stem != "base")


def cell_of(path: Path) -> tuple[type[Cell], dict[str, Any]]:
    model = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(model, dict)
    settings = dict(model["cell"])
    return get_class(settings.pop("_target_")), settings


def test_there_are_yamls() -> None:
    wanted = {"rnn", "irnn", "lstm", "gru", "mgu", "lstm_1997", "lstm_peephole", "lstm_layernorm"}
    assert wanted <= {path.stem for path in YAMLS}


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_contract(path: Path) -> None:
    cls, settings = cell_of(path)
    check_cell(cls, **settings)


def test_check_leaves_the_global_state_alone() -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    check_cell(RNN)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


KERNELS: list[tuple[type[Cell], partial[nn.RNNBase]]] = [
    (RNN, partial(nn.RNN)),
    (IRNN, partial(nn.RNN, nonlinearity="relu")),
    (LSTM, partial(nn.LSTM)),
    (GRU, partial(nn.GRU)),
]


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize(
    ("cls", "kernel"), KERNELS, ids=lambda value: getattr(value, "__name__", "")
)
def test_equals_torch(
    cls: type[Cell], kernel: partial[nn.RNNBase], backend: Literal["native", "reference"]
) -> None:
    """A torch.nn module's weights, loaded into the cell, give what that module gives."""
    theirs = kernel(3, 5, batch_first=True).double()
    ours = cls(3, 5).double()
    ours.load_state_dict({f"kernel.{key}": value for key, value in theirs.state_dict().items()})
    ours.select_backend(backend)
    x = torch.randn(4, 60, 3, dtype=torch.float64)
    state = tuple(torch.randn(4, 5, dtype=torch.float64) for _ in range(2 if cls is LSTM else 1))
    given = tuple(part.unsqueeze(0) for part in state)
    want, final = theirs(x, given if cls is LSTM else given[0])
    got, ours_final = ours(x, state)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)
    for part, wanted in zip(ours_final, final if cls is LSTM else (final,), strict=True):
        torch.testing.assert_close(part, wanted[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0, 2.5])
def test_forget_bias_is_that_in_total(forget_bias: float) -> None:
    _, _, b_ih, b_hh = LSTM(3, 4, forget_bias=forget_bias).weights
    i, f, g, o = (b_ih + b_hh).chunk(4)
    assert f.tolist() == [forget_bias] * 4
    assert torch.cat([i, g, o]).abs().max() == 0


def test_forget_bias_remembers() -> None:
    """With all weights 0 a step scales c by the forget gate alone."""
    cell = LSTM(3, 4, input_init="zeros", recurrent_init="zeros", forget_bias=2.0)
    _, (_, c) = cell(torch.zeros(1, 1, 3), (torch.zeros(1, 4), torch.ones(1, 4)))
    torch.testing.assert_close(c, torch.sigmoid(torch.full((1, 4), 2.0)))


def test_update_bias_remembers() -> None:
    """With all weights 0, h is scaled by the update gate: positive keeps more than half."""
    cell = GRU(3, 4, input_init="zeros", recurrent_init="zeros", update_bias=2.0)
    _, _, b_ih, b_hh = cell.weights
    assert (b_ih + b_hh).tolist() == [0.0] * 4 + [2.0] * 4 + [0.0] * 4
    _, (h,) = cell(torch.zeros(1, 1, 3), (torch.ones(1, 4),))
    torch.testing.assert_close(h, torch.sigmoid(torch.full((1, 4), 2.0)))


def test_irnn_starts_as_a_memory() -> None:
    h = torch.rand(2, 4)
    _, (after,) = IRNN(3, 4)(torch.zeros(2, 100, 3), (h,))
    assert torch.equal(after, h)


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_recurrent_start_is_orthogonal_by_gate(cls: type[RNN | LSTM | GRU]) -> None:
    _, w_hh, _, _ = cls(3, 8).weights
    for block in w_hh.chunk(cls.gates):
        torch.testing.assert_close(block @ block.T, torch.eye(8))


def test_init_takes_each_gate_by_itself() -> None:
    weight = torch.empty(4 * 16, 16)
    for init, bound in {"uniform": 16**-0.5, "xavier": (6 / 32) ** 0.5}.items():
        init_weight(weight, "xavier" if init == "xavier" else "uniform", gates=4)
        for block in weight.chunk(4):
            assert 0.95 * bound < block.abs().max() <= bound
    init_weight(weight, "identity", gates=4)
    assert torch.equal(weight, torch.eye(16).repeat(4, 1))
    init_weight(weight, "zeros", gates=4)
    assert torch.equal(weight, torch.zeros(64, 16))


def test_init_refuses_what_it_does_not_know() -> None:
    unknown: Any = "glorot"
    with pytest.raises(ValueError, match="unknown init 'glorot'"):
        init_weight(torch.empty(2, 2), unknown)


def test_settings_reach_the_weights() -> None:
    inits: list[Init] = ["zeros", "identity"]
    for init in inits:
        w_ih, w_hh, _, _ = RNN(4, 4, input_init=init, recurrent_init=init).weights
        want = torch.zeros(4, 4) if init == "zeros" else torch.eye(4)
        assert torch.equal(w_ih, want)
        assert torch.equal(w_hh, want)


class Plain(Cell):
    """A user's cell: ``initial_state`` and ``step``, nothing else."""

    def __init__(self, input_size: int, hidden_size: int, *, rate: float = 0.5) -> None:
        super().__init__(input_size, hidden_size)
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)
        self.rate = rate

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        zeros = torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype)
        return zeros, zeros

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, slow = state
        h = torch.tanh(self.linear(torch.cat([x.to(h.dtype), h], -1)) + slow)
        return h, (h, self.rate * slow + (1 - self.rate) * h)


def test_users_cell_passes() -> None:
    check_cell(Plain)
    check_cell(Plain, input_size=2, hidden_size=6, rate=0.25)


def test_native_is_refused_where_there_is_none() -> None:
    with pytest.raises(UserError, match="native: Plain brings no native kernel; use"):
        Plain(3, 4).select_backend("native")
    assert Plain(3, 4).backend == "reference"


def test_backend_auto_is_native() -> None:
    cell, backends = LSTM(3, 4), [LSTM(3, 4).backend]
    choices: list[Backend] = ["reference", "auto", "reference", "native"]
    for choice in choices:
        cell.select_backend(choice)
        backends.append(cell.backend)
    assert backends == ["native", "reference", "native", "reference", "native"]


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_ragged_state_is_each_rows_own(backend: Literal["native", "reference"]) -> None:
    cell = LSTM(3, 4)
    cell.select_backend(backend)
    x, lengths = torch.randn(3, 7, 3), torch.tensor([2, 7, 4])
    y, (h, _) = cell(x, None, lengths)
    torch.testing.assert_close(h, y[torch.arange(3), lengths - 1])


def test_kaiming_goes_by_the_inputs() -> None:
    weight = torch.empty(40, 100)
    init_weight(weight, "kaiming", gates=4)
    assert 0.095 < weight.abs().max() < 0.1


def test_gru_v1_resets_before_the_product() -> None:
    """Against the equations written out row by row."""
    cell = GRUv1(3, 4, update_bias=0.5).double()
    x, h = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    w, u, b = (part.chunk(3) for part in (cell.weight_ih, cell.weight_hh, cell.bias))
    y, _ = cell.step(x, (h,))
    for row in range(2):
        r, z = (torch.sigmoid(w[i] @ x[row] + u[i] @ h[row] + b[i]) for i in range(2))
        n = torch.tanh(w[2] @ x[row] + u[2] @ (r * h[row]) + b[2])
        torch.testing.assert_close(y[row], (1 - z) * h[row] + z * n, rtol=0, atol=1e-14)
    assert b[1].tolist() == [0.5] * 4

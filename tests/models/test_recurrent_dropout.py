"""Masks that are one over a sequence: within the recurrence and between layers."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_class
from omegaconf import OmegaConf
from torch import Tensor, nn

from seqbench.errors import UserError
from seqbench.models.cells.base import Backend, Cell, State
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.gru_v1 import GRUv1
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.mgu import MGU
from seqbench.models.cells.rnn import RNN
from seqbench.models.regularisation import SequenceDropout
from seqbench.models.stack import Stack

CONF = Path(__file__).parents[2] / "conf" / "model"
YAMLS = sorted(path for path in CONF.glob("*.yaml") if path.stem != "base")


class Probe(Cell):
    """Puts out the state that it sees, and makes it all ones again."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.output_size = 2 * hidden_size

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        ones = torch.ones(batch_size, self.hidden_size, device=device, dtype=dtype)
        return ones, ones.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        return torch.cat([h, c], -1), (torch.ones_like(h), torch.ones_like(c))


def seen(stack: Stack, x: Tensor) -> tuple[Tensor, Tensor]:
    """What a Probe saw of h and of c, ``(B, T, H)`` each."""
    h, c = stack(x)[0].chunk(2, -1)
    return h, c


def different_rows(x: Tensor) -> int:
    return len({tuple(row) for row in x.tolist()})


def test_the_mask_is_one_over_time_and_for_h_alone() -> None:
    stack = Stack(Probe, 3, 200, recurrent_dropout=0.25)
    x = torch.randn(4, 9, 3)
    h, c = seen(stack, x)
    assert set(c.flatten().tolist()) == {1.0}
    assert sorted(set(h.flatten().tolist())) == pytest.approx([0, 4 / 3])
    assert torch.equal(h, h[:, :1].expand_as(h)), "the same at every step"
    assert different_rows(h[:, 0]) == 4, "another for each row"
    again, _ = seen(stack, x)
    assert not torch.equal(again, h), "another in each call"
    assert 0.2 < (h == 0).float().mean() < 0.3
    stack.eval()
    assert set(seen(stack, x)[0].flatten().tolist()) == {1.0}


def test_layers_and_directions_have_masks_of_their_own() -> None:
    stack = Stack(Probe, 3, 50, num_layers=2, bidirectional=True, recurrent_dropout=0.5)
    masks: list[Tensor] = []
    for cell in stack.cells:
        assert isinstance(cell, Probe)
        plain = cell.step

        def spy(x: Tensor, state: State, plain: Any = plain) -> tuple[Tensor, State]:
            masks.append(state[0].flatten())
            y, after = plain(x, state)
            return y, after

        cell.__dict__["step"] = spy
    stack(torch.randn(4, 7, 3))
    assert len(masks) == 4 * 7
    assert different_rows(torch.stack(masks)) == 4


def test_what_recurrent_dropout_expects_is_what_there_is() -> None:
    stack = Stack(Probe, 3, 4000, recurrent_dropout=0.4)
    h, _ = seen(stack, torch.randn(10, 1, 3))
    assert h.mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_what_is_put_out_and_carried_on_is_not_masked(cell: type[RNN | LSTM | GRU]) -> None:
    stack = Stack(cell, 3, 30, recurrent_dropout=0.5)
    y, (state,) = stack(torch.randn(4, 9, 3))
    assert torch.equal(y[:, -1], state[0])
    assert (y == 0).sum() == 0


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_the_mask_stands_at_the_recurrent_products(path: Path) -> None:
    """For one row, masking what a product reads is masking the columns of its weight."""
    model: Any = OmegaConf.to_container(OmegaConf.load(path))
    settings = dict(model["cell"])
    cell = get_class(settings.pop("_target_"))(3, 6, **settings).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    start = cell.initial_state(1, torch.device("cpu"), torch.float64)
    state = tuple(torch.randn_like(part) for part in start)
    x, mask = torch.randn(1, 3).double(), torch.tensor([[0, 2.0, 0, 2.0, 2.0, 2.0]]).double()
    y, masked = cell.masked_step(x, state, mask)
    assert not torch.allclose(y, cell.step(x, state)[0])
    with torch.no_grad():
        for name, weight in cell.named_parameters():
            if "weight_hh" in name:
                weight.mul_(mask)
    want, final = cell.step(x, state)
    torch.testing.assert_close(y, want, rtol=0, atol=1e-13)
    for got, wanted in zip(masked, final, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell", [GRU, GRUv1, MGU])
def test_a_state_carried_past_the_products_neither_fades_nor_grows(cell: type[Cell]) -> None:
    stack = Stack(cell, 3, 8, recurrent_dropout=0.5)
    plain = Stack(cell, 3, 8)
    for name, weight in stack.named_parameters():
        if "weight_hh" in name:
            nn.init.zeros_(weight)
    plain.load_state_dict(stack.state_dict())
    x = torch.randn(2, 300, 3)
    torch.testing.assert_close(stack(x)[0], plain(x)[0], rtol=0, atol=1e-5)


def test_padding_draws_no_other_mask() -> None:
    stack = Stack(LSTM, 3, 4, recurrent_dropout=0.3)
    x = torch.randn(3, 12, 3)
    torch.manual_seed(1)
    short, _ = stack(x[:, :7])
    torch.manual_seed(1)
    assert torch.equal(stack(x)[0][:, :7], short)


class Leaky(RNN):
    """It mixes h into the new one, as no product does."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        _, (new,) = super().step(x, state)
        h = 0.9 * state[0] + 0.1 * new
        return h, (h,)


class KnowingLeaky(Leaky):
    def masked_step(self, x: Tensor, state: State, mask: Tensor) -> tuple[Tensor, State]:
        _, (new,) = RNN.step(self, x, (mask * state[0],))
        h = 0.9 * state[0] + 0.1 * new
        return h, (h,)


def test_a_cell_that_dropout_would_break_is_refused() -> None:
    with pytest.raises(UserError, match=r"^model\.recurrent_dropout: Leaky .* Leaky\.masked_step"):
        Stack(Leaky, 3, 4, recurrent_dropout=0.1)
    assert Stack(Leaky, 3, 4, zoneout=0.1)(torch.randn(2, 9, 3))[0].isfinite().all()
    y, _ = Stack(KnowingLeaky, 3, 4, recurrent_dropout=0.5)(torch.randn(2, 500, 3))
    assert y.abs().max() <= 1


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_every_cell_of_ours_takes_recurrent_dropout(path: Path) -> None:
    model: Any = OmegaConf.to_container(OmegaConf.load(path))
    settings = dict(model["cell"])
    cell = partial(get_class(settings.pop("_target_")), **settings)
    stack = Stack(cell, 3, 6, 2, recurrent_dropout=0.3, zoneout=0.1)
    assert stack(torch.randn(2, 20, 3), None, torch.tensor([20, 3]))[0].isfinite().all()


def inputs_of(stack: Stack, x: Tensor) -> list[Tensor]:
    found: list[Tensor] = []
    hooks = [
        cell.register_forward_pre_hook(lambda _, given: found.append(given[0]))
        for cell in stack.cells
    ]
    stack(x)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_dropout_between_layers_is_one_mask_a_sequence(backend: Backend) -> None:
    stack = Stack(RNN, 3, 100, 2, True, dropout=0.4, variational=True, backend=backend)
    x = torch.randn(4, 15, 3)
    first, _, ahead, back = inputs_of(stack, x)
    assert torch.equal(first, x)
    assert torch.equal(ahead, back.flip(1)), "one for both directions"
    dropped = ahead == 0
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert different_rows(dropped[:, 0]) == 4
    assert 0.3 < dropped.float().mean() < 0.5
    assert not torch.equal(inputs_of(stack, x)[2] == 0, dropped)
    stack.eval()
    assert (inputs_of(stack, x)[2] == 0).sum() == 0


def test_sequence_dropout_keeps_what_is_expected() -> None:
    x = torch.ones(500, 3, 100)
    assert SequenceDropout(0.4)(x).mean().item() == pytest.approx(1, abs=0.02)
    assert SequenceDropout(0.0)(x) is x
    assert SequenceDropout(0.4).eval()(x) is x

"""Recurrent dropout and zoneout around cells that do not know of them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_class
from omegaconf import OmegaConf
from torch import Tensor, nn

import seqbench
from seqbench.errors import UserError
from seqbench.models.cells.base import Backend, Cell, State
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.gru_v1 import GRUv1
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.mgu import MGU
from seqbench.models.cells.rnn import RNN
from seqbench.models.regularisation import Regularisation, SequenceDropout
from seqbench.models.stack import Stack

CONF = Path(__file__).parents[2] / "conf" / "model"
YAMLS = sorted(path for path in CONF.glob("*.yaml") if path.stem != "base")
LENGTHS = torch.tensor([12, 5, 1])


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


class Counter(Cell):
    """Each number of its state is one more than the last; a step number goes beside them."""

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        zeros = torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype)
        return zeros, zeros[:, :1].long()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, number = state
        h = (number + 1).to(h.dtype).expand_as(h)
        return h, (h, number + 1)


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


@pytest.mark.parametrize("rates", [{"recurrent_dropout": 0.3}, {"dropout": 0.3}, {}])
def test_in_evaluation_dropout_is_not_there(rates: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"num_layers": 2, "bidirectional": True}
    stack = Stack(LSTM, 3, 4, **settings, **rates, variational=True)
    plain = Stack(LSTM, 3, 4, **settings, backend=stack.backend)
    plain.load_state_dict(stack.state_dict())
    x = torch.randn(3, 12, 3)
    got, want = stack.eval()(x, None, LENGTHS), plain(x, None, LENGTHS)
    assert torch.equal(got[0], want[0])
    assert torch.equal(got[0], stack(x, None, LENGTHS)[0])
    for parts, wanted in zip(got[1], want[1], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(parts, wanted, strict=True))


def test_zoneout_keeps_old_values() -> None:
    """Each number by itself, in training; whole numbers go on."""
    stack = Stack(Counter, 3, 500, zoneout=0.3)
    y, ((h, number),) = stack(torch.randn(4, 20, 3))
    assert torch.equal(y[:, -1], h), "what is put out is what is kept"
    assert number.flatten().tolist() == [20] * 4
    before = torch.cat([torch.zeros(4, 1, 500), y[:, :-1]], 1)
    steps = torch.arange(1.0, 21).view(1, -1, 1)
    kept = y != steps
    assert torch.equal(y[kept], before[kept])
    assert kept.float().mean().item() == pytest.approx(0.3, abs=0.01)
    shares = kept.float().mean((0, 2))
    assert shares.min() > 0.24, "at every step"
    assert not torch.equal(kept[:, 1], kept[:, 2]), "drawn at each"
    assert not torch.equal(stack(torch.randn(4, 20, 3))[0], y)


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_zoneout_takes_the_expectation_in_evaluation(cell: type[RNN | LSTM | GRU]) -> None:
    stack = Stack(cell, 3, 4, zoneout=0.3).double().eval()
    ours = stack.cells[0]
    assert isinstance(ours, Cell)
    x = torch.randn(2, 15, 3, dtype=torch.float64)
    state = ours.initial_state(2, x.device, x.dtype)
    outputs = []
    for x_t in x.unbind(1):
        _, new = ours.step(x_t, state)
        state = tuple(0.3 * old + 0.7 * part for old, part in zip(state, new, strict=True))
        outputs.append(state[0])
    y, (final,) = stack(x)
    torch.testing.assert_close(y, torch.stack(outputs, 1), rtol=0, atol=1e-14)
    for got, want in zip(final, state, strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-14)
    assert torch.equal(stack(x)[0], y)


def test_the_expectation_is_that_of_training() -> None:
    stack = Stack(LSTM, 3, 4, zoneout=0.3).double()
    x = torch.randn(1, 1, 3, dtype=torch.float64).expand(40_000, 1, 3)
    state = ((torch.randn(1, 4).double().expand(40_000, 4),) * 2,)
    (drawn,) = stack(x, state)[1]
    (mean,) = stack.eval()(x[:1], ((state[0][0][:1],) * 2,))[1]
    for part, want in zip(drawn, mean, strict=True):
        torch.testing.assert_close(part.mean(0, keepdim=True), want, rtol=0, atol=0.02)


class Reads(RNN):
    """A user's cell that puts out something else than its state."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, after = super().step(x, state)
        return 2 * h, after


def test_an_output_that_is_no_state_stays_as_it_is() -> None:
    stack = Stack(Reads, 3, 4, zoneout=0.5).eval()
    x = torch.randn(2, 1, 3)
    y, ((h,),) = stack(x)
    torch.testing.assert_close(y[:, 0], 4 * h)


@pytest.mark.parametrize("cell", [LSTM, GRUv1])
def test_rates_of_0_cost_nothing(cell: type[Cell], monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell itself runs, by its kernel if it has one, and no random number is drawn."""
    stack = Stack(cell, 3, 4, 2, variational=True, recurrent_dropout=0.0, zoneout=0.0)
    plain = Stack(cell, 3, 4, 2)
    plain.load_state_dict(stack.state_dict())
    assert stack.backend == plain.backend == ("native" if cell is LSTM else "reference")
    x, random = torch.randn(3, 12, 3), torch.get_rng_state()
    want = plain(x)
    if cell is LSTM:
        monkeypatch.setattr(LSTM, "step", None)
    got = stack(x)
    assert torch.equal(got[0], want[0])
    assert torch.equal(torch.get_rng_state(), random)


SETTINGS: list[dict[str, Any]] = [
    {"recurrent_dropout": 0.2},
    {"zoneout": 0.2},
    {"recurrent_dropout": 0.2, "zoneout": 0.2},
]


@pytest.mark.parametrize("rates", SETTINGS)
def test_the_kernel_is_refused(rates: dict[str, Any]) -> None:
    stack = Stack(LSTM, 3, 4, 2, **rates)
    assert stack.backend == "reference"
    assert Stack(LSTM, 3, 4, backend="reference", **rates).backend == "reference"
    named = " ".join(f"model.{name}=0.2" for name in rates)
    with pytest.raises(UserError, match=rf"^model\.backend=native: no kernel can do {named}; use"):
        stack.select_backend("native")
    with pytest.raises(UserError, match=r"^model\.backend=native: .*=auto or model\.backend=ref"):
        Stack(LSTM, 3, 4, backend="native", **rates)


@pytest.mark.parametrize("rates", SETTINGS)
@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_a_checkpoint_moves(cell: type[LSTM | GRU], rates: dict[str, Any]) -> None:
    """The same keys with as without."""
    plain = Stack(cell, 3, 4, 2, bidirectional=True)
    stack = Stack(cell, 3, 4, 2, bidirectional=True, dropout=0.1, variational=True, **rates)
    assert list(stack.state_dict()) == list(plain.state_dict())
    stack.load_state_dict(plain.state_dict())
    assert [*dict(stack.named_parameters())] == [*dict(plain.named_parameters())]


@pytest.mark.parametrize("rates", SETTINGS)
@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_padding_and_other_rows_change_nothing(
    cell: type[LSTM | GRU], rates: dict[str, Any]
) -> None:
    stack = Stack(cell, 3, 4, 2, bidirectional=True, **rates).double().eval()
    x = torch.randn(3, 12, 3, dtype=torch.float64)
    longer = torch.cat([x, torch.full((3, 5, 3), 9.0, dtype=torch.float64)], 1)
    y, state = stack(longer, None, LENGTHS, ragged_state=True)
    for i, length in enumerate(LENGTHS.tolist()):
        want, alone = stack(x[i : i + 1, :length])
        torch.testing.assert_close(y[i, :length], want[0], rtol=0, atol=1e-12)
        for parts, wanted in zip(state, alone, strict=True):
            for got, part in zip(parts, wanted, strict=True):
                torch.testing.assert_close(got[i], part[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("rates", SETTINGS)
def test_ragged_rows_end_with_their_own_last_step_in_training(rates: dict[str, Any]) -> None:
    y, ((h,),) = Stack(GRU, 3, 20, **rates)(torch.randn(3, 12, 3), None, LENGTHS, True)
    assert torch.equal(h, y[torch.arange(3), LENGTHS - 1])


def test_padding_draws_no_other_mask() -> None:
    stack = Stack(LSTM, 3, 4, recurrent_dropout=0.3)
    x = torch.randn(3, 12, 3)
    torch.manual_seed(1)
    short, _ = stack(x[:, :7])
    torch.manual_seed(1)
    assert torch.equal(stack(x)[0][:, :7], short)


@pytest.mark.parametrize("rates", SETTINGS)
def test_two_chunks_are_one_pass_in_evaluation(rates: dict[str, Any]) -> None:
    stack = Stack(LSTM, 3, 4, 2, **rates).double().eval()
    x = torch.randn(2, 30, 3, dtype=torch.float64)
    whole, _ = stack(x)
    first, state = stack(x[:, :11])
    second, state = stack(x[:, 11:-1], state)
    last, _ = stack.step(x[:, -1], state)
    got = torch.cat([first, second, last.unsqueeze(1)], 1)
    torch.testing.assert_close(got, whole, rtol=0, atol=1e-12)


def test_gradients_flow_where_the_mask_lets_them() -> None:
    stack = Stack(LSTM, 3, 20, recurrent_dropout=0.5)
    h = torch.randn(1, 20, requires_grad=True)
    c = torch.randn(1, 20, requires_grad=True)
    y, _ = stack(torch.randn(1, 1, 3), ((h, c),))
    y.sum().backward()
    assert h.grad is not None
    assert c.grad is not None
    assert 3 < (h.grad == 0).sum() < 17
    assert (c.grad == 0).sum() == 0
    both = Stack(GRU, 3, 4, 2, dropout=0.2, variational=True, recurrent_dropout=0.2, zoneout=0.2)
    both(torch.randn(5, 9, 3))[0].square().sum().backward()
    for name, parameter in both.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0, name


def test_autocast() -> None:
    stack = Stack(RNN, 3, 8, 2, recurrent_dropout=0.2, zoneout=0.2)
    for training in (True, False):
        stack.train(training)
        with torch.autocast("cpu", torch.bfloat16):
            y, state = stack(torch.randn(3, 12, 3))
            y, state = stack(torch.randn(3, 12, 3), state)
        assert y.dtype == torch.bfloat16
        assert {part.dtype for parts in state for part in parts} == {torch.float32}


def test_a_state_that_cannot_be_masked_is_refused() -> None:
    class CountsFirst(Counter):
        def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
            return super().initial_state(batch_size, device, dtype)[::-1]

    with pytest.raises(UserError, match=r"^model\.recurrent_dropout: .* CountsFirst's state .*=0$"):
        Stack(CountsFirst, 3, 4, recurrent_dropout=0.1)
    assert Stack(CountsFirst, 3, 4, zoneout=0.1).backend == "reference"


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


def test_it_runs_a_cell_by_itself() -> None:
    """As a part of a network of one's own."""
    cell, x = LSTM(3, 4), torch.randn(2, 9, 3)
    y, state = Regularisation(zoneout=0.5)(cell, x, None, None)
    assert y.shape == (2, 9, 4)
    assert torch.equal(Regularisation()(cell, x, None, None)[0], cell(x)[0])
    assert len(state) == 2


LANGUAGE_MODEL = [
    "task=char_lm",
    "task.path=text.txt",
    "task.batch_size=4",
    "task.sequence_length=20",
    "model=lstm",
    "model.hidden_size=16",
    "model.num_layers=2",
    "model.embedding.size=4",
    "model.dropout=0.1",
    "model.variational=true",
    "model.recurrent_dropout=0.1",
    "model.zoneout=0.1",
    "optimizer.lr=0.02",
    "trainer.max_epochs=4",
    "trainer.accelerator=cpu",
    "callbacks.samples.length=5",
    "logger=none",
    "progress=none",
    "threads=1",
]


def test_a_language_model_trains_with_all_of_it(here: Path) -> None:
    """It learns a text that repeats itself, carries its state, and is measured the same twice."""
    (here / "text.txt").write_text("abcde fgh\n" * 120, "utf-8")
    result = seqbench.run(LANGUAGE_MODEL)
    network = result.model.module.network
    assert network.backend == "reference"
    loss = result.metrics["test"]["loss"]
    assert loss < 1.2, "chance is 2.3"
    model = seqbench.load(result.path)
    assert model.evaluate("test").metrics["loss"] == pytest.approx(loss, rel=1e-6)
    written = model.generate("abc", length=8, top_k=1)[0].text
    assert written == model.generate("abc", length=8, top_k=1)[0].text
    with pytest.raises(UserError, match=r"^model\.backend=native: no kernel can do model\.rec"):
        model.generate("abc", length=8, backend="native")

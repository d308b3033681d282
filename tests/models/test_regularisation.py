"""Recurrent dropout and zoneout in the stack: evaluation, kernels, checkpoints, training."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import seqbench
from seqbench.errors import UserError
from seqbench.models.cells.base import Cell, State
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.gru_v1 import GRUv1
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.rnn import RNN
from seqbench.models.regularisation import Regularisation
from seqbench.models.stack import Stack

LENGTHS = torch.tensor([12, 5, 1])


class Counter(Cell):
    """Each number of its state is one more than the last; a step number goes beside them."""

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        zeros = torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype)
        return zeros, zeros[:, :1].long()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, number = state
        h = (number + 1).to(h.dtype).expand_as(h)
        return h, (h, number + 1)


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

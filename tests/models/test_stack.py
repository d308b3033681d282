import pytest
import torch
from torch import Tensor, nn

from seqbench.errors import UserError
from seqbench.models.cells.base import Backend
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.irnn import IRNN
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.rnn import RNN
from seqbench.models.stack import Stack, StackState, flip, reversing_order

LENGTHS = torch.tensor([12, 5, 1])


def copied(theirs: nn.LSTM, ours: Stack) -> Stack:
    """Our stack with torch.nn's weights."""
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    directions = ["", "_reverse"][: ours.num_directions]
    ends = [f"_l{layer}{d}" for layer in range(ours.num_layers) for d in directions]
    weights = theirs.state_dict()
    ours.load_state_dict(
        {
            f"cells.{i}.kernel.{name}_l0": weights[name + end]
            for i, end in enumerate(ends)
            for name in names
        }
    )
    return ours


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_equals_torch(backend: Backend, bidirectional: bool, batch_first: bool) -> None:
    theirs = nn.LSTM(
        3, 4, num_layers=2, bidirectional=bidirectional, batch_first=batch_first
    ).double()
    ours = Stack(LSTM, 3, 4, 2, bidirectional, backend=backend, batch_first=batch_first).double()
    copied(theirs, ours)
    x = torch.randn(3, 3, 3, dtype=torch.float64) if batch_first else torch.randn(7, 3, 3).double()
    states = 4 if bidirectional else 2
    h, c = torch.randn(2, states, 3, 4, dtype=torch.float64)
    want, (want_h, want_c) = theirs(x, (h, c))
    got, state = ours(x, tuple(zip(h, c, strict=True)))
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.stack([h for h, _ in state]), want_h, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.stack([c for _, c in state]), want_c, rtol=0, atol=1e-12)


def test_equals_torch_packed() -> None:
    """Ragged rows, both directions: what torch.nn gives by packing, states included."""
    theirs = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True).double()
    ours = copied(theirs, Stack(LSTM, 3, 4, 2, bidirectional=True).double())
    x = torch.randn(3, 12, 3, dtype=torch.float64)
    packed = nn.utils.rnn.pack_padded_sequence(x, LENGTHS, True, enforce_sorted=False)
    packed, (h, c) = theirs(packed)
    want, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    got, state = ours(x, None, LENGTHS, ragged_state=True)
    valid = (torch.arange(12) < LENGTHS.unsqueeze(1)).unsqueeze(-1)
    torch.testing.assert_close(torch.where(valid, got, 0), want, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.stack([part for part, _ in state]), h, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.stack([part for _, part in state]), c, rtol=0, atol=1e-12)


def valid_results(stack: Stack, x: Tensor, lengths: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Outputs in valid steps, and the gradients of x and all parameters by them."""
    x = x.clone().requires_grad_()
    y, _ = stack(x, None, lengths)
    valid = (torch.arange(x.shape[1]) < lengths.unsqueeze(1)).unsqueeze(-1)
    y = torch.where(valid, y, 0)
    gradients = torch.autograd.grad((y**2).sum(), [x, *stack.parameters()])
    return y.detach(), list(gradients)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("cell", [RNN, IRNN, LSTM, GRU])
def test_padding_and_other_rows_change_nothing(
    cell: type[RNN | IRNN | LSTM | GRU], backend: Backend, bidirectional: bool
) -> None:
    stack = Stack(cell, 3, 4, 2, bidirectional, backend=backend).double()
    x = torch.randn(3, 12, 3, dtype=torch.float64)
    y, (by_x, *by_weights) = valid_results(stack, x, LENGTHS)
    longer = torch.cat([x, torch.full((3, 5, 3), 9.0, dtype=torch.float64)], 1)
    longer[1, 5:12], longer[2, 1:12] = -7.0, 5.0
    y_longer, (by_longer, *_) = valid_results(stack, longer, LENGTHS)
    torch.testing.assert_close(y_longer[:, :12], y, rtol=0, atol=1e-12)
    torch.testing.assert_close(by_longer[:, :12], by_x, rtol=1e-11, atol=1e-12)
    assert by_longer[:, 12:].abs().max() == 0
    summed = [torch.zeros_like(gradient) for gradient in by_weights]
    for i, length in enumerate(LENGTHS.tolist()):
        y_row, (by_row, *rest) = valid_results(stack, x[i : i + 1, :length], LENGTHS[i : i + 1])
        torch.testing.assert_close(y_row[0], y[i, :length], rtol=0, atol=1e-12)
        torch.testing.assert_close(by_row[0], by_x[i, :length], rtol=1e-11, atol=1e-12)
        summed = [a + b for a, b in zip(summed, rest, strict=True)]
    for got, want in zip(by_weights, summed, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-11)


def test_the_last_output_is_h() -> None:
    y, state = Stack(GRU, 3, 4, num_layers=2)(torch.randn(2, 9, 3))
    assert torch.equal(y[:, -1], state[-1][0])


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_two_chunks_are_one_pass(backend: Backend) -> None:
    stack = Stack(LSTM, 3, 4, 3, backend=backend).double()
    x = torch.randn(2, 60, 3, dtype=torch.float64)
    whole, last = stack(x)
    first, state = stack(x[:, :25])
    second, state = stack(x[:, 25:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=1e-12)
    for got, want in zip(state, last, strict=True):
        torch.testing.assert_close(torch.stack(got), torch.stack(want), rtol=0, atol=1e-12)


def layers_inputs(stack: Stack, x: Tensor) -> list[Tensor]:
    """What each cell was given."""
    inputs: list[Tensor] = []
    hooks = [
        cell.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        for cell in stack.cells
    ]
    stack(x)
    for hook in hooks:
        hook.remove()
    return inputs


def test_dropout_stands_between_layers_only() -> None:
    stack = Stack(RNN, 3, 64, num_layers=2, dropout=0.5)
    x = torch.randn(4, 30, 3)
    first, second = layers_inputs(stack, x)
    assert torch.equal(first, x)
    share = (second == 0).float().mean().item()
    assert 0.45 < share < 0.55
    assert (stack(x)[0] == 0).sum() == 0
    stack.eval()
    assert (layers_inputs(stack, x)[1] == 0).sum() == 0


def test_dropout_is_drawn_once_for_both_directions() -> None:
    stack = Stack(RNN, 3, 8, num_layers=2, bidirectional=True, dropout=0.5)
    _, _, ahead, back = layers_inputs(stack, torch.randn(4, 6, 3))
    assert torch.equal(ahead, back.flip(1))


def test_sizes() -> None:
    stack = Stack(LSTM, 3, 4, num_layers=3, bidirectional=True)
    assert (stack.output_size, stack.state_size, stack.num_directions) == (8, 3 * 2 * 2 * 4, 2)
    start = stack.initial_state(5, torch.device("cpu"), torch.float64)
    assert [[tuple(part.shape) for part in parts] for parts in start] == [[(5, 4)] * 2] * 6
    assert Stack(RNN, 3, 4).state_size == 4


def test_backend_reaches_every_cell() -> None:
    stack = Stack(LSTM, 3, 4, num_layers=2, bidirectional=True, backend="reference")
    assert stack.backend == "reference"
    assert {cell.backend for cell in stack.cells} == {"reference"}
    assert Stack(LSTM, 3, 4).backend == "native"


def test_what_is_no_cell_is_refused() -> None:
    no_cell: type[LSTM] = nn.LSTM  # type: ignore[assignment]
    with pytest.raises(UserError, match=r"model.cell: LSTM is no seqbench.Cell"):
        Stack(no_cell, 3, 4)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_autocast(cell: type[RNN | LSTM | GRU], backend: Backend) -> None:
    """Two layers in both directions run in bfloat16 with a float32 state, and carry it on."""
    stack = Stack(cell, 3, 4, num_layers=2, bidirectional=True, backend=backend)
    x, lengths = torch.randn(3, 12, 3), LENGTHS
    want, _ = stack(x, None, lengths)
    state: StackState | None = None
    with torch.autocast("cpu", torch.bfloat16):
        got, state = stack(x, None, lengths)
        _, state = stack(x, state, lengths, ragged_state=True)
    assert {part.dtype for parts in state for part in parts} == {torch.float32}
    valid = (torch.arange(12) < lengths.unsqueeze(1)).unsqueeze(-1)
    torch.testing.assert_close((got * valid).float(), want * valid, rtol=0, atol=0.05)


def test_flip() -> None:
    x = torch.randn(3, 12, 2, dtype=torch.float64, requires_grad=True)
    order = reversing_order(LENGTHS, 12)
    turned = flip(x, order)
    assert torch.equal(turned[0], x[0].flip(0))
    assert torch.equal(turned[1], torch.cat([x[1, :5].flip(0), x[1, 5:]]))
    assert torch.equal(turned[2], x[2])
    assert torch.equal(flip(turned, order), x)
    assert torch.equal(flip(x, None), x.flip(1))
    assert torch.autograd.gradcheck(lambda x: flip(x, order), x, fast_mode=True)

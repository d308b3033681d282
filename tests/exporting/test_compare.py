"""A file that computes something else is found out, wherever it is wrong."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from seqbench.errors import UserError
from seqbench.exporting.compare import TOLERANCE, compare
from seqbench.exporting.forms import Form, Tensors, form_of
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.rnn import RNN
from seqbench.models.embedding import OneHot, Table
from seqbench.models.heads import PerStep
from seqbench.models.network import Network
from seqbench.spec import TaskSpec

Wrong = Callable[[Tensor], Tensor]


def writer(cell: type = LSTM, hidden_size: int = 6, tied: bool = False) -> Form:
    torch.manual_seed(0)
    spec = TaskSpec(kind="language_model", input_size=9, output_size=9)
    network = Network(
        spec,
        cell=cell,
        embedding=partial(Table, size=hidden_size),
        head=partial(PerStep, tied=tied),
        hidden_size=hidden_size,
    )
    return form_of(network, spec).eval()


def giving(form: Form, place: int, wrong: Wrong) -> Callable[[Form, Tensors], Tensors]:
    """A file that is right but for one output."""

    def file(_: Form, arguments: Tensors) -> Tensors:
        with torch.no_grad():
            outputs = list(form(*arguments))
        outputs[place] = wrong(outputs[place].clone())
        return outputs

    return file


def last_of(values: Tensor, value: float) -> Tensor:
    values.view(-1)[-1] = value
    return values


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda values: values + 0.01,
        lambda values: values * 1.001,
        lambda values: values.flip(0),
        lambda values: values[:1],
        lambda values: values.double(),
        lambda values: last_of(values, torch.nan),
        lambda values: last_of(values, torch.inf),
    ],
)
def test_a_wrong_output_or_state_is_refused(place: int, wrong: Wrong) -> None:
    form = writer()
    name = ("logits", "next_h_0", "next_c_0")[place]
    with pytest.raises(UserError, match=f"not exported: .*{name} is not the network's"):
        compare(giving(form, place, wrong), form)


def test_rounding_passes_and_is_told() -> None:
    form = writer()
    assert compare(giving(form, 0, lambda values: values), form) == 0
    found = compare(giving(form, 0, lambda values: values * (1 + 1e-6)), form)
    assert 1e-7 < found < 1e-5 < TOLERANCE


def test_what_is_infinite_must_be_so_in_the_file() -> None:
    form = writer(tied=True)  # padding's logit is -inf
    assert compare(giving(form, 0, lambda values: values), form) == 0
    with pytest.raises(UserError, match="off by inf"):
        compare(giving(form, 0, lambda values: values.clamp(min=-1e30)), form)


def test_padding_may_hold_anything() -> None:
    spec = TaskSpec(kind="tag", input_size=9, output_size=4)
    form = form_of(Network(spec, cell=GRU, embedding=OneHot, head=PerStep), spec).eval()

    def file(_: Form, arguments: Tensors) -> Tensors:
        inputs, lengths = arguments
        assert lengths.min() < lengths.max() or len(lengths) == 1
        with torch.no_grad():
            (outputs,) = form(*arguments)
        padding = torch.arange(inputs.shape[1]) >= lengths[:, None]
        return [outputs.masked_fill(padding[..., None], 99.0)]

    assert compare(file, form) == 0
    with pytest.raises(UserError, match="off by"):
        compare(lambda form, arguments: [each * 2 for each in file(form, arguments)], form)


def test_a_chaotic_network_is_compared_by_its_own_rounding() -> None:
    """In a random tanh network of gain 2.2 each step makes a difference larger (Sompolinsky et al.
    1988, "Chaos in random neural networks")."""
    form = writer(RNN, 64)
    (cell,) = form.network.stack.cells
    assert isinstance(cell, RNN)
    recurrent = cell.weights[1]
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        recurrent.copy_(torch.randn(64, 64, generator=draw) * 2.2 / 64**0.5)

    def file(_: Form, arguments: Tensors) -> Tensors:
        form.network.stack.select_backend("reference")  # the same, otherwise rounded
        with torch.no_grad():
            outputs = list(form(*arguments))
        form.network.stack.select_backend("native")
        return outputs

    assert compare(file, form) > TOLERANCE
    with pytest.raises(UserError, match="off by"):
        compare(lambda form, arguments: [each * 1.05 for each in file(form, arguments)], form)

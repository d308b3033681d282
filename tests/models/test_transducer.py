"""The encoder and decoder: what depends on what, greedy decoding, and what is refused."""

from functools import partial
from typing import Any

import pytest
import torch

from seqbench.batch import IGNORE, Batch
from seqbench.errors import UserError
from seqbench.models.cells.base import Backend, Cell
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.rnn import RNN
from seqbench.models.embedding import Table
from seqbench.models.heads.per_step import PerStep
from seqbench.models.heads.pooled import Pooled
from seqbench.models.network import Network
from seqbench.models.transducer import Transducer
from seqbench.spec import Kind, TaskSpec

END = 4


def spec_of(kind: Kind = "transduce") -> TaskSpec:
    return TaskSpec(kind, input_size=11, output_size=5, padding_id=10, start_id=5, end_id=END)


def made(cell: Any = LSTM, **settings: Any) -> Transducer:
    defaults: dict[str, Any] = {"hidden_size": 6, "num_layers": 2}
    return Transducer(
        spec_of(), cell=cell, embedding=partial(Table, size=3), head=PerStep, **defaults | settings
    ).double()


def batch_of(*pairs: tuple[list[int], list[int]], extra: int = 0) -> Batch:
    def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
        width = max(map(len, rows)) + extra
        return torch.tensor([row + [fill] * (width - len(row)) for row in rows])

    sources, targets = [list(side) for side in zip(*pairs, strict=True)]
    lengths = [torch.tensor([*map(len, rows)]) for rows in (sources, targets)]
    return Batch(padded(sources, 10), lengths[0], padded(targets, IGNORE), lengths[1])


PAIRS = (
    ([3, 1, 4, 1, 5], [0, 1, END]),
    ([2], [3, 2, 1, 0, END]),
    ([7, 8, 9], [END]),
)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_a_row_depends_on_itself_alone(
    cell: type[Cell], backend: Backend, bidirectional: bool
) -> None:
    """Ragged rows, padding and neighbours change no logit, neither forced nor greedy."""
    network = made(cell, backend=backend, bidirectional=bidirectional)
    for training in (True, False):
        network.train(training)
        together = batch_of(*PAIRS, extra=3)
        said = network.predict(together, network(together))
        for i, (_, target) in enumerate(PAIRS):
            alone = batch_of(PAIRS[i])
            wanted = network.predict(alone, network(alone))[0]
            got = said[i, : len(target)]
            torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_the_decoder_begins_with_both_parts_of_a_row_s_own_last_state(backend: Backend) -> None:
    """Of an LSTM h could be gathered from the outputs, but c could not."""
    network = made(LSTM, num_layers=1, backend=backend)
    _, state = network(batch_of(*PAIRS))
    (cell,) = network.stack.cells
    assert isinstance(cell, LSTM)
    for i, (source, _) in enumerate(PAIRS):
        h, c = cell.initial_state(1, torch.device("cpu"), torch.float64)
        for token in source:
            _, (h, c) = cell.step(network.embedding(torch.tensor([[token]]))[:, 0], (h, c))
        torch.testing.assert_close(state[0][0][i], h[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(state[0][1][i], c[0], rtol=0, atol=1e-12)


def test_training_reads_the_true_tokens_before() -> None:
    network = made()
    first, second = ([3, 1], [0, 1, 2, END]), ([3, 1], [0, 3, 2, END])
    batch = batch_of(first, second)
    forced = network.predict(batch, network(batch))
    assert torch.equal(forced[0, :2], forced[1, :2]), "the second token is not read yet"
    assert not torch.allclose(forced[0, 2], forced[1, 2])


def test_decoding_reads_its_own_tokens() -> None:
    """Greedy decoding does not see the targets; it is the forced pass over its own answer."""
    network = made().eval()
    asked = batch_of(([3, 1, 4], [0] * 6), ([5, 9], [3] * 6))
    said = network.predict(asked, network(asked)).argmax(-1)
    other = asked._replace(targets=torch.full_like(asked.targets, IGNORE))
    assert torch.equal(network.predict(other, network(other)).argmax(-1), said)
    forced = asked._replace(targets=said)
    again = Network.predict(network, forced, network(forced)).argmax(-1)
    for row, wanted in zip(again.tolist(), said.tolist(), strict=True):
        end = wanted.index(END) + 1 if END in wanted else len(wanted)
        assert row[:end] == wanted[:end]


def test_behind_its_end_a_row_has_nothing_but_ends() -> None:
    network = made().eval()
    with torch.no_grad():
        bias = network.head.get_parameter("linear.bias")
        bias[END] += 100
    batch = batch_of(([3, 1], [0, 1, 2, 3, END]))
    logits = network.predict(batch, network(batch))
    assert logits.argmax(-1).tolist() == [[END] * 5]
    assert logits[0, 1:].softmax(-1)[:, END].tolist() == [1.0] * 4


def test_gradients_reach_the_encoder_and_the_decoder() -> None:
    network = made(bidirectional=True)
    batch = batch_of(*PAIRS)
    loss, count = network.head.nll(network(batch).hidden, batch.targets)
    loss.backward()  # type: ignore[no-untyped-call]
    assert int(count) == 9
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_bidirectional_encoder_has_a_decoder_of_twice_the_width() -> None:
    network = made(GRU, bidirectional=True)
    assert network.decoder.hidden_size == 12
    assert network.state_size == 2 * 12


def test_what_is_refused() -> None:
    settings: dict[str, Any] = {"cell": GRU, "embedding": Table}
    with pytest.raises(UserError, match=r"Network is not for .* transduce; .*\.Transducer$"):
        Network(spec_of(), head=PerStep, **settings)
    with pytest.raises(UserError, match=r"Transducer is not for .* tag; .*\.Network$"):
        Transducer(spec_of("tag"), head=PerStep, **settings)
    with pytest.raises(UserError, match=r"^model/head=last .*; use model/head=per_step$"):
        Transducer(spec_of(), head=Pooled, **settings)


class Square(GRU):
    """Its state is a matrix of H x H numbers."""

    def initial_state(self, batch_size: int, device: Any, dtype: Any) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(batch_size, self.hidden_size**2, device=device, dtype=dtype),)


def test_states_that_cannot_stand_side_by_side_are_refused() -> None:
    with pytest.raises(UserError, match=r"^model\.bidirectional=true: .*=false$"):
        made(Square, bidirectional=True)
    made(Square)

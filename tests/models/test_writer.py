"""One label -> a sequence."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seqbench.batch import IGNORE, Batch
from seqbench.errors import UserError
from seqbench.models.cells.base import Cell
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.lstm import LSTM
from seqbench.models.embedding import Table
from seqbench.models.heads.per_step import PerStep
from seqbench.models.heads.pooled import Pooled
from seqbench.models.network import Network
from seqbench.models.writer import Writer
from seqbench.spec import Kind, TaskSpec


def spec_of(kind: Kind = "write", start_id: int | None = 2) -> TaskSpec:
    labels = ("cat", "dog", "owl")
    return TaskSpec(
        kind=kind, input_size=7, output_size=7, labels=labels, start_id=start_id, end_id=3
    )


def made(cell: Callable[..., Cell] = LSTM, **settings: Any) -> Writer:
    sizes: dict[str, Any] = {"hidden_size": 6, "num_layers": 2} | settings
    return Writer(spec_of(), cell=cell, embedding=partial(Table, size=5), head=PerStep, **sizes)


def batch_of(labels: list[int], rows: list[list[int]]) -> Batch:
    steps = max(map(len, rows))
    targets = torch.tensor([row + [IGNORE] * (steps - len(row)) for row in rows])
    return Batch(torch.tensor(labels), torch.tensor([len(row) for row in rows]), targets)


def logits(network: Writer, batch: Batch) -> Tensor:
    found: Tensor = network.head.predict(network(batch).hidden)
    return found


@pytest.mark.parametrize("rates", [{}, {"recurrent_dropout": 0.3, "zoneout": 0.2}])
@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_it_reads_what_it_is_to_write_a_step_late(
    cell: Callable[..., Cell], rates: dict[str, float]
) -> None:
    """The same by hand: the label's state, then the start mark and the targets one by one."""
    network = made(cell, **rates).double().eval()
    batch = batch_of([1, 0], [[4, 5, 6, 3], [5, 3]])
    together = logits(network, batch)
    for row, tokens in enumerate([[4, 5, 6, 3], [5, 3]]):
        state = network.begin(1, batch.inputs[row : row + 1])
        for t, token in enumerate([2, *tokens[:-1]]):
            output = network.advance(torch.tensor([[token]]), state, torch.tensor([1]))
            state = output.state
            step = network.head.predict(output.hidden)[0, 0]
            torch.testing.assert_close(together[row, t], step, rtol=0, atol=1e-12)


def test_no_step_sees_its_own_target_or_a_later_one() -> None:
    network = made().double()
    first = logits(network, batch_of([1], [[4, 5, 6, 3]]))
    other = logits(network, batch_of([1], [[4, 5, 4, 5]]))
    assert torch.equal(first[:, :3], other[:, :3])
    assert not torch.allclose(first[:, 3], other[:, 3])


def test_padding_and_other_rows_change_nothing() -> None:
    network = made().double()
    alone = logits(network, batch_of([2], [[4, 3]]))
    beside = logits(network, batch_of([0, 2], [[4, 5, 6, 5, 3], [4, 3]]))
    torch.testing.assert_close(beside[1:, :2], alone, rtol=0, atol=1e-12)


def test_the_label_is_the_start_and_is_learnt() -> None:
    network = made()
    cat, dog = network.begin(2, torch.tensor([0, 1]))[0][0]
    assert not torch.allclose(cat, dog)
    assert network.table.shape == (3, network.state_size)
    assert 0 < network.table.abs().mean() < 0.2
    hidden = network(batch_of([0, 1], [[4, 3], [5, 3]])).hidden
    network.head.nll(hidden, torch.tensor([[4, 3], [5, 3]]))[0].backward()  # type: ignore[no-untyped-call]
    assert network.table.grad is not None
    norms = network.table.grad.norm(dim=1)
    assert norms[0] > 0
    assert norms[1] > 0
    assert norms[2] == 0, "no row has this label"


def test_only_float_parts_of_a_state_are_added_to() -> None:
    class Counting(GRU):
        def initial_state(
            self, batch_size: int, device: torch.device, dtype: torch.dtype
        ) -> tuple[Tensor, ...]:
            count = torch.zeros(batch_size, 1, dtype=torch.long, device=device)
            return (*super().initial_state(batch_size, device, dtype), count)

    network = made(Counting, backend="reference")
    assert network.table.shape == (3, 12)
    for h, count in network.begin(2, torch.tensor([0, 1])):
        assert h.abs().sum() > 0
        assert count.dtype == torch.long
        assert not count.any()


def test_what_is_refused() -> None:
    settings: dict[str, Any] = {"cell": GRU, "embedding": Table}
    with pytest.raises(UserError, match=r"^model\._target_: .*=seqbench\.models\.writer\.Writer$"):
        Network(spec_of(), head=PerStep, **settings)
    for kind in ("tag", "language_model"):
        with pytest.raises(UserError, match=r"^model\._target_: .*models\.network\.Network$"):
            Writer(spec_of(kind), head=PerStep, **settings)
    with pytest.raises(UserError, match=r"labels and a start mark$"):
        Writer(spec_of(start_id=None), head=PerStep, **settings)
    with pytest.raises(UserError, match=r"^model\.bidirectional=true .*=false$"):
        made(bidirectional=True)
    with pytest.raises(UserError, match=r"^model/head=last gives .*; use model/head=per_step or"):
        Writer(spec_of(), head=Pooled, **settings)
    with pytest.raises(ValueError, match="from labels"):
        made().begin(2)

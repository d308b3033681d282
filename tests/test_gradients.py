"""The gradient over time: what finite differences and theory say, and no trace left."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqbench.batch import IGNORE, Batch
from seqbench.curves import Layer, Measurement
from seqbench.errors import UserError
from seqbench.gradients import measure
from seqbench.models.cells.base import Cell, State
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.gru_v1 import GRUv1
from seqbench.models.cells.irnn import IRNN
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.rnn import RNN
from seqbench.models.embedding import OneHot, Table
from seqbench.models.heads.base import Head
from seqbench.models.heads.per_step import PerStep
from seqbench.models.heads.pooled import Pooled
from seqbench.models.heads.regression import Regression
from seqbench.models.network import Network, Output
from seqbench.models.stack import StackState
from seqbench.models.writer import Writer
from seqbench.spec import Kind, TaskSpec

SIZE = 6


def spec_of(kind: Kind = "tag") -> TaskSpec:
    labels = ("a", "b") if kind == "write" else ()
    return TaskSpec(kind=kind, input_size=7, output_size=7, labels=labels, start_id=2, end_id=3)


def made(cell: Any, head: Any = PerStep, kind: Kind = "tag", **settings: Any) -> Network:
    build = Writer if kind == "write" else Network
    sizes: dict[str, Any] = {"hidden_size": SIZE, "embedding": partial(Table, size=5)}
    return build(spec_of(kind), cell=cell, head=head, **sizes | settings)


def batch_of(*lengths: int, extra: int = 0) -> Batch:
    """Rows of tokens with a label at each step, padded to the longest and ``extra`` further."""
    draw = torch.Generator().manual_seed(1)
    steps = max(lengths) + extra
    ends = torch.tensor(lengths)
    rows = [torch.randint(1, 7, (2, length), generator=draw) for length in lengths]
    inputs, targets = torch.zeros(2, len(rows), steps, dtype=torch.long)
    targets.fill_(IGNORE)
    for i, row in enumerate(rows):
        inputs[i, : lengths[i]], targets[i, : lengths[i]] = row
    return Batch(inputs, ends, targets)


def measured(network: Network, batch: Batch, kind: Kind = "tag") -> Measurement:
    return measure(network, spec_of(kind), batch, 0, 0)


def top(network: Network, batch: Batch, kind: Kind = "tag") -> Layer:
    return measured(network, batch, kind).layers[-1]


def close(got: list[float], want: list[float], rel: float = 1e-3) -> None:
    assert got == pytest.approx(want, rel=rel, abs=0)


class Nudged(Cell):
    """A cell of nobody's: a fast and a slow memory, a step count, and an output of its own size.

    What ``nudges`` holds for a step and a part is added to that part of the new state.
    """

    state_names = ("fast",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.output_size = hidden_size + 1
        self.inside = nn.Linear(input_size + 2 * hidden_size, hidden_size)
        self.outside = nn.Linear(hidden_size, hidden_size + 1)
        self.nudges: dict[tuple[int, int], Tensor] = {}

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        zeros = torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype)
        return zeros, zeros.clone(), torch.zeros(batch_size, dtype=torch.long, device=device)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        fast, slow, count = state
        t = int(count[0])
        fast = torch.tanh(self.inside(torch.cat([x, fast, slow], -1))) + self.nudges.get((t, 0), 0)
        slow = 0.9 * slow + 0.3 * fast * fast + self.nudges.get((t, 1), 0)
        return self.outside(fast + slow), (fast, slow, count + 1)


def loss_of(network: Network, batch: Batch) -> Tensor:
    """Of each row at its last step."""
    hidden = network(batch).hidden
    rows = torch.arange(len(batch.lengths))
    logits = network.head.predict(hidden[rows, batch.lengths - 1])
    return nn.functional.cross_entropy(
        logits, batch.targets[rows, batch.lengths - 1], reduction="none"
    )


def test_it_is_what_finite_differences_give_for_any_cell() -> None:
    network, batch = made(Nudged, hidden_size=3, num_layers=2), batch_of(5, 5)
    found = measured(network, batch)
    network.double()
    bit, cells = 1e-5, network.stack.cells
    with torch.no_grad():
        assert found.loss == pytest.approx(float(loss_of(network, batch).mean()), rel=1e-5)
        for cell, layer in zip(cells, found.layers, strict=True):
            assert isinstance(cell, Nudged)
            assert [*layer.norms] == ["fast", "s2"]
            for part, norms in enumerate(layer.norms.values()):
                for back, norm in enumerate(norms):
                    slopes = []
                    for way in torch.eye(3, dtype=torch.double):
                        sides = []
                        for sign in (bit, -bit):
                            cell.nudges = {(4 - back, part): sign * way}
                            sides.append(loss_of(network, batch))
                        slopes.append((sides[0] - sides[1]) / (2 * bit))
                    want = torch.stack(slopes).norm(dim=0).mean()
                    assert norm == pytest.approx(float(want), rel=1e-3)
            cell.nudges = {}


def quiet(cell: type[Cell], matrix: Tensor) -> Network:
    """So small that a nonlinearity is the identity, with a given W_hh."""
    network = made(cell)
    with torch.no_grad():
        network.embedding.get_parameter("table.weight").mul_(1e-4)
        for each in network.stack.cells:
            assert isinstance(each, Cell)
            each.get_parameter("kernel.weight_hh_l0").copy_(matrix)
    return network


def test_half_of_it_is_lost_at_each_step() -> None:
    found = top(quiet(RNN, 0.5 * torch.eye(SIZE)), batch_of(40, 40))
    close(found.norms["h"], [found.norms["h"][0] * 0.5**d for d in range(40)])
    assert found.step_radius == pytest.approx(0.5, rel=1e-4)
    assert found.weight_radii == {"W_hh": 0.5}
    assert found.log10_ratio("h") == pytest.approx(39 * math.log10(0.5), rel=1e-3)


def test_a_rotation_keeps_it() -> None:
    turn = torch.linalg.qr(torch.randn(SIZE, SIZE)).Q
    found = top(quiet(RNN, turn), batch_of(40, 40))
    close(found.norms["h"], [found.norms["h"][0]] * 40)
    assert found.step_radius == pytest.approx(1, rel=1e-4)
    assert found.weight_radii["W_hh"] == pytest.approx(1, rel=1e-5)


def test_the_irnn_begins_by_keeping_it() -> None:
    network = made(IRNN)
    with torch.no_grad():  # inputs above 0: no unit is ever off
        network.embedding.get_parameter("table.weight").abs_()
        network.stack.get_parameter("cells.0.kernel.weight_ih_l0").abs_()
    found = top(network, batch_of(50))
    close(found.norms["h"], [found.norms["h"][0]] * 50)


def test_an_open_forget_gate_keeps_the_cell_s() -> None:
    """Nothing flows through h, everything through c."""
    network = made(partial(LSTM, forget_bias=40.0), embedding=OneHot)
    with torch.no_grad():
        network.stack.get_parameter("cells.0.kernel.weight_hh_l0").zero_()
    found = top(network, batch_of(50))
    assert found.norms["h"][0] > 0
    assert found.norms["h"][1:] == [0.0] * 49
    # The last step's c is seen through h_T by the same gate as all before it.
    close(found.norms["c"], [found.norms["c"][0]] * 50)
    assert found.log10_ratio("h") == -math.inf
    assert found.step_radius == pytest.approx(1, rel=1e-5)


def test_what_explodes_is_told_as_it_is() -> None:
    network = made(IRNN)
    with torch.no_grad():
        network.stack.get_parameter("cells.0.kernel.weight_hh_l0").fill_(3)
    found = top(network, batch_of(60))
    assert not all(map(math.isfinite, found.norms["h"]))
    assert found.weight_radii["W_hh"] == pytest.approx(3 * SIZE)


def test_squares_do_not_underflow() -> None:
    found = top(quiet(RNN, 0.1 * torch.eye(SIZE)), batch_of(36))
    close(found.norms["h"], [found.norms["h"][0] * 0.1**d for d in range(36)])


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU, GRUv1])
def test_rows_are_lined_up_by_their_ends(cell: type[Cell]) -> None:
    """Neither padding nor other rows change a row's norms; the shortest row ends the curve."""
    network, batch = made(cell, num_layers=2), batch_of(4, 9)
    alone = []
    for row, length in enumerate((4, 9)):
        inputs, targets = (x[row : row + 1, :length] for x in (batch.inputs, batch.targets))
        alone.append(measured(network, Batch(inputs, torch.tensor([length]), targets)))
    for together in (measured(network, batch), measured(network, batch_of(4, 9, extra=3))):
        for one, two, both in zip(alone[0].layers, alone[1].layers, together.layers, strict=True):
            for part, norms in both.norms.items():
                assert len(norms) == 4
                want = [(a + b) / 2 for a, b in zip(one.norms[part], two.norms[part], strict=False)]
                close(norms, want, 1e-5)
        mean = (alone[0].loss + alone[1].loss) / 2
        assert together.loss == pytest.approx(mean, rel=1e-5)


def test_only_the_last_label_counts() -> None:
    """Labels before it are no part of the loss, and steps behind it are no part of the curve."""
    network, batch = made(GRU), batch_of(9)
    batch.targets[:, 7:] = IGNORE
    found = top(network, batch)
    fewer = batch._replace(targets=batch.targets.clone())
    fewer.targets[:, :6] = IGNORE
    assert found.norms["h"] == top(network, fewer).norms["h"]
    short = Batch(batch.inputs[:, :7], torch.tensor([7]), batch.targets[:, :7])
    close(found.norms["h"], top(network, short).norms["h"], 1e-5)
    batch.targets.fill_(IGNORE)
    with pytest.raises(UserError, match="no label"):
        top(network, batch)


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_label_of_the_whole(pooling: Any) -> None:
    """From the mean of all steps a loss reaches each of them at once; from the last it does not."""
    head = partial(Pooled, pooling=pooling)
    network = made(RNN, head, "classify")
    with torch.no_grad():
        network.stack.get_parameter("cells.0.kernel.weight_hh_l0").zero_()
    batch = batch_of(8)._replace(targets=torch.tensor([3]))
    norms = top(network, batch, "classify").norms["h"]
    assert len(norms) == 8
    if pooling == "last":
        assert norms[1:] == [0.0] * 7
    else:
        close(norms, [norms[0]] * 8, 1e-5)


def test_numbers_for_the_whole() -> None:
    """O targets of a sequence are no labels of O steps."""
    network = made(RNN, Regression, "regress")
    batch = batch_of(8)._replace(targets=torch.randn(1, 7))
    norms = top(network, batch, "regress").norms["h"]
    assert len(norms) == 8
    weight = network.head.get_parameter("linear.weight")
    errors = network.predict(batch, network(batch)) - batch.targets
    close(norms[:1], [(2 * errors @ weight).norm().item()], 1e-4)


def test_padding_that_is_read_counts_as_steps() -> None:
    head = partial(Pooled, after_padding=True)
    spec = TaskSpec(
        kind="classify", input_size=7, output_size=7, encoding={"pad_to_max": True, "max_length": 9}
    )
    network = Network(spec, cell=GRU, embedding=partial(Table, size=5), head=head, hidden_size=SIZE)
    batch = batch_of(3, 6, extra=3)._replace(targets=torch.tensor([1, 2]))
    norms = measure(network, spec, batch, 0, 0).layers[0].norms["h"]
    assert len(norms) == 9
    assert norms[0] > 0


def test_a_text_of_a_label() -> None:
    """A Writer's steps read its own targets; the gradient is that of its last one."""
    network = made(GRU, kind="write")
    batch = batch_of(6)._replace(inputs=torch.tensor([1]))
    norms = top(network, batch, "write").norms["h"]
    assert len(norms) == 6
    state, seen = network.begin(1, batch.inputs), []
    for token in [2, *batch.targets[0, :-1].tolist()]:
        output = network.step(torch.tensor([token]), state)
        state = output.state
        seen.append(state[0][0])
    loss, _ = network.head.nll(output.hidden, batch.targets[:, -1])
    want = [float(g.norm()) for g in torch.autograd.grad(loss, seen)]
    close(norms, want[::-1], 1e-5)


def test_no_trace_is_left() -> None:
    class Noisy(GRU):
        def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
            torch.rand(1)
            return super().step(x, state)

    network = made(Noisy, partial(PerStep, dropout=0.5), num_layers=2, dropout=0.5).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random, batch = torch.get_rng_state(), batch_of(5, 7)
    want = measured(network, batch)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training for module in network.modules())
    assert network.backend == "native"
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(isinstance(each, Noisy) for each in network.stack.cells)
    # Whatever surrounds it, it is measured in evaluation mode and float32.
    with torch.inference_mode():
        assert measured(network, batch) == want
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert measured(network.eval(), batch) == want
    network.requires_grad_(False)
    assert measured(network, batch) == want


def test_the_gates_matrices_have_their_names() -> None:
    for cell, names in (
        (LSTM, ["W_hi", "W_hf", "W_hg", "W_ho"]),
        (GRU, ["W_hr", "W_hz", "W_hn"]),
        (GRUv1, ["U_r", "U_z", "U_n"]),
    ):
        network = made(cell)
        (each,) = network.stack.cells
        assert isinstance(each, Cell)
        weights = each.recurrent_weights()
        assert [*weights] == names
        # A matrix of 0 but for one gate: only its name has a radius.
        with torch.no_grad():
            weights[names[1]].zero_()
        radii = top(network, batch_of(4)).weight_radii
        assert [name for name, radius in radii.items() if radius == 0] == [names[1]]
        close([radius for radius in radii.values() if radius], [1.0] * (len(names) - 1))


class Fixed(Cell):
    """Nothing to learn, one part handed on as it came."""

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        ones = torch.ones(batch_size, self.hidden_size, device=device, dtype=dtype)
        return ones, ones.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, kept = state
        h = 0.5 * h + kept
        return h, (h, kept)


def test_a_part_that_never_changes_has_its_own_gradient_at_each_step() -> None:
    found = top(made(Fixed, embedding=OneHot), batch_of(4))
    one = found.norms["h"][0]
    close(found.norms["h"], [one, one / 2, one / 4, one / 8], 1e-5)
    # kept_t reaches h_T through each of the steps from t + 1 on.
    close(found.norms["s2"], [0, one, one * 1.5, one * 1.75], 1e-5)
    assert found.step_radius == pytest.approx(1)


def test_a_large_state_has_no_jacobian() -> None:
    class Large(Fixed):
        def recurrent_weights(self) -> dict[str, Tensor]:
            return {"W": torch.zeros(1025, 1025)}

    found = top(made(Large, embedding=OneHot, hidden_size=513), batch_of(2))
    assert math.isnan(found.step_radius)
    assert math.isnan(found.weight_radii["W"])


class Counting(Cell):
    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        return (torch.zeros(batch_size, dtype=torch.long, device=device),)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x[:, :1].expand(-1, self.output_size), (state[0] + 1,)


class Oblong(RNN):
    def recurrent_weights(self) -> dict[str, Tensor]:
        return {"W": torch.ones(2, 3)}


class Deaf(Network):
    def forward(self, batch: Batch, state: StackState | None = None) -> Output:
        return Output(torch.zeros(*batch.inputs.shape, SIZE), ())


@pytest.mark.parametrize(
    ("network", "kind", "part"),
    [
        (lambda: made(GRU, bidirectional=True), "tag", "model.bidirectional=false"),
        (lambda: made(GRU), "transduce", "an encoder and a decoder"),
        (lambda: made(Counting), "tag", "no part of real numbers"),
        (lambda: made(Oblong), "tag", r"\(2, 3\) is no square matrix"),
        (
            lambda: Deaf(spec_of(), cell=RNN, head=PerStep, embedding=OneHot, hidden_size=SIZE),
            "tag",
            "does not run its 1 layers",
        ),
    ],
)
def test_what_cannot_be_measured(network: Any, kind: Kind, part: str) -> None:
    with pytest.raises(UserError, match=part):
        measured(network(), batch_of(4), kind)


def test_other_heads_are_asked_as_they_are() -> None:
    """A head's own nll is the loss."""

    class Doubled(PerStep):
        def nll(
            self, hidden: Tensor, targets: Tensor, logits: Tensor | None = None
        ) -> tuple[Tensor, Tensor]:
            loss, count = super().nll(hidden, targets, logits)
            return 2 * loss, count

    network, batch = made(RNN), batch_of(5)
    once = top(network, batch).norms["h"]
    doubled: Head = Doubled(SIZE, 7)
    doubled.load_state_dict(network.head.state_dict())
    network.head = doubled
    close(top(network, batch).norms["h"], [2 * norm for norm in once], 1e-5)

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from omegaconf import OmegaConf
from torch import nn

from seqbench.batch import Batch
from seqbench.config import parameters
from seqbench.errors import UserError
from seqbench.models.cells.base import Backend
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.lstm import LSTM
from seqbench.models.embedding import Number, Table
from seqbench.models.heads.base import Head
from seqbench.models.heads.per_step import PerStep
from seqbench.models.heads.pooled import Pooled
from seqbench.models.network import Network
from seqbench.models.regularisation import SequenceDropout
from seqbench.spec import Kind, TaskSpec

CONF = Path(__file__).parents[2] / "conf" / "model"
Pooling = Literal["last", "mean", "max", "mean_max"]
HEADS: dict[str, Callable[..., Head]] = {
    "per_step": PerStep,
    "last": partial(Pooled, pooling="last"),
    "mean": partial(Pooled, pooling="mean"),
    "max": partial(Pooled, pooling="max"),
    "mean_max": partial(Pooled, pooling="mean_max"),
}


def spec_of(kind: Kind) -> TaskSpec:
    return TaskSpec(kind=kind, input_size=11, output_size=3)


def batch_of(rows: list[list[int]], extra: int = 0) -> Batch:
    """Rows padded with 0 to the longest and ``extra`` further."""
    steps = max(map(len, rows)) + extra
    inputs = torch.tensor([row + [0] * (steps - len(row)) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return Batch(inputs, lengths, torch.zeros(len(rows), dtype=torch.long))


def predictions(network: Network, batch: Batch) -> torch.Tensor:
    return network.predict(batch, network(batch))


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_predictions_depend_on_the_row_alone(
    head: str, bidirectional: bool, backend: Backend
) -> None:
    network = Network(
        spec_of("tag" if head == "per_step" else "classify"),
        cell=LSTM,
        embedding=partial(Table, size=5),
        head=HEADS[head],
        hidden_size=6,
        num_layers=2,
        bidirectional=bidirectional,
        backend=backend,
    ).double()
    rows = [[3, 1, 4, 1, 5, 9, 2], [6, 5, 3], [5]]
    together = predictions(network, batch_of(rows))
    longer = predictions(network, batch_of(rows, extra=4))
    for i, row in enumerate(rows):
        alone = predictions(network, batch_of([row]))[0]
        steps = slice(len(row)) if head == "per_step" else slice(None)
        torch.testing.assert_close(together[i][steps], alone, rtol=0, atol=1e-12)
        torch.testing.assert_close(longer[i][steps], alone, rtol=0, atol=1e-12)


def language_model(**settings: Any) -> Network:
    spec = TaskSpec(kind="language_model", input_size=11, output_size=11)
    return Network(spec, cell=GRU, embedding=Table, head=PerStep, **settings).double()


def test_state_is_carried_over() -> None:
    network = language_model(hidden_size=6, num_layers=2)
    want = network(batch_of([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]]))
    first = network(batch_of([[3, 1, 4], [2, 6, 5]]))
    second = network(batch_of([[1, 5, 9], [3, 5, 8]]), first.state)
    torch.testing.assert_close(
        torch.cat([first.hidden, second.hidden], 1), want.hidden, rtol=0, atol=1e-12
    )
    for got, wanted in zip(second.state, want.state, strict=True):
        torch.testing.assert_close(got[0], wanted[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_steps_are_the_whole(cell: Callable[..., Any]) -> None:
    settings: dict[str, Any] = {"embedding": Table, "head": PerStep, "dropout": 0.5}
    network = Network(spec_of("language_model"), cell=cell, num_layers=3, **settings).eval()
    tokens = torch.randint(1, 11, (4, 20))
    whole, final = network.advance(tokens, network.begin(4), torch.full((4,), 20))
    state, hidden = network.begin(4), []
    for token in tokens.unbind(1):
        at_step, state = network.step(token, state)
        hidden.append(at_step)
    torch.testing.assert_close(torch.stack(hidden, 1), whole)
    torch.testing.assert_close(state, final)


def test_reset_starts_a_row_anew() -> None:
    network = language_model(hidden_size=6, num_layers=2)
    first = network(batch_of([[3, 1, 4], [2, 6, 5]]))
    batch = batch_of([[1, 5, 9], [3, 5, 8]])
    carried = network(batch, first.state).hidden
    fresh = network(batch).hidden
    mixed = network(batch._replace(reset=torch.tensor([True, False])), first.state).hidden
    torch.testing.assert_close(mixed, torch.stack([fresh[0], carried[1]]))
    assert not torch.allclose(fresh[1], carried[1])


def test_impossible_pairs_are_refused() -> None:
    def built(kind: Kind, head: Callable[..., Head], **settings: Any) -> Network:
        return Network(spec_of(kind), cell=LSTM, embedding=Table, head=head, **settings)

    with pytest.raises(UserError, match=r"^model/head=last gives .*; use model/head=per_step$"):
        built("tag", Pooled)
    with pytest.raises(UserError, match=r"^model/head=per_step gives .* wants one label a seq"):
        built("classify", PerStep)
    with pytest.raises(UserError, match=r"^model.bidirectional=true .*=false$"):
        built("language_model", PerStep, bidirectional=True)
    with pytest.raises(UserError, match=r"^model/head=mean gives .* wants the next token"):
        built("language_model", HEADS["mean"])


def test_properties() -> None:
    network = Network(
        spec_of("classify"),
        cell=LSTM,
        embedding=Number,
        head=Pooled,
        hidden_size=6,
        num_layers=2,
        bidirectional=True,
        backend="reference",
    )
    assert network.state_size == 2 * 2 * 2 * 6
    assert network.backend == "reference"
    assert network.stack.input_size == 1


def test_dropout_and_zoneout_reach_the_stack() -> None:
    network = language_model(dropout=0.4, variational=True, recurrent_dropout=0.3, zoneout=0.1)
    assert isinstance(network.stack.dropout, SequenceDropout)
    assert network.stack.dropout.rate == 0.4
    assert network.stack.regularisation.recurrent_dropout == 0.3
    assert network.stack.regularisation.zoneout == 0.1
    assert network.backend == "reference"
    plain = language_model(dropout=0.4)
    assert isinstance(plain.stack.dropout, nn.Dropout)
    assert plain.backend == "native"


def test_a_checkpoint_moves_between_backends() -> None:
    settings: dict[str, Any] = {"cell": LSTM, "embedding": Table, "head": Pooled}
    native = Network(spec_of("classify"), **settings)
    reference = Network(spec_of("classify"), **settings, backend="reference")
    reference.load_state_dict(native.state_dict())
    batch = batch_of([[3, 1, 4], [2]])
    torch.testing.assert_close(predictions(reference, batch), predictions(native, batch))


def factory(node: dict[str, Any]) -> Callable[..., Any]:
    settings = dict(node)
    return partial(get_class(settings.pop("_target_")), **settings)


def composed(tmp_path: Path, *overrides: str, task: str = "") -> dict[str, Any]:
    """The model's config, from a primary config in which a task follows the model."""
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "t.yaml").write_text(f"# @package _global_\n{task}")
    primary = "defaults: [{model: lstm}, {task: t}, _self_]\n"
    path = f"hydra: {{searchpath: ['file://{CONF.parent}']}}\n"
    (tmp_path / "train.yaml").write_text(primary + path)
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        model = OmegaConf.to_container(compose("train", list(overrides))["model"], resolve=True)
    assert isinstance(model, dict)
    return {str(key): value for key, value in model.items()}


def network_of(model: dict[str, Any], spec: TaskSpec) -> Network:
    nested = {key: factory(node) for key, node in model.items() if isinstance(node, dict)}
    network = factory(model | nested)(spec)
    assert isinstance(network, Network)
    return network


CHOICES = sorted(
    f"model{'' if path.parent == CONF else '/' + path.parent.name}={path.stem}"
    for path in CONF.rglob("*.yaml")
    if path.stem != "base"
)


WANTED: dict[str, tuple[Kind, int, list[str]]] = {
    "model/head=per_step": ("tag", 3, []),
    "model/head=identity": ("tag", 3, ["model.hidden_size=3"]),
    "model/head=adaptive_softmax": ("language_model", 400, []),
    "model/head=regression": ("regress", 3, []),
}
"""Kind, output size and further settings of those heads that do not fit ``classify``."""


@pytest.mark.parametrize("choice", CHOICES)
def test_every_yaml_builds_and_runs(choice: str, tmp_path: Path) -> None:
    kind, size, settings = WANTED.get(choice, ("classify", 3, []))
    features = choice == "model/embedding=features"
    spec = TaskSpec(kind, input_size=11, output_size=size, features=features)
    network = network_of(composed(tmp_path, choice, *settings), spec)
    batch = batch_of([[3, 1, 4], [2]])
    if features:
        batch = batch._replace(inputs=torch.randn(2, 3, 11))
    assert predictions(network, batch).shape[-1] == size
    assert sum(p.numel() for p in network.parameters()) > 0


def test_a_tied_head_builds_from_yaml(tmp_path: Path) -> None:
    settings = ["model.head.tied=true", "model.embedding.std=0.1", "model.hidden_size=7"]
    model = composed(tmp_path, "model/head=per_step", "model.embedding.size=7", *settings)
    network = network_of(model, TaskSpec("language_model", input_size=11, output_size=11))
    shapes = [p.shape for p in network.parameters()]
    assert shapes.count(torch.Size([11, 7])) == 1
    assert predictions(network, batch_of([[3, 1, 4], [2]])).shape == (2, 3, 11)


def test_there_are_choices() -> None:
    assert {"model=lstm", "model/head=mean_max", "model/embedding=number"} <= set(CHOICES)


def test_a_task_chooses_the_head_and_the_command_line_wins(tmp_path: Path) -> None:
    task = "defaults: [{override /model/head: per_step}]\nmodel: {hidden_size: 12}\n"
    model = composed(tmp_path, "model=gru", task=task)
    assert model["head"]["_target_"].endswith(".PerStep")
    assert model["hidden_size"] == 12
    other = tmp_path / "other"
    other.mkdir()
    model = composed(other, "model/head=max", "model.hidden_size=7", task=task)
    assert model["head"]["pooling"] == "max"
    assert model["hidden_size"] == 7


@pytest.mark.parametrize("choice", CHOICES)
def test_yamls_write_out_every_setting(choice: str, tmp_path: Path) -> None:
    """So that a run's config shows all that can be set: the keyword-only arguments."""
    model = composed(tmp_path, choice)
    for node in (model, model["cell"], model["embedding"], model["head"]):
        found = parameters(get_class(node["_target_"])).values()
        settings = {p.name for p in found if p.kind is p.KEYWORD_ONLY}
        assert set(node) - {"_target_"} == settings

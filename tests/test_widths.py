"""The width that a budget of parameters or state is solved to."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra._internal.hydra import Hydra

from seqbench import build, compose
from seqbench.build import SUPPLIED
from seqbench.config import validate
from seqbench.errors import UserError
from seqbench.isolation import random_states, seed_all
from seqbench.models.network import Network
from seqbench.places import CONF
from seqbench.spec import Kind, TaskSpec
from seqbench.widths import fitted, trainable

Config = dict[str, Any]
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml") if path.stem != "base")
TAG = TaskSpec(kind="tag", input_size=11, output_size=10)


@pytest.fixture(scope="module")
def composed() -> Callable[..., Config]:
    """``composed(*words)``: a validated config, composed once in all."""

    @cache
    def call(*words: str) -> Config:
        found: list[Config] = []

        def job(config: Config, origin: Callable[[str], str]) -> int:
            validate(config, SUPPLIED, origin)
            found.append(config)
            return 0

        with pytest.MonkeyPatch.context() as patch:  # Hydra composes all twice for its mode
            patch.setattr(Hydra, "get_mode", lambda self, config_name, overrides: None)
            assert compose.run([*words], job) == 0
        return found[0]

    return call


def changed(config: Config, **model: Any) -> Config:
    return config | {"model": config["model"] | model}


def asking(config: Config, **budget: Any) -> Config:
    return config | {"budget": budget}


def built(config: Config, spec: TaskSpec = TAG) -> Network:
    """A network of the width that the config asks for, of real numbers."""
    return build.network(fitted(config, spec)["model"], spec)


def width(config: Config, spec: TaskSpec = TAG) -> int:
    found: int = fitted(config, spec)["model"]["hidden_size"]
    return found


@pytest.mark.parametrize("model", MODELS)
def test_any_cell_comes_near(model: str, composed: Callable[..., Config]) -> None:
    config = composed(f"model={model}")
    for layers in (1, 2):
        for both in (False, True):
            one = changed(config, num_layers=layers, bidirectional=both, dropout=0.1)
            with torch.device("meta"):
                found = built(asking(one, parameters=400_000))
            assert abs(trainable(found) - 400_000) <= 8000, (layers, both)
    assert abs(built(asking(one, state=240)).state_size - 240) <= 4.8


@pytest.mark.parametrize("wanted", [945, 12_345, 1_000_000])
def test_no_other_width_comes_nearer(wanted: int, composed: Callable[..., Config]) -> None:
    config = composed("model=rnn", "model.embedding.size=4")
    found = fitted(asking(config, parameters=wanted), TAG)["model"]["hidden_size"]
    with torch.device("meta"):
        misses = {
            near: abs(
                trainable(build.network(config["model"] | {"hidden_size": near}, TAG)) - wanted
            )
            for near in range(max(1, found - 3), found + 4)
        }
    assert min(misses, key=lambda near: misses[near]) == found


KINDS: list[tuple[Kind, list[str], TaskSpec]] = [
    (
        "transduce",
        ["task=dates", "model.bidirectional=true"],
        TaskSpec(kind="transduce", input_size=40, output_size=13, start_id=0, end_id=1),
    ),
    (
        "write",
        ["task=write_names"],
        TaskSpec(
            kind="write", input_size=40, output_size=40, start_id=1, end_id=2, labels=("a", "b")
        ),
    ),
    (
        "language_model",
        ["task=word_lm", "model/head=adaptive_softmax", "model.embedding.size=40"],
        TaskSpec(kind="language_model", input_size=5000, output_size=5000),
    ),
    (
        "regress",
        ["task=forecast", "model.head.hidden_layer=20"],
        TaskSpec(kind="regress", input_size=3, output_size=2, features=True),
    ),
    ("classify", ["task=mnist", "model/head=mean_max"], TaskSpec("classify", 28, 10, True)),
]


@pytest.mark.parametrize(("kind", "words", "spec"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_any_kind_of_network_comes_near(
    kind: Kind, words: list[str], spec: TaskSpec, composed: Callable[..., Config]
) -> None:
    config = composed(*words)
    wanted = 500_000 if kind == "language_model" else 50_000
    assert trainable(built(asking(config, parameters=wanted), spec)) == pytest.approx(wanted, 0.02)
    assert built(asking(config, state=400), spec).state_size == pytest.approx(400, 0.02)


def test_the_width_that_stood_there_does_not_matter(composed: Callable[..., Config]) -> None:
    config = asking(composed("model=lstm"), parameters=30_000)
    once = fitted(changed(config, hidden_size=3000), TAG)
    assert once == fitted(changed(config, hidden_size=1), TAG)
    assert once == fitted(once, TAG)
    assert config["model"]["hidden_size"] == 64, "what was asked is left as it is"


CELLS = """
import random
import numpy as np
import torch
from torch import nn
from seqbench import Cell
from seqbench.models.cells.gru import GRU

class Even(GRU):
    \"\"\"As one of several heads.\"\"\"
    def __init__(self, input_size, hidden_size, *, heads: int = 2, **settings):
        if hidden_size % heads:
            raise ValueError(f"{hidden_size} units for {heads} heads")
        super().__init__(input_size, hidden_size, **settings)

class Numbers(Cell):
    \"\"\"Its constructor looks at numbers, so that it can't be built without any.\"\"\"
    built = 0
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        type(self).built += 1
        self.weight = nn.Parameter(torch.randn(hidden_size, input_size))
        self.recurrent = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        noise = np.random.rand() + random.random()
        self.scale = float(self.weight.norm()) + noise
        with torch.no_grad():
            self.weight /= self.scale
    def initial_state(self, batch_size, device, dtype):
        return (torch.zeros(batch_size, self.hidden_size, device=device, dtype=dtype),)
    def step(self, x, state):
        h = torch.tanh(x @ self.weight.T + state[0] @ self.recurrent.T)
        return h, (h,)

class Constant(Numbers):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, 3)
        self.weight = nn.Parameter(torch.zeros(3, input_size))
"""


@pytest.fixture
def mine(here: Path, composed: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> Config:
    """A config, and at hand the cells of a user's own package."""
    (here / "mine").mkdir()
    (here / "mine" / "cells.py").write_text(CELLS)
    monkeypatch.syspath_prepend(str(here))
    for name in ("mine", "mine.cells"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return composed("model=gru")


def of_cell(config: Config, name: str, **settings: Any) -> Config:
    return changed(config, cell={"_target_": f"mine.cells.{name}", **settings})


@pytest.mark.parametrize("heads", [2, 7, 64])
def test_widths_that_a_cell_refuses_are_passed_over(mine: Config, heads: int) -> None:
    config = asking(of_cell(mine, "Even", heads=heads), parameters=10_000_000)
    assert width(config) % heads == 0
    with torch.device("meta"):
        assert trainable(built(config)) == pytest.approx(10_000_000, rel=0.02)


def test_where_refused_widths_lie_between_the_nearest_are_named(mine: Config) -> None:
    config = asking(of_cell(mine, "Even", heads=64), parameters=100_000)
    with pytest.raises(UserError, match=r"100000: no model\.hidden_size .*: 128 has 7.* 192 has 1"):
        fitted(config, TAG)


def test_a_cell_that_looks_at_numbers_is_built_with_them(mine: Config) -> None:
    found = built(asking(of_cell(mine, "Numbers"), parameters=9000))
    assert trainable(found) == pytest.approx(9000, rel=0.02)


@pytest.mark.parametrize("name", ["Even", "Numbers"])
def test_no_random_stream_moves(mine: Config, name: str) -> None:
    """Python's, numpy's or torch's."""

    def after(**budget: int) -> list[float]:
        seed_all(1)
        fitted(asking(of_cell(mine, name), **budget), TAG)
        states = random_states()
        return [hash(states["python"]), *states["numpy"][1].tolist(), *states["torch"].tolist()]

    assert after() == after(parameters=9000)


def test_a_width_that_changes_nothing_is_told(mine: Config) -> None:
    config = asking(of_cell(mine, "Constant"), parameters=100_000)
    with pytest.raises(UserError, match="and no width has more; lower it"):
        fitted(config, TAG)


def test_what_goes_at_no_width_is_told_as_without_a_budget(
    composed: Callable[..., Config],
) -> None:
    config = asking(composed("task=pets"), parameters=10_000)
    with pytest.raises(UserError, match="the task wants one label a step; use model/head=per_step"):
        fitted(config, TAG)


def test_the_labels_can_leave_one_width_alone(composed: Callable[..., Config]) -> None:
    config = composed("model=rnn", "model/head=identity")
    assert width(asking(config, state=10)) == 10
    with pytest.raises(UserError, match=r"10 numbers of state at .*=10, and no width has more"):
        fitted(asking(config, state=20), TAG)


@pytest.mark.parametrize("freeze", [True, False])
def test_vectors_that_stay_as_they_are_do_not_count(
    freeze: bool, composed: Callable[..., Config]
) -> None:
    """No file is read to measure."""
    words = ["task=pets", "model.embedding.path=none.vec", f"model.embedding.freeze={freeze}"]
    config = asking(composed(*words), parameters=50_000)
    spec = TaskSpec(kind="classify", input_size=20_000, output_size=2)
    if freeze:
        assert trainable(built(config, spec)) == pytest.approx(50_000, rel=0.02)
    else:
        with pytest.raises(UserError) as raised:
            fitted(config, spec)
        line = str(raised.value)
        assert "budget.parameters=50000: the network has 640,290 parameters even at" in line
        assert "model.hidden_size=1, 640,000 of them in its embedding; raise it" in line
        assert "or lower model.embedding.size or task.vocabulary_size" in line


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({"parameters": 810}, "no model.hidden_size comes within 2% of it: 1 has 791 parameters"),
        ({"parameters": 10**12}, ""),
        ({"state": 1}, ""),
        ({"parameters": 9}, "has 791 parameters even at model.hidden_size=1, 704 of them in its"),
    ],
)
def test_budgets_that_are_small_or_large(
    budget: dict[str, int], told: str, composed: Callable[..., Config]
) -> None:
    config = asking(composed("model=rnn"), **budget)
    if told:
        with pytest.raises(UserError, match=told):
            fitted(config, TAG)
    else:
        assert width(config) > 0


def test_of_two_numbers_of_state_neither_is_near(composed: Callable[..., Config]) -> None:
    config = composed("model=lstm")
    with pytest.raises(UserError, match="2 has 4 numbers of state, 3 has 6; ask for one of these"):
        fitted(asking(config, state=5), TAG)
    with pytest.raises(UserError, match=r"has 2 numbers of state even at .*=1; raise it"):
        fitted(asking(config, state=1), TAG)


def test_recurrent_dropout_is_measured_without_numbers(
    composed: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    built_on = []
    real = build.network

    def network(*arguments: Any) -> Network:
        found = real(*arguments)
        built_on.append(next(found.parameters()).device.type)
        return found

    monkeypatch.setattr(build, "network", network)
    config = changed(composed("model=gru"), recurrent_dropout=0.2, zoneout=0.1)
    fitted(asking(config, parameters=9000), TAG)
    assert set(built_on) == {"meta"}


# Keys that follow the width


def test_what_is_the_width_by_interpolation_follows_it(composed: Callable[..., Config]) -> None:
    words = ["model=lstm", "model/head=per_step", "model.embedding.size=${model.hidden_size}"]
    config = composed("task=word_lm", *words, "model.head.tied=true", "budget.parameters=90000")
    assert config["budget"]["follow"] == ["model.embedding.size"]
    spec = TaskSpec(kind="language_model", input_size=900, output_size=900)
    one = fitted(config, spec)["model"]
    assert one["embedding"]["size"] == one["hidden_size"] != 64
    assert trainable(build.network(one, spec)) == pytest.approx(90_000, rel=0.02)
    assert "follow" not in composed("task=word_lm", *words)["budget"]


def test_what_is_made_of_the_width_otherwise_is_refused(composed: Callable[..., Config]) -> None:
    words = ["paths.output_dir=at-${model.hidden_size}", "budget.state=64"]
    with pytest.raises(UserError, match=r"paths\.output_dir: is made of model\.hidden_size"):
        composed(*words)
    assert composed(words[0])["paths"]["output_dir"] == "at-64"


def test_a_key_that_is_none_does_not_follow(composed: Callable[..., Config]) -> None:
    for key in ("seed", "model.none.size"):
        config = asking(composed("model=gru"), parameters=9000, follow=[key])
        with pytest.raises(UserError, match=rf"budget\.follow: the model has no {key}"):
            fitted(config, TAG)

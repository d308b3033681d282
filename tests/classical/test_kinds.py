"""Baselines of single kinds, against what is known of their data."""

from typing import Any

import numpy as np
import pytest
import torch

from seqbench.batch import Batch
from seqbench.classical.base import Choice, climb, grow
from seqbench.classical.kinds import kind_for
from seqbench.classical.logistic import LEAST, STRENGTHS, Logistic, strongest
from seqbench.classical.reading import Flat, flat, written
from seqbench.classical.ridge import Ridge
from seqbench.classical.steps import Steps
from seqbench.classical.window import Window
from seqbench.datamodules.base import TaskData
from seqbench.datamodules.features import Vectors
from seqbench.datamodules.forecast import Forecast
from seqbench.datamodules.modular_sum import ModularSum
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.reverse import Reverse
from seqbench.datamodules.streams import Streams
from seqbench.datamodules.tagging import Tagging
from seqbench.errors import UserError
from seqbench.spec import TaskSpec


def ready(data: TaskData) -> TaskData:
    data.setup()
    return data


def found(data: TaskData) -> tuple[dict[str, Any], dict[str, float], dict[str, float]]:
    """The settings that its baseline has chosen, and its scores on validation and test."""
    choice = Choice(data)
    kind_for(data.spec)(data).fit(choice)
    trial, fitted, scores = choice.found()
    return trial.settings, scores.compute(), fitted.scores("test").compute()


def test_a_window_tags_better_than_each_word_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.classical.window.WIDTHS", (0, 1, 2))
    data = ready(Tagging(built_in="grammar", train_size=200, val_size=80, test_size=80))
    settings, val, test = found(data)
    assert settings["before"] + settings["after"] > 0
    assert val["span_f1"] > data.baselines["by_word"]["val"]["span_f1"] + 0.1
    assert test["span_f1"] > data.baselines["by_word"]["test"]["span_f1"] + 0.1
    assert {"accuracy", "sequence_accuracy", "loss"} < test.keys()


def test_a_window_sees_its_steps_and_no_other_sequence() -> None:
    data = ready(
        ModularSum(train_lengths=[3], train_size=4, val_size=4, test_size=4, long_length=5)
    )
    window = Window(data)
    two = Flat(np.array([3, 1, 4, 7, 9]), np.array([0, 3, 5]), np.zeros(5, np.int64))
    seen = window.features(two, 1, 1).tocoo()
    slots = [(column // 12, column % 12) for column in seen.col]  # ten digits, padding, an edge
    edge = 11
    rows = [[edge, 3, 1], [3, 1, 4], [1, 4, edge], [edge, 7, 9], [7, 9, edge]]
    assert slots == [(slot, token) for row in rows for slot, token in enumerate(row)]
    assert window.affixes is None


def test_words_that_train_has_once_are_read_as_unknown() -> None:
    data = ready(Tagging(built_in="grammar", train_size=20, val_size=5, test_size=5))
    window, words = Window(data), data.spec.vocabulary
    times = np.bincount(data.splits["train"].tokens, minlength=len(words))
    assert (window.known[times == 1] == 1).all()
    assert (window.known[times > 1] == np.flatnonzero(times > 1)).all()
    assert window.affixes is not None
    once, unknown = np.flatnonzero(times == 1)[0], 1
    assert (window.affixes[once] == window.affixes[unknown]).all()
    assert len(np.unique(window.affixes[times > 1], axis=0)) > 5


def test_ridge_with_the_damping_of_least_squares_is_that_baseline() -> None:
    data = ready(Forecast(built_in="henon", length=400, window=6, horizon=2))
    settings, _, test = found(data)
    assert settings["damping"] in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    ridge, choice = Ridge(data), Choice(data)
    ridge.fit(choice)
    same = [trial for trial in choice.tried if trial.settings == {"damping": 1e-6}]
    assert same[0].value == pytest.approx(data.baselines["linear"]["val"]["rmse"], rel=1e-5)
    assert test["rmse"] == pytest.approx(data.baselines["linear"]["test"]["rmse"], rel=0.02)
    assert choice.found()[1].parameters == (6 + 1) * 2


class Bars(TaskData):
    """Three steps of two numbers, of which the class is where the greatest sum stands."""

    def setup(self, stage: str | None = None) -> None:
        random = np.random.default_rng(0)
        self.spec = TaskSpec(kind="classify", features=True, input_size=2, output_size=3)
        self.splits = {}
        for split, rows in (("train", 200), ("val", 60), ("test", 60)):
            values = random.normal(size=(rows, 3, 2))
            labels = values.sum(2).argmax(1)
            offsets = np.arange(rows + 1) * 3
            self.splits[split] = Vectors(values.reshape(-1, 2), offsets, labels)
        self.fingerprint = "bars"


def test_steps_end_to_end_are_told_apart() -> None:
    data = ready(Bars())
    settings, val, test = found(data)
    assert kind_for(data.spec) is Steps
    assert settings["C"] > 0.03
    assert min(val["accuracy"], test["accuracy"]) > 0.9
    longer = Batch(torch.ones(1, 5, 2), torch.tensor([5]), torch.tensor([0]))
    assert Steps(data).features(longer).tolist() == [[1.0] * 6]


def test_a_class_that_train_lacks_is_hardly_likely() -> None:
    features = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    labels = np.where(features[:, 0] > 0, 4, 1)
    said = Logistic(features, labels, 5, 1.0).log_probabilities(features)
    assert said.shape == (40, 5)
    assert (said[:, [0, 2, 3]] == np.float32(LEAST)).all()
    np.testing.assert_allclose(np.exp(said.astype(np.float64)).sum(1), 1, rtol=1e-6)
    assert (said.argmax(1) == labels).mean() > 0.9


def test_the_least_loss_is_climbed_down_to_from_either_side() -> None:
    losses = [(place - 6.2) ** 2 for place in range(len(STRENGTHS))]
    asked: list[int] = []

    def loss(place: int) -> float:
        asked.append(place)
        return losses[place]

    assert [climb(loss, start, len(losses)) for start in (0, 6, 9, 12)] == [6, 6, 6, 6]
    assert max(asked[: asked.index(6) + 2]) == 7
    assert strongest(lambda strength: -strength, 10.0) == STRENGTHS[-1]
    tried: list[int] = []
    grow(range(1, 9), lambda size: tried.append(size) or abs(size - 3))  # type: ignore[func-returns-value]
    assert tried == [1, 2, 3, 4]


def test_sequences_are_read_in_their_order() -> None:
    tokens, offsets = np.array([5, 6, 7, 8, 9, 4]), np.array([0, 3, 4, 6])
    data = Ragged(tokens, offsets, tokens + 1, padding_id=0, per_step=True, max_length=2)
    read = flat(data, per_step=True)
    assert read.inputs.tolist() == [5, 6, 8, 9, 4]
    assert read.targets.tolist() == [6, 7, 9, 10, 5]
    assert read.offsets.tolist() == [0, 2, 3, 5]
    assert read.rows.tolist() == [0, 0, 1, 2, 2]
    half = read.spread(3)
    assert (half.inputs.tolist(), half.offsets.tolist()) == ([5, 6, 9, 4], [0, 2, 4])
    assert half.targets.tolist() == [6, 7, 10, 5]
    whole = flat(Ragged(tokens, offsets, np.arange(3), padding_id=0, max_length=2), per_step=False)
    assert whole.inputs.tolist() == tokens.tolist()
    spec = TaskSpec(kind="language_model", input_size=10, output_size=10)
    text = written(Streams(tokens, streams=2, steps=2), spec)
    assert (text.inputs.tolist(), text.targets.tolist()) == ([5, 6, 7, 8, 9], [6, 7, 8, 9, 4])


def test_what_no_baseline_is_for_is_refused() -> None:
    with pytest.raises(UserError, match="no baseline turns one sequence into another"):
        kind_for(ready(Reverse(train_size=20, val_size=20, test_size=20)).spec)

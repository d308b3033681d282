"""Rows with what a network makes of them: the worst mistakes first, and always the same others."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from seqbench import examples
from seqbench.batch import Batch
from seqbench.datamodules.base import TaskData
from seqbench.datamodules.ragged import Ragged
from seqbench.spec import TaskSpec

WORDS = ("<pad>", "<unk>", *"abcdef")


class Said:
    """A network that says of a row what stands in it: its first token's number is its margin, for
    label 1."""

    device = torch.device("cpu")

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec

    def __call__(self, batch: Batch) -> Tensor:
        margins = (batch.inputs - 4.5) if self.spec.kind == "tag" else batch.inputs[:, 0] - 4.5
        return torch.stack([torch.zeros_like(margins), margins], -1)


class Data(TaskData):
    def __init__(self, data: Ragged) -> None:
        super().__init__(eval_batch_size=2)
        self.splits = {"val": data}

    def setup(self, stage: str | None = None) -> None: ...


def found(spec: TaskSpec, rows: list[list[int]], targets: list[int]) -> examples.Examples:
    offsets = np.cumsum([0, *map(len, rows)])
    data = Ragged(
        np.concatenate(rows), offsets, np.array(targets), padding_id=0, per_step=spec.kind == "tag"
    )
    module = cast(Any, Said(spec))
    given = examples.find(module, Data(data).loader("val"), nullcontext())
    assert given is not None
    return given


CLASSES = TaskSpec(
    "classify", 8, 2, labels=("no", "yes"), vocabulary=WORDS, encoding={"level": "char"}
)


def test_the_worst_come_first() -> None:
    rows = [[2, 3], [7], [3, 4, 5], [5], [6]]
    given = found(CLASSES, rows, [1, 0, 1, 1, 1])
    assert (given.rows, given.seen) == (5, 5)
    # Margins -2.5, 2.5, -1.5, 0.5, 1.5, of which the first three are wrong.
    assert {row.text for row in given.worst[:2]} == {"ab", "f"}
    third = given.worst[2]
    assert (third.text, third.true, third.found.label, third.right) == ("bcd", "yes", "no", False)
    assert third.loss == pytest.approx(np.log(1 + np.exp(1.5)))
    assert third.found.probabilities == pytest.approx({"no": 0.81757, "yes": 0.18243}, abs=1e-5)
    assert {(row.text, row.right) for row in given.drawn} == {("d", True), ("e", True)}


def test_only_so_many_and_the_same_ones() -> None:
    draw = np.random.default_rng(1)
    rows = [[int(i), *draw.integers(2, 8, 3)] for i in draw.integers(2, 8, 3_000)]
    right = [int(row[0] > 4) for row in rows]
    given = found(CLASSES, rows, right)
    assert (given.rows, given.seen, given.worst) == (3_000, examples.ROWS, [])
    assert len(given.drawn) == examples.DRAWN
    wrong = found(CLASSES, rows, [1 - label for label in right])
    assert len(wrong.worst) == examples.WORST
    losses = [row.loss for row in wrong.worst]
    assert losses == sorted(losses, reverse=True)
    assert {*map(text_of, given.drawn)} & {*map(text_of, wrong.drawn)}, "drawn whatever is said"


def text_of(row: examples.Example) -> str:
    return row.text


def test_labels_of_steps() -> None:
    spec = TaskSpec("tag", 8, 2, vocabulary=WORDS, encoding={"level": "whitespace"})
    given = found(spec, [[7, 2], [7, 7, 7]], [1, 1, 1, -100, 1])
    (row,) = given.worst
    assert (row.text, row.true, row.found.label) == ("f a", ["1", "1"], ["1", "0"])
    (other,) = given.drawn
    assert (other.true, other.found.label, other.right) == (["1", "1"], ["1", "1"], True)


def test_numbers_are_in_the_data_s_own_units() -> None:
    from seqbench.datamodules.raw import steps_of, text_of_steps

    encoding = {"center": [1.0, 10.0], "scale": [2.0, 0.5]}
    spec = TaskSpec("classify", 2, 2, features=True, encoding=encoding)
    steps = steps_of(spec, torch.tensor([[0.0, 0.0], [1.0, -1.0]]))
    assert text_of_steps(spec, steps) == "1 10; 3 9.5"


def test_other_kinds_and_orders_have_none() -> None:
    loader = cast(Any, SimpleNamespace(sampler=[], dataset=[]))
    assert examples.find(cast(Any, Said(CLASSES)), loader, nullcontext()) is None
    spec = TaskSpec("language_model", 8, 8, vocabulary=WORDS)
    data = Data(Ragged(np.array([2]), np.array([0, 1]), np.array([0]), padding_id=0))
    assert examples.find(cast(Any, Said(spec)), data.loader("val"), nullcontext()) is None

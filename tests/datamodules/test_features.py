"""Sequences of numbers, from data and as a user types them."""

from typing import Any

import numpy as np
import pytest

from seqbench.datamodules.features import Vectors, as_vectors, in_own_units, valid_numbers
from seqbench.datamodules.raw import check_encoding
from seqbench.errors import UserError
from seqbench.metrics import NumberScores
from seqbench.spec import TaskSpec


def spec_of(size: int = 2, **encoding: Any) -> TaskSpec:
    plain: dict[str, Any] = {"center": [1.0], "scale": [2.0]}
    return TaskSpec(
        "classify", input_size=size, output_size=2, features=True, encoding=plain | encoding
    )


def test_ragged_rows_are_scaled_and_padded() -> None:
    values = np.arange(10, dtype=np.uint8).reshape(5, 2)
    data = Vectors(values, np.array([0, 3, 5]), np.array([7, 8]), center=[1.0, 2.0], scale=[2.0])
    batch = data[np.array([1, 0])]
    assert batch.inputs.tolist() == [
        [[2.5, 2.5], [3.5, 3.5], [0, 0]],
        [[-0.5, -0.5], [0.5, 0.5], [1.5, 1.5]],
    ]
    assert batch.lengths.tolist() == [2, 3]
    assert batch.targets.tolist() == [8, 7]


def test_numbers_as_they_are_typed() -> None:
    spec = spec_of()
    for given in ("1 2 3 4", "1,2;3,4", "1, 2; 3, 4", [1, 2, 3, 4], [[1, 2], [3, 4.0]]):
        (row,) = as_vectors(spec, [valid_numbers("text 1", given, spec)])[np.array([0])].inputs  # type: ignore[arg-type]
        assert row.tolist() == [[0, 0.5], [1, 1.5]]


def test_an_order_and_a_window() -> None:
    ordered = spec_of(order=[2, 0, 3, 1], count=4)
    (row,) = as_vectors(ordered, [valid_numbers("x", "1 3 5 7", ordered)])[np.array([0])].inputs
    assert row.tolist() == [[2, 0], [3, 1]]
    windowed = spec_of(1, window=2)
    (row,) = as_vectors(windowed, [valid_numbers("x", "1 3 5 7", windowed)])[np.array([0])].inputs
    assert row.tolist() == [[2], [3]]


@pytest.mark.parametrize(
    ("given", "encoding", "message"),
    [
        ("1 x", {}, r"text 1: '1 x' should be numbers with spaces between"),
        ("1 nan", {}, "holds nan"),
        ([1, float("inf")], {}, "holds nan or an infinite number"),
        ("1 2 3", {}, "has 3 numbers, where this network reads 2 a step"),
        ("1 2", {"count": 4}, "has 2 numbers, where this network reads 4"),
        ("1 2", {"window": 3}, "has 1 steps, where this network reads 3"),
        ("1 256", {"range": [0, 255]}, "numbers should be 0 to 255"),
        ([[1], [2, 3]], {}, "should be numbers"),
        (None, {}, "None is no sequence of numbers"),
    ],
)
def test_numbers_that_are_refused(given: Any, encoding: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^text 1: .*{message}|^{message}"):
        valid_numbers("text 1", given, spec_of(**encoding))


def test_answers_in_own_units() -> None:
    spec = spec_of(outputs=["t+1", "t+2"], output_center=[10.0, 0.0], output_scale=[2.0, 5.0])
    assert in_own_units(spec, np.array([1.0, -1.0])) == {"t+1": 12.0, "t+2": -5.0}


def test_a_task_need_not_name_or_scale_its_numbers() -> None:
    spec = TaskSpec("regress", input_size=2, output_size=2, features=True)
    assert in_own_units(spec, np.array([1.0, -1.0])) == {"1": 1.0, "2": -1.0}
    (row,) = as_vectors(spec, [valid_numbers("x", "1 2", spec)])[np.array([0])].inputs
    assert row.tolist() == [[1, 2]]
    assert NumberScores(spec).names == ("1", "2")


SERIES: dict[str, Any] = {"window": 2, "output_center": [0.0], "output_scale": [1.0]}
LIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("regress", SERIES | {"window": "x"}, {}),
    ("regress", SERIES | {"window": -5}, {}),
    ("regress", SERIES | {"scale": [0.0, 1.0]}, {}),
    ("regress", SERIES | {"scale": [1.0, 1.0, 1.0]}, {}),
    ("regress", SERIES | {"center": [float("nan")]}, {}),
    ("regress", SERIES | {"center": "x"}, {}),
    ("regress", SERIES | {"output_scale": [1.0, 1.0]}, {}),
    ("regress", {"count": 4, "order": [0] * 4}, {}),
    ("regress", {"order": [5, 999]}, {}),
    ("regress", {"output_scale": 2.0}, {}),
    ("transduce", {"longest_output": -1}, {"start_id": 1, "end_id": 0}),
    ("transduce", {"longest_output": 9}, {"start_id": 1, "end_id": 99}),
    ("transduce", {"longest_output": 9}, {"start_id": 99, "end_id": 0}),
]


@pytest.mark.parametrize(("kind", "encoding", "marks"), LIES)
def test_a_spec_that_nothing_can_be_read_by(
    kind: Any, encoding: dict[str, Any], marks: dict[str, Any]
) -> None:
    spec = TaskSpec(kind, input_size=2, output_size=1, features=True, encoding=encoding, **marks)
    with pytest.raises(ValueError, match=r"its spec|could not convert"):
        check_encoding(spec)


def test_specs_that_can_be_read_by() -> None:
    check_encoding(TaskSpec("regress", input_size=2, output_size=1, encoding=SERIES))
    longest = {"longest_output": 4}
    check_encoding(TaskSpec("transduce", 2, 3, start_id=3, end_id=2, encoding=longest))

"""Validation against signatures, without Hydra."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
from lightning.pytorch import Trainer
from pydantic import PositiveInt

from seqbench.config import mismatch, parameters
from seqbench.errors import nearest


class Parent:
    def __init__(self, *, size: PositiveInt = 1, rate: float = 0.1) -> None: ...


class Child(Parent):
    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class Grandchild(Child):
    pass


def anything(**kwargs: Any) -> None: ...


def test_keyword_arguments_stand_for_the_parents() -> None:
    assert set(parameters(Child)) == {"name", "size", "rate"}
    assert set(parameters(Grandchild)) == {"name", "size", "rate"}
    assert parameters(Child)["size"].annotation == PositiveInt


def test_a_function_that_takes_anything_names_nothing() -> None:
    assert parameters(anything) == {}


def test_lightning_s_own_signature_is_read() -> None:
    assert {"max_epochs", "precision", "gradient_clip_val"} <= set(parameters(Trainer))


@pytest.mark.parametrize(
    ("value", "annotation", "right"),
    [
        (1, float, True),
        (1.5, int, False),
        (True, int, False),
        ("1", int, False),
        (None, int, False),
        (None, int | None, True),
        ([1, 2], Sequence[PositiveInt], True),
        ([1, 0], Sequence[PositiveInt], False),
        ([0.9, 0.99], tuple[float, float], True),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        ({"a": 1}, dict[str, int], True),
        ("x", Callable[..., Any], False),
    ],
)
def test_types(value: Any, annotation: Any, right: bool) -> None:
    assert (mismatch(value, annotation) is None) == right


def test_nearest_names_one_or_all() -> None:
    assert nearest("hiden", ["hidden", "layers"]) == "; did you mean 'hidden'?"
    assert nearest("zzz", ["b", "a"]) == "; there are: a, b"
    assert nearest("zzz", []) == ""

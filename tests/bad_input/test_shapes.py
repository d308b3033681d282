"""Dates, digits and series that nothing can be learnt from."""

from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]

NETWORK = "seqbench.models.network.Network"
DATES = [
    (["task.first_year=0"], ["task.first_year", "1"]),
    (["task.last_year=10000"], ["task.last_year", "9999"]),
    (["task.first_year=1900", "task.last_year=2000"], ["task.first_year=1900", "100 years"]),
    (["task.first_year=2001", "task.last_year=2000"], ["task.first_year=2001", "before"]),
    (["task.train_size=0"], ["task.train_size"]),
    (
        ["task.train_size=9", "model._target_=seqbench.models.network.Network"],
        ["model._target_", "Transducer"],
    ),
    (["task.train_size=9", "model/head=last"], ["model/head=last", "per_step"]),
]


@pytest.mark.parametrize(("words", "parts"), DATES)
def test_dates(refused: Refused, words: list[str], parts: list[str]) -> None:
    refused("train", "task=dates", "task.val_size=9", "task.test_size=9", *words, parts=parts)


REVERSE = [
    (["task.min_length=0"], ["task.min_length"]),
    (["task.min_length=9", "task.max_length=8"], ["task.min_length=9", "task.max_length=8"]),
    (["model.bidirectional=maybe"], ["model.bidirectional"]),
]


@pytest.mark.parametrize(("words", "parts"), REVERSE)
def test_reverse(refused: Refused, words: list[str], parts: list[str]) -> None:
    refused("train", "task=reverse", *words, parts=parts)


GOOD = "t,x\n" + "".join(f"{i},{i % 7}\n" for i in range(300))
SERIES: list[tuple[str, list[str], list[str]]] = [
    ("", [], ["a.csv", "malformed"]),
    ("t,x\n", [], ["a.csv", "no row"]),
    (GOOD.replace("\n9,2\n", "\n"), ["task.time_column=t"], ["line 11", "gap", "10 comes after 8"]),
    (GOOD.replace("\n9,2\n", "\n9,\n"), [], ["line 11", "'x'", "task.gaps=previous"]),
    (GOOD.replace("\n9,2\n", "\n9,two\n"), [], ["line 11", "'two'", "number"]),
    (GOOD.replace("\n9,2\n", "\n9,2,2\n"), [], ["a.csv", "malformed", "line 11"]),
    (GOOD, ["task.columns=[y]"], ["'y'", "x"]),
    (GOOD, ["task.targets=[y]"], ["task.targets", "'y'"]),
    (GOOD, ["task.time_column=time"], ["'time'"]),
    (GOOD, ["task.window=300"], ["task.window=300", "too long", "300 rows"]),
    (GOOD, ["task.horizon=46"], ["task.horizon=46", "too long for val"]),
    (GOOD, ["task.window=0"], ["task.window"]),
    (GOOD, ["task.normalise=norm"], ["task.normalise", "standard"]),
    (GOOD, ["task.val_fraction=0.9"], ["task.val_fraction=0.9", "leave nothing"]),
    (GOOD, ["task.delimiter=;;"], ["task.delimiter"]),
    (GOOD, ["model/embedding=table"], ["model/embedding=features"]),
    (GOOD, ["model/head=last"], ["model/head=regression"]),
]


@pytest.mark.parametrize(("text", "words", "parts"), SERIES)
def test_series(
    refused: Refused, here: Path, text: str, words: list[str], parts: list[str]
) -> None:
    (here / "a.csv").write_text(text)
    refused("train", "task=forecast", "task.path=a.csv", *words, parts=parts)


def test_a_series_that_is_not_there(refused: Refused) -> None:
    refused("train", "task=forecast", "task.path=none.csv", parts=["none.csv", "No such file"])
    refused("train", "task=forecast", "task.built_in=sinus", parts=["task.built_in", "'sine'"])


def test_embeddings_and_heads_that_do_not_go_together(refused: Refused) -> None:
    refused("train", "model/embedding=features", parts=["model/embedding=features", "table"])
    refused("train", "model/head=regression", parts=["model/head=regression", "per_step"])

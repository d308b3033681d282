"""The main job on real reviews, to the end; takes minutes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.long
@pytest.mark.skipif(
    not (Path(os.environ.get("SEQBENCH_DATA_DIR", "")) / "imdb").is_dir(),
    reason="SEQBENCH_DATA_DIR names no imdb",
)
def test_imdb_by_its_defaults(
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    imdb: str,
) -> None:
    from seqbench.train import main

    monkeypatch.setenv("SEQBENCH_DATA_DIR", imdb)
    assert main(["task=imdb", "model=lstm"]) == 0
    content = result(here)
    assert content["metrics"]["test"]["accuracy"] >= 0.87
    assert content["baselines"]["majority"]["test"]["accuracy"] == 0.5


@pytest.fixture(scope="module")
def imdb() -> str:
    """SEQBENCH_DATA_DIR as it was before ``here`` hides it."""
    return os.environ["SEQBENCH_DATA_DIR"]


@pytest.mark.long
@pytest.mark.parametrize(("model", "least"), [("irnn", 0.9999), ("lstm", 1.0), ("gru", 1.0)])
def test_modular_sum_by_its_defaults(
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    model: str,
    least: float,
) -> None:
    assert train(f"model={model}") == 0
    assert result(here)["metrics"]["test"]["accuracy"] >= least


@pytest.mark.long
@pytest.mark.parametrize(
    ("task", "model", "metric", "least"),
    [
        ("reverse", "lstm", "exact_match", 0.99),
        ("reverse", "gru", "exact_match", 0.99),
        ("dates", "gru", "exact_match", 0.99),
        ("tagging", "lstm", "span_f1", 0.99),
    ],
)
def test_sequences_by_their_defaults(
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    task: str,
    model: str,
    metric: str,
    least: float,
) -> None:
    assert train(f"task={task}", f"model={model}") == 0
    assert result(here)["metrics"]["test"][metric] >= least


@pytest.mark.long
@pytest.mark.parametrize("series", ["sine", "henon"])
@pytest.mark.parametrize("model", ["rnn", "lstm", "gru"])
def test_forecasts_beat_both_baselines(
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    model: str,
    series: str,
) -> None:
    assert train("task=forecast", f"task.built_in={series}", f"model={model}") == 0
    content = result(here)
    for name in ("rmse", "mae"):
        reached = content["metrics"]["test"][name]
        assert all(reached < by["test"][name] for by in content["baselines"].values())


@pytest.mark.long
def test_one_direction_cannot_do_the_grammar(
    train: Callable[..., int], here: Path, result: Callable[[Path], dict[str, Any]]
) -> None:
    """Half of the names are decided by a later word: 0.75 is all that can be expected."""
    assert train("task=tagging", "model.bidirectional=false") == 0
    assert result(here)["metrics"]["test"]["span_f1"] < 0.8

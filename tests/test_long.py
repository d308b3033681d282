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
@pytest.mark.parametrize("model", ["irnn", "lstm", "gru"])
def test_modular_sum_by_its_defaults(
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    model: str,
) -> None:
    assert train(f"model={model}") == 0
    assert result(here)["metrics"]["test"]["accuracy"] == 1.0

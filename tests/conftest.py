"""What many tests share: a command line that trains next to nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TINY = [
    "task=modular_sum",
    "task.train_lengths=[4,7]",
    "task.train_size=60",
    "task.val_size=20",
    "task.test_length=6",
    "task.long_length=12",
    "task.test_size=20",
    "task.batch_size=20",
    "model.hidden_size=8",
    "model.embedding.size=4",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "progress=lines",
    "threads=1",
]
"""Overrides that shrink the default task to about a second."""


@pytest.fixture
def tiny() -> list[str]:
    return list(TINY)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with a cache of its own and no data set at hand."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("SEQBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SEQBENCH_DATA_DIR", raising=False)
    return work


@pytest.fixture
def train(here: Path) -> Callable[..., int]:
    """Call the command line in this process, in an empty directory; its exit status."""
    from seqbench.train import main

    def call(*arguments: str) -> int:
        return main([*arguments])

    return call


@pytest.fixture
def result() -> Callable[[Path], dict[str, Any]]:
    """The one result.json below a folder."""

    def read(folder: Path) -> dict[str, Any]:
        (path,) = folder.rglob("result.json")
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return content

    return read

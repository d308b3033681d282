"""Where tasks would find their data: found by names alone, nothing read, no network asked."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from seqbench.datamodules import cache
from seqbench.examining import data
from seqbench.examining.configs import composing, inherited

Tasks = dict[str, dict[str, Any]]


@pytest.fixture
def looked(
    here: Path, remembered: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Tasks, list[str]]]:
    """``looked("imdb", ...)``: what is told of these tasks, and the problems."""

    def no(*_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is to be read or asked")

    monkeypatch.setattr(socket, "getaddrinfo", no)
    monkeypatch.setattr(socket.socket, "connect", no)
    monkeypatch.setattr(cache, "file_digest", no)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(here / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def call(*tasks: str) -> tuple[Tasks, list[str]]:
        monkeypatch.setattr(data, "names", lambda group: [*tasks])
        found = data.examine()
        told = {each.pop("task"): each for each in found.content["tasks"]}
        return told, [f"{each.what}; {each.do}" for each in found.problems]

    return call


Looked = Callable[..., tuple[Tasks, list[str]]]


@pytest.mark.parametrize("name", ["imdb", "char_lm"])
def test_what_a_task_inherits_is_what_hydra_composes(name: str) -> None:
    with composing() as compose:
        assert inherited("task", name)["task"] == compose("train", f"task={name}")["task"]


def test_without_any_data(looked: Looked) -> None:
    tasks, problems = looked("modular_sum", "imdb", "pets", "languages", "tagging")
    assert {name: (each["source"], each["name"]) for name, each in tasks.items()} == {
        "imdb": ("hub", "stanfordnlp/imdb"),
        "pets": ("built_in", "pets"),
        "languages": (None, None),
        "tagging": ("built_in", "grammar"),
    }
    assert tasks["imdb"]["cached"] is None
    assert tasks["imdb"]["others"] == [{"source": "files", "name": "imdb"}]
    assert tasks["languages"]["why"] == "nowhere"
    assert problems == [], "what may be fetched is no problem, nor what nobody asked for"


def test_what_lies_in_the_data_directory(
    looked: Looked, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is in the files: they are not read."""
    for name in ("imdb/train.parquet", "mnist/train-images-idx3-ubyte", "names/by_language/X.txt"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(b"12345")
    monkeypatch.setenv("SEQBENCH_DATA_DIR", str(here))
    tasks, problems = looked("imdb", "mnist", "languages", "names")
    hub = {
        "source": "hub",
        "name": "stanfordnlp/imdb",
        "url": "https://huggingface.co/datasets/stanfordnlp/imdb",
    }
    assert tasks["imdb"] == {
        "source": "files",
        "name": str(here / "imdb"),
        "bytes": 5,
        "cached": None,
        "why": None,
        "others": [hub],
    }
    assert tasks["languages"]["source"] == "files"
    assert tasks["names"]["source"] == "built_in"
    assert tasks["mnist"]["source"] is None
    (problem,) = problems
    assert problem.startswith(f"task=mnist: {here}/mnist: no train-labels-idx1-ubyte there")


def test_a_data_directory_that_leads_nowhere(
    looked: Looked, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQBENCH_DATA_DIR", str(here / "gone"))
    tasks, problems = looked("pets")
    assert tasks["pets"]["source"] == "built_in"
    (problem,) = problems
    assert problem.startswith(f"SEQBENCH_DATA_DIR={here}/gone is no folder; ")


def test_offline_only_what_is_cached_is_there(
    looked: Looked, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = here / "hub" / "datasets--ylecun--mnist"
    (folder / "snapshots" / "abc123").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc123")
    tasks, problems = looked("imdb", "mnist")
    assert [tasks[name]["cached"] for name in ("imdb", "mnist")] == [None, "abc123"]
    assert problems == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    tasks, problems = looked("imdb", "mnist")
    assert tasks["imdb"]["why"] == "not in the local cache"
    assert tasks["mnist"]["why"] is None
    (problem,) = problems
    assert problem.startswith("HF_HUB_OFFLINE is set, and the local cache lacks stanfordnlp/imdb; ")

"""The one checker of a refusal: status 2, one line, nothing printed, nothing written."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "bad_input",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Called = tuple[int, str, str]


@pytest.fixture(autouse=True)
def once(composed_once: None) -> None:
    """All cases compose once; programs of their own leave it as it is."""


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """``call(verb, *words)``: status, output and errors of a verb's main, in this process."""

    def run(verb: str, *words: str) -> Called:
        capfd.readouterr()
        status: int = importlib.import_module(f"seqbench.{verb}").main([*words])
        return status, *capfd.readouterr()

    return run


@pytest.fixture
def refused(here: Path, call: Callable[..., Called]) -> Callable[..., str]:
    """``refused(verb, *words, parts=[...])``: asserts that this is a refusal as it should be.

    parts: what the line must name, in any case. process: call it as a program of its own. The
    line is given back.
    """

    def check(verb: str, *words: str, parts: Sequence[str], process: bool = False) -> str:
        watched = [here, *(folder for word in words if (folder := _run(word)))]
        before = [snapshot(folder) for folder in watched]
        status, out, err = program(verb, *words) if process else call(verb, *words)
        assert "Traceback" not in err
        assert (status, out) == (2, ""), err
        assert len(err.splitlines()) == 1, err
        assert err.startswith("seqbench: ")
        assert len(err) < 1500
        for part in parts:
            assert part.lower() in err.lower()
        assert [snapshot(folder) for folder in watched] == before
        return err

    return check


@pytest.fixture
def accepted(call: Callable[..., Called]) -> Callable[..., tuple[str, str]]:
    """``accepted(verb, *words)``: output and errors of a call that works."""

    def check(verb: str, *words: str) -> tuple[str, str]:
        status, out, err = call(verb, *words)
        assert status == 0, err
        assert "Traceback" not in err
        return out, err

    return check


@pytest.fixture
def rows() -> str:
    """Forty rows of a csv file with the columns x and y, of two classes."""
    return "x,y\n" + "".join(f"{'ab' if i % 2 else 'cd'}{i},{'pq'[i % 2]}\n" for i in range(40))


@pytest.fixture
def small() -> list[str]:
    """Overrides for a file of texts with the columns x and y, and one short epoch."""
    return [
        "task=text_classification",
        "task.text_column=x",
        "task.label_column=y",
        "task.level=char",
        "model.hidden_size=8",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
        "logger=none",
        "progress=none",
        "threads=1",
    ]


def program(verb: str, *words: str) -> Called:
    ended = subprocess.run(
        [sys.executable, "-m", f"seqbench.{verb}", *words],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def snapshot(folder: Path) -> dict[Path, bytes | None]:
    return {p: p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def _run(word: str) -> Path | None:
    """The run directory that a word names."""
    path = Path(word)
    return path if len(word) < 200 and path.is_absolute() and path.is_dir() else None

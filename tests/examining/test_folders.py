"""Folders that cannot be written to, are nearly full, or have no locks. Nothing is left in them."""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqbench.examining import folders
from seqbench.examining.folders import Size, size_of

Looked = Callable[..., tuple[dict[str, Any], list[str]]]


@pytest.fixture
def looked(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looked:
    """``looked(outputs)``: what is told of that folder, and the problems of it and of the cache."""
    paths = {"cache_dir": str(tmp_path / "cache"), "output_dir": "outputs"}
    monkeypatch.setattr(folders, "composing", lambda: nullcontext(lambda name: {"paths": paths}))

    def call(outputs: str | None = None) -> tuple[dict[str, Any], list[str]]:
        before = sorted(tmp_path.rglob("*"))
        found = folders.examine(outputs)
        assert sorted(tmp_path.rglob("*")) == before
        cache, told = found.content["folders"]
        assert (cache["name"], cache["path"]) == ("cache", str(tmp_path / "cache"))
        return told, [f"{each.what}; {each.do}" for each in found.problems]

    return call


def test_a_folder_to_come_is_judged_by_the_one_above(looked: Looked, here: Path) -> None:
    told, problems = looked()
    assert told["path"] == str(here / "outputs")
    assert (told["exists"], told["writable"], told["locks"]) == (False, True, True)
    assert (told["bytes"], problems) == (None, [])
    assert told["free_bytes"] == pytest.approx(shutil.disk_usage(here).free, rel=0.1)


def test_a_folder_that_is_there(looked: Looked, here: Path) -> None:
    (here / "runs" / "a").mkdir(parents=True)
    (here / "runs" / "a" / "x").write_bytes(bytes(1000))
    (here / "runs" / "y").write_bytes(bytes(234))
    told, problems = looked("runs")
    assert (told["exists"], told["bytes"], told["whole"], problems) == (True, 1234, True, [])


@pytest.mark.parametrize("outputs", ["taken", "taken/below", "/dev/null/x", "/proc/nowhere"])
def test_a_place_that_cannot_be_written_to(looked: Looked, here: Path, outputs: str) -> None:
    (here / "taken").write_text("a file")
    told, problems = looked(outputs)
    assert not told["writable"]
    assert told["why"]
    (problem,) = problems
    assert problem.startswith(f"cannot write to the folder outputs, {here / outputs}: ")
    assert problem.endswith("; set paths.output_dir to another")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write(looked: Looked, here: Path) -> None:
    (here / "closed").mkdir(mode=0o500)
    told, problems = looked("closed")
    assert (told["writable"], told["why"], len(problems)) == (False, "Permission denied", 1)


def test_a_home_that_cannot_be_found(looked: Looked) -> None:
    told, problems = looked("~nobody_at_all/x")
    assert told["writable"] is False
    assert problems[0].startswith("the folder outputs: ~nobody_at_all/x: no usable path")


def test_a_file_system_without_locks(looked: Looked, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def flock(*_: Any) -> None:
        raise OSError(errno.ENOSYS, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    told, problems = looked()
    assert (told["writable"], told["locks"]) == (True, False)
    assert len(problems) == 2
    assert "no working locks; let no two processes train the same run there" in problems[1]


def test_locks_that_hold_nobody_off(looked: Looked, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    assert looked()[0]["locks"] is False


def test_a_disk_that_is_full_or_nearly(looked: Looked, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=50 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    _, problems = looked()
    assert problems[1].startswith("50 MiB are free on the disk of outputs, ")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    told, problems = looked()
    assert told["why"] == "No space left on device"
    assert problems[1].endswith("; free some space, or set paths.output_dir to another")


def test_counting_has_its_time(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "x").write_bytes(bytes(10))
    (tmp_path / "link").symlink_to("/")
    assert size_of(tmp_path).whole
    assert 30 <= size_of(tmp_path).bytes < 40
    assert not size_of(tmp_path, seconds=-1).whole
    assert size_of(tmp_path / "0" / "x") == Size(10, True)

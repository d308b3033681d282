"""Checkpoints and run directories that cannot be used, or must not be trusted."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

Refused = Callable[..., str]
Edit = Callable[[dict[str, Any]], object]

GONE = object()


def put(name: str, value: Any) -> Edit:
    """Sets a dotted key of what a checkpoint holds, or takes it away."""
    *folders, last = name.split(".")

    def edit(content: dict[str, Any]) -> None:
        for folder in folders:
            content = content[folder]
        if value is GONE:
            del content[last]
        else:
            content[last] = value

    return edit


CELL = "seqbench.config.model.cell._target_"

EDITS: list[tuple[Edit, list[str]]] = [
    (put("seqbench", GONE), ["not one that seqbench wrote"]),
    (put("seqbench.schema_version", 99), ["version 99", "reads 1"]),
    (put("seqbench.schema_version", GONE), ["version None", "reads 1"]),
    (put("state_dict", GONE), ["lacks 'state_dict'", "train it anew"]),
    (put("state_dict", {}), ["does not fit", "Missing key"]),
    (put("state_dict", [1]), ["no config or weights"]),
    (put("seqbench.config", 1), ["no config or weights"]),
    (put("seqbench.config", GONE), ["lacks 'config'"]),
    (put("seqbench.config.trainer", GONE), ["lacks 'trainer'"]),
    (put("seqbench.config.paths", GONE), ["lacks 'paths'"]),
    (put("seqbench.config.model", 1), ["does not fit", "model", "_target_"]),
    (put("seqbench.config.model.hiden_size", 3), ["model.hiden_size", "'hidden_size'"]),
    (put("seqbench.config.model.hidden_size", 17), ["does not fit", "size mismatch"]),
    (put("seqbench.config.model.hidden_size", 10**12), ["does not fit", "memory"]),
    (put("seqbench.config.model._target_", GONE), ["does not fit", "_target_"]),
    (put("seqbench.spec", GONE), ["lacks 'spec'"]),
    (put("seqbench.spec", 1), ["does not fit"]),
    (put("seqbench.spec.kind", GONE), ["does not fit", "kind"]),
    (put("seqbench.spec.kind", "guess"), ["does not fit", "guess"]),
    (put("seqbench.spec.colour", 1), ["does not fit", "colour"]),
    (put("seqbench.spec.output_size", 5), ["does not fit", "2 labels"]),
    (put("seqbench.spec.vocabulary", ["a"]), ["does not fit", "vocabulary"]),
    (put("seqbench.spec.labels", [1, 2]), ["does not fit", "that are no words"]),
    (put("seqbench.spec.encoding", {}), ["does not fit", "max_length"]),
    (put(CELL, 1), ["'1'", "class"]),
    (put(CELL, ""), ["''", "class"]),
    (put(CELL, "seqbench.nowhere.Cell"), ["seqbench.nowhere", "install"]),
    (put(CELL, "os.system"), ["os.system", "Python's own"]),
    (put("seqbench.config.model._target_", "seqbench.train.main"), ["train.main", "no part of"]),
    (put(CELL, "seqbench.compose.os.system"), ["seqbench.compose.os.system", "no part of"]),
    (put(CELL, "seqbench.runs.Run"), ["seqbench.runs.Run", "no part of a network"]),
    (put("seqbench.config.model.head._target_", "torch.nn.Linear"), ["--trust torch"]),
]


@pytest.fixture
def checkpoint(names_run: Path, here: Path) -> Callable[[Edit], None]:
    """Writes a changed copy of a checkpoint into the working directory, as ``a.ckpt``."""

    def write(edit: Edit) -> None:
        content = torch.load(names_run / "checkpoints" / "best.ckpt", weights_only=True)
        edit(content)
        torch.save(content, here / "a.ckpt")

    return write


@pytest.mark.parametrize(("edit", "parts"), EDITS)
def test_what_a_checkpoint_holds(
    refused: Refused, checkpoint: Callable[[Edit], None], edit: Edit, parts: list[str]
) -> None:
    checkpoint(edit)
    refused("predict", "a.ckpt", "абв", parts=["a.ckpt", *parts])


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        (put("seqbench.config.task._target_", "os.system"), ["os.system", "Python's own"]),
        (put("seqbench.config.task.colour", 1), ["task.colour"]),
        (put("seqbench.fingerprint", "0"), ["data", "changed", "--data PATH"]),
        (put("seqbench.config.task.path", "none.csv"), ["none.csv", "no such file"]),
    ],
)
def test_what_only_evaluate_reads(
    refused: Refused, checkpoint: Callable[[Edit], None], edit: Edit, parts: list[str]
) -> None:
    checkpoint(edit)
    refused("evaluate", "a.ckpt", parts=parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (lambda whole: whole[: len(whole) // 2], ["damaged"]),
        (lambda whole: whole[:-1], ["damaged"]),
        (lambda whole: b"", ["damaged"]),
        (lambda whole: b"hello\n", ["damaged", "best.ckpt"]),
        (lambda whole: b"PK\x03\x04" + bytes(1000), ["damaged"]),
    ],
    ids=["half", "one byte less", "empty", "text", "zip"],
)
def test_damaged(
    refused: Refused,
    names_run: Path,
    here: Path,
    content: Callable[[bytes], bytes],
    parts: list[str],
) -> None:
    whole = (names_run / "checkpoints" / "best.ckpt").read_bytes()
    (here / "a.ckpt").write_bytes(content(whole))
    for verb, words in (("predict", ["абв"]), ("evaluate", [])):
        refused(verb, "a.ckpt", *words, parts=["a.ckpt", *parts])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"weights": torch.zeros(2)}, "not one that seqbench wrote"),
        ([1, 2], "not one that seqbench wrote"),
        (nn.Linear(1, 1), "seqbench did not write it"),
    ],
)
def test_of_another_program(refused: Refused, here: Path, content: object, part: str) -> None:
    torch.save(content, here / "a.ckpt")
    refused("predict", "a.ckpt", "абв", parts=["a.ckpt", part])


def test_of_another_task(refused: Refused, sums_run: Path) -> None:
    refused("predict", str(sums_run), "Барсик", parts=["text 1", "'Барсик'", "whole number"])


MODULE = """
from pathlib import Path

from seqbench.models.cells.gru import GRU

Path("imported").touch()


class Mine(GRU):
    pass
"""


def test_code_of_others_is_imported_only_when_trusted(
    refused: Refused,
    accepted: Callable[..., tuple[str, str]],
    checkpoint: Callable[[Edit], None],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (here.parent / "a_strange_package.py").write_text(MODULE)
    monkeypatch.syspath_prepend(here.parent)
    checkpoint(put(CELL, "a_strange_package.Mine"))
    parts = ["a_strange_package.Mine", "--trust a_strange_package"]
    refused("predict", "a.ckpt", "абв", parts=parts)
    refused("predict", "a.ckpt", "абв", "--trust", "another", parts=parts)
    assert "a_strange_package" not in sys.modules
    accepted("predict", "a.ckpt", "абв", "--trust", "a_strange_package")
    assert (here / "imported").exists()
    del sys.modules["a_strange_package"]


def test_run_directories(refused: Refused, names_run: Path, here: Path) -> None:
    (here / "empty").mkdir()
    for name in ("one", "two", "torn", "odd"):
        shutil.copytree(names_run, here / name)
    (here / "torn" / "checkpoints" / "best.ckpt").unlink()
    (here / "odd" / "checkpoints" / "best.ckpt").unlink()
    (here / "odd" / "checkpoints" / "best.ckpt").mkdir()
    for verb, words in (("predict", ["абв"]), ("evaluate", [])):
        refused(verb, "empty", *words, parts=["empty", "no run directory"])
        refused(verb, "torn", *words, parts=["torn", "checkpoints/best.ckpt"])
        refused(verb, "odd", *words, parts=["odd", "best.ckpt"])
        refused(verb, ".", *words, parts=["there are 4 runs", "odd", "one", "..."])
        refused(verb, "none", *words, parts=["none", "no such run"])
        refused(verb, "", *words, parts=["RUN is empty"])
        refused(verb, "a\0b", *words, parts=["no usable path"])
        refused(verb, "~nobody_at_all/run", *words, parts=["~nobody_at_all/run"])
        refused(verb, "a" * 300, *words, parts=["aaa", "too long"])


def test_a_split_that_there_is_not(refused: Refused, names_run: Path) -> None:
    refused("evaluate", str(names_run), "--split", "dev", parts=["'dev'", "train, val, test"])


def test_the_data_of_a_run_are_gone_or_changed(
    refused: Refused,
    accepted: Callable[..., tuple[str, str]],
    small: list[str],
    here: Path,
    rows: str,
) -> None:
    (here / "a.csv").write_text(rows)
    accepted("train", *small, "task.path=a.csv")
    (here / "a.csv").write_text(rows + "new,p\n")
    refused("evaluate", "outputs", parts=["changed", "--data PATH"])
    (here / "a.csv").unlink()
    refused("evaluate", "outputs", parts=["a.csv", "no such file"])
    accepted("predict", "outputs", "ab")

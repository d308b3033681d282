"""What there is no picture of, and where none can be written."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--layer", "2"], ["--layer 2", "has 1"]),
        (["--layer", "0"], ["--layer", "'0'", "from 1"]),
        (["--layer", "x"], ["--layer", "'x'"]),
        (["--part", "x"], ["--part x", "h, c"]),
        (["--epochs", "99"], ["--epochs 99", "has "]),
        (["--epochs", "1-2"], ["--epochs", "'1-2'", "0,1,10"]),
        (["--epochs", ""], ["--epochs", "list of numbers"]),
        (["--rows", "0"], ["--rows", "'0'"]),
        (["--split", "tset"], ["'tset'", "train, val, test"]),
        (["--output", "a.gif"], ["a.gif", ".png, .svg, .pdf"]),
        (["--output", ""], ["--output", ".svg"]),
        (["--output", "none/a.svg"], ["none/a.svg", "no folder none"]),
        (["--output", "folder.svg"], ["folder.svg", "a folder"]),
        (["--output", "mine.png"], ["mine.png", "--overwrite"]),
        (["--output", "a" * 300 + ".svg"], ["no usable path"]),
        (["nowhere"], ["nowhere", "no such run"]),
        (["--outptu", "a.svg"], ["--outptu", "'--output'"]),
    ],
)
def test_inspect(
    refused: Refused, sums_run: Path, here: Path, words: list[str], parts: list[str]
) -> None:
    (here / "folder.svg").mkdir()
    (here / "mine.png").write_text("mine")
    refused("inspect", str(sums_run), *words, parts=parts)


def test_inspect_wants_a_run(refused: Refused) -> None:
    refused("inspect", parts=["run", "--help"])
    refused("inspect", "", parts=["RUN is empty"])


@pytest.mark.parametrize("content", [b"", b'{"schema_version": 1, "spl', b"[]", b"\xff\xfe"])
def test_torn_measurements(refused: Refused, here: Path, content: bytes) -> None:
    (here / "run").mkdir()
    (here / "run" / "gradients.json").write_bytes(content)
    refused("inspect", "run", parts=["run/gradients.json", "no measurements"])


def test_a_network_that_has_two_ends(refused: Refused, tiny: list[str], names_run: Path) -> None:
    words = ["callbacks=gradients", "model.bidirectional=true"]
    parts = ["callbacks.gradients", "one direction", "model.bidirectional=false"]
    refused("train", *tiny, *words, parts=parts)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("callbacks.gradients.rows=0", ["callbacks.gradients.rows", "greater than 0"]),
        ("callbacks.gradients.every_n_epoch=1", ["'callbacks.gradients.every_n_epochs'"]),
        ("+callbacks.gradients.network=1", ["callbacks.gradients.network", "set by seqbench"]),
        ("callbacks.gradients.picture=maybe", ["callbacks.gradients.picture", "'maybe'"]),
    ],
)
def test_settings(refused: Refused, tiny: list[str], word: str, parts: list[str]) -> None:
    refused("train", *tiny, "callbacks=gradients", word, parts=parts)


def test_a_checkpoint_without_its_step(refused: Refused, sums_run: Path, here: Path) -> None:
    content = torch.load(sums_run / "checkpoints" / "best.ckpt", weights_only=True)
    del content["global_step"]
    torch.save(content, here / "a.ckpt")
    refused("inspect", "a.ckpt", parts=["a.ckpt", "lacks 'global_step'"])

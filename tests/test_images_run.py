"""A classifier of images from its training to its labels, through the command lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench import evaluate, load, predict

Files = Callable[..., dict[str, bytes]]


@pytest.fixture
def images(idx_files: Files) -> list[tuple[str, str]]:
    """The test's digits: pixels as text, and their labels."""
    files = idx_files()
    pixels = np.frombuffer(files["t10k-images-idx3-ubyte"][16:], np.uint8).reshape(20, -1)
    labels = files["t10k-labels-idx1-ubyte"][8:]
    rows = [" ".join(map(str, row)) for row in pixels]
    return list(zip(rows, map(str, labels), strict=True))


def test_digits_are_learnt(digits_run: Path) -> None:
    result = json.loads((digits_run / "result.json").read_text("utf-8"))
    assert result["metrics"]["test"]["accuracy"] >= 0.9
    assert result["baselines"]["majority"]["test"]["accuracy"] == 0.1
    assert [*result["reports"]["test"]["classes"]] == list("0123456789")


def test_pixels_get_a_label(
    digits_run: Path, images: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict.main([str(digits_run), *(pixels for pixels, _ in images)]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    right = sum(each["label"] == label for each, (_, label) in zip(found, images, strict=True))
    result = json.loads((digits_run / "result.json").read_text("utf-8"))
    assert right / 20 == pytest.approx(result["metrics"]["test"]["accuracy"])
    assert {(each["tokens"], each["unknown"]) for each in found} == {(28, 0)}
    assert predict.main([str(digits_run), images[0][0], "--format", "table"]) == 0
    shown = capsys.readouterr().out
    assert len(shown) < 1500  # the first numbers of an image, not all
    assert shown.splitlines()[1].split()[0] == found[0]["label"]


def test_data_elsewhere_are_evaluated(
    digits_run: Path, here: Path, idx_files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in idx_files(packed=True).items():
        (here / name).write_bytes(content)
    want = load(digits_run).evaluate().metrics
    for place in (".", "t10k-images-idx3-ubyte.gz"):
        assert evaluate.main([str(digits_run), "--data", place, "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert (found["rows"], found["unknown"]) == (20, None)
        assert found["metrics"] == pytest.approx(want)
    assert evaluate.main([str(digits_run), "--data", "train-images-idx3-ubyte.gz", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 40


def test_an_image_at_once(
    train: Callable[..., int], here: Path, idx_files: Files, result: Callable[..., Any]
) -> None:
    for name, content in idx_files().items():
        (here / name).write_bytes(content)
    words = ["task.step=784", "model=rnn", "model.hidden_size=8", "trainer.max_epochs=1"]
    rest = ["trainer.accelerator=cpu", "logger=none", "progress=none", "threads=1"]
    assert train("task=mnist", "task.path=.", *words, *rest) == 0
    assert result(here)["parameters"] == 784 * 8 + 8 * 8 + 2 * 8 + 8 * 10 + 10

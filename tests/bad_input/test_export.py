"""Networks that no file can be made of, and places that it cannot be written to."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

Refused = Callable[..., str]
Accepted = Callable[..., tuple[str, str]]

WORDS: list[tuple[list[str], list[str]]] = [
    (["--format", "tflite"], ["--format", "'tflite'", "onnx"]),
    (["--format"], ["--format", "expected one argument"]),
    (["--device", "gpu"], ["--device", "--help"]),
    (["--ouput", "a.onnx"], ["--ouput", "'--output'"]),
    (["--output", "no/such/a.onnx"], ["no/such", "no folder"]),
    (["--output", "file/a.onnx"], ["file/a.onnx", "no folder"]),
    (["--output", "a.pt"], ["a.pt", ".onnx"]),
    (["--output", "a"], ["--output a", ".onnx"]),
    (["--output", ""], ["--output", ".onnx"]),
    (["--output", ".onnx"], ["--output .onnx", ".onnx"]),
    (["--output", "folder.onnx"], ["folder.onnx", ".onnx"]),
    (["--output", "beside.onnx"], ["beside.json", "is a folder"]),
    (["--output", "beside.onnx", "--overwrite"], ["beside.json", "is a folder"]),
    (["--output", "there.onnx"], ["there.onnx", "--overwrite"]),
    (["--output", "told.onnx"], ["told.json", "--overwrite"]),
    (["--output", "/proc/a.onnx"], ["/proc/a.onnx", "cannot be written"]),
    (["--output", "a\0.onnx"], ["no usable path"]),
    (["--output", "a" * 300 + ".onnx"], ["aaa", "too long"]),
    (["--threads", "0"], ["--threads", "'0'"]),
]

CELLS = """
from seqbench.models.cells.gru import GRU


class Same(GRU):
    pass


class Branching(GRU):
    def step(self, x, state):
        return super().step(x if state[0].sum() > 0 else 2 * x, state)

    def native(self, x, state, lengths):
        return self._loop(x, state, lengths, x.dtype)
"""


@pytest.fixture
def taken(here: Path) -> Path:
    for name in ("file", "there.onnx", "told.json"):
        (here / name).write_text("kept")
    for name in ("folder.onnx", "beside.json"):
        (here / name).mkdir()
    return here


@pytest.mark.parametrize(("words", "parts"), WORDS)
def test_a_place_or_an_option(
    refused: Refused, names_run: Path, taken: Path, words: list[str], parts: list[str]
) -> None:
    refused("export", str(names_run), *words, parts=parts)


def test_runs(refused: Refused, names_run: Path, here: Path) -> None:
    refused("export", parts=["RUN", "required"])
    refused("export", "none", parts=["none", "no such run"])
    (here / "empty").mkdir()
    refused("export", "empty", parts=["empty", "no run directory"])
    whole = (names_run / "checkpoints" / "best.ckpt").read_bytes()
    (here / "torn.ckpt").write_bytes(whole[:-100])
    refused("export", "torn.ckpt", parts=["torn.ckpt", "damaged"])


@pytest.mark.parametrize("name", ["onnx", "onnxruntime", "onnxscript"])
def test_packages_that_are_missing(
    refused: Refused, names_run: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    refused("export", str(names_run), parts=[f"needs {name}, ", "pip install 'seqbench[onnx]'"])


def test_a_network_that_writes_of_a_label(
    refused: Refused, accepted: Accepted, small: list[str], here: Path, rows: str
) -> None:
    (here / "a.csv").write_text(rows)
    task = ["task=write_names", "task.path=a.csv", "task.text_column=x", "task.label_column=y"]
    accepted("train", *task, *small[3:])
    refused("export", "outputs", parts=["cannot be exported", "writes a text of a label"])


def test_cells_of_others(
    refused: Refused,
    accepted: Accepted,
    names_run: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is as good as ours goes; one whose step depends on values has no file."""
    (here / "strange_cells.py").write_text(CELLS)
    monkeypatch.syspath_prepend(here)
    content = torch.load(names_run / "checkpoints" / "best.ckpt", weights_only=True)
    for name in ("Same", "Branching"):
        content["seqbench"]["config"]["model"]["cell"]["_target_"] = f"strange_cells.{name}"
        torch.save(content, here / f"{name}.ckpt")
        refused("export", f"{name}.ckpt", parts=[f"strange_cells.{name}", "--trust strange_cells"])
    trusted = "--trust", "strange_cells"
    assert accepted("export", "Same.ckpt", *trusted) == ("model.onnx\nmodel.json\n", "")
    shutil.rmtree(here / "__pycache__", ignore_errors=True)
    words = "Branching.ckpt", *trusted, "--output", "other.onnx"
    refused("export", *words, parts=["cannot be exported", "data-dependent", "not branch"])
    del sys.modules["strange_cells"]

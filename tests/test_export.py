"""A trained network taken away as a file: what it computes, what stands beside it."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import seqbench
from seqbench.errors import UserError
from seqbench.export import main
from seqbench.exporting import files, translate
from seqbench.exporting.compare import File
from seqbench.exporting.forms import Form

EXAMPLES = Path(__file__).parents[1] / "examples"


def exported(run: Path, folder: Path, name: str) -> Path:
    """A folder with ``name.onnx`` and ``name.json`` of a run."""
    assert main([str(run), "--output", str(folder / f"{name}.onnx"), "--threads", "1"]) == 0
    return folder


@pytest.fixture(scope="module")
def labels(names_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(names_run, tmp_path_factory.mktemp("labels"), "model")


@pytest.fixture(scope="module")
def text(letters_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(letters_run, tmp_path_factory.mktemp("text"), "text")


def about(folder: Path) -> dict[str, Any]:
    (card,) = folder.glob("*.json")
    content: dict[str, Any] = json.loads(card.read_text("utf-8"))
    return content


def alone(folder: Path, name: str) -> str:
    """What an example prints in ``folder``, where neither torch nor seqbench can be imported."""
    blocked = "torch", "seqbench", "lightning", "tokenizers"
    code = (
        f"import sys, runpy; sys.modules.update(dict.fromkeys({blocked}));"
        f"runpy.run_path({str(EXAMPLES / name)!r})"
    )
    command = [sys.executable, "-X", "utf8", "-W", "error", "-c", code]
    ended = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_nothing_but_two_names_is_told(
    names_run: Path, labels: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "model.onnx").write_bytes(b"old")
    assert main([str(names_run), "--overwrite", "--format", "onnx"]) == 0
    assert capfd.readouterr() == ("model.onnx\nmodel.json\n", "")
    assert {path.name for path in here.iterdir()} == {"model.onnx", "model.json"}
    for path in here.iterdir():
        assert path.read_bytes() == (labels / path.name).read_bytes(), "the same again"


def test_of_two_at_once_one_is_kept_and_one_refused(
    names_run: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process has written in the meantime stays as it is."""

    def late(self: File, *arguments: Any) -> Any:
        (here / "model.json").write_text("another's")
        return call(self, *arguments)

    call = File.__call__
    monkeypatch.setattr(File, "__call__", late)
    with pytest.raises(UserError, match=r"model\.json: is there already"):
        files.export(seqbench.load(names_run))
    assert [path.name for path in here.iterdir()] == ["model.json"]
    assert (here / "model.json").read_text() == "another's"


def test_the_card_says_how_the_file_is_used(labels: Path, names_run: Path) -> None:
    spec, found = seqbench.load(names_run).spec, about(labels)
    assert found["kind"] == "classify"
    assert tuple(found["labels"]) == spec.labels
    assert tuple(found["vocabulary"]) == spec.vocabulary
    assert found["encoding"] == spec.encoding
    assert found["vocabulary"][found["padding_id"]] == "<pad>"
    assert found["vocabulary"][found["unknown_id"]] == "<unk>"
    assert found["inputs"] == [
        {"name": "tokens", "shape": ["batch", "time"], "dtype": "int64"},
        {"name": "lengths", "shape": ["batch"], "dtype": "int64"},
    ]
    assert found["outputs"] == [{"name": "logits", "shape": ["batch", 2], "dtype": "float32"}]
    assert found["states"] == []
    assert found["compared"]["largest_difference"] <= 1e-5 < found["compared"]["tolerance"]
    content = (labels / "model.onnx").read_bytes()
    assert found["file"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    best = (names_run / "checkpoints" / "best.ckpt").read_bytes()
    assert found["run"]["checkpoint"] == f"sha256:{hashlib.sha256(best).hexdigest()}"
    assert found["run"]["task"] == "text_classification"
    assert found["run"]["network"]["hidden_size"] == 16
    assert "path" not in found["run"]["network"]["embedding"]
    assert str(names_run) not in json.dumps(found), "no path of this machine"


def test_an_example_labels_without_torch_and_seqbench(labels: Path, names_run: Path) -> None:
    out = alone(labels, "onnx_labels.py")
    names = ["Rex", "Мурка", "Sir Barks"]
    found = seqbench.load(names_run, threads=1).predict(names)
    assert out.splitlines() == [f"{n} {p.label}" for n, p in zip(names, found, strict=True)]


def test_padding_counts_for_nothing_and_numbers_are_those_of_predict(
    labels: Path, names_run: Path
) -> None:
    names = ["а", "АЕИ", "бвгджмн" * 20, "ае☃б", "мнм"]
    trained = seqbench.load(names_run, threads=1)
    wanted = [[*each.probabilities.values()] for each in trained.predict(names)]  # type: ignore[union-attr]
    card = about(labels)
    ids = {token: i for i, token in enumerate(card["vocabulary"])}
    lengths = np.array([len(name) for name in names])
    session = onnxruntime.InferenceSession(labels / "model.onnx")
    for filled_with in (card["padding_id"], 5):
        tokens = np.full((len(names), max(lengths) + 3), filled_with)
        for row, name in zip(tokens, names, strict=True):
            row[: len(name)] = [ids.get(letter, card["unknown_id"]) for letter in name.lower()]
        (logits,) = session.run(["logits"], {"tokens": tokens, "lengths": lengths})
        found = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_an_example_writes_without_torch_and_seqbench(text: Path, here: Path) -> None:
    card = about(text)
    state = {"name": "h_0", "shape": ["batch", 8], "dtype": "float32", "next": "next_h_0"}
    assert card["states"] == [state | {"start": 0.0}]
    # The example begins with letters that this network has not seen.
    card["vocabulary"] = ["<pad>", "<unk>", *"The abc"][: len(card["vocabulary"])]
    assert {*"The "} < {*card["vocabulary"]}
    shutil.copy(text / "text.onnx", here)
    (here / "text.json").write_text(json.dumps(card), "utf-8")
    out = alone(here, "onnx_text.py").removesuffix("\n")
    assert out.startswith("The ")
    assert len(out) == 204
    assert {*out} <= {*card["vocabulary"]}


def test_letter_by_letter_it_writes_what_the_network_writes(text: Path, letters_run: Path) -> None:
    vocabulary = seqbench.load(letters_run).spec.vocabulary
    session = onnxruntime.InferenceSession(text / "text.onnx")
    state = np.zeros((1, 8), np.float32)
    tokens, written = [vocabulary.index(letter) for letter in "аб в"], "аб в"
    for _ in range(40):
        logits, state = session.run(None, {"tokens": np.array([tokens]), "h_0": state})
        tokens = [2 + int(logits[0, -1, 2:].argmax())]
        written += vocabulary[tokens[0]]
    (wanted,) = seqbench.load(letters_run, threads=1).generate("аб в", length=40, top_k=1)
    assert written == wanted.text


def test_a_file_with_one_wrong_weight_is_not_kept(
    names_run: Path,
    labels: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def wrong(form: Form, file: Path) -> None:
        model = onnx.load(labels / "model.onnx")
        recurrent = next(each for each in model.graph.initializer if each.dims[:] == [1, 48, 16])
        weights = onnx.numpy_helper.to_array(recurrent).copy()
        weights[0, 0, 0] += 0.1
        recurrent.CopyFrom(onnx.numpy_helper.from_array(weights, recurrent.name))
        onnx.save(model, file)

    (here / "model.onnx").write_bytes(b"old")
    monkeypatch.setattr(translate, "translate", wrong)
    assert main([str(names_run), "--overwrite"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("seqbench: not exported: for 3 rows of 70 steps the file's logits is not")
    assert err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in here.iterdir()} == {"model.onnx": b"old"}


def test_a_file_for_one_length_alone_is_not_kept(
    names_run: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(translate, "Dim", lambda name: torch.export.Dim.STATIC)
    assert main([str(names_run)]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("seqbench: not exported: onnxruntime cannot run the file")
    assert err.count("\n") == 1
    assert not list(here.iterdir())

"""The smallest task."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.datamodules.hello import Hello
from seqbench.errors import UserError


def test_each_letter_gets_a_letter() -> None:
    data = Hello()
    data.setup()
    assert data.spec.labels == ("e", "h", "l", "o")
    assert data.spec.vocabulary == ("<pad>", "<unk>", "e", "h", "l", "o")
    for split in ("train", "val", "test"):
        batch = data.splits[split][np.array([0])]
        assert [data.spec.vocabulary[i] for i in batch.inputs[0]] == list("hello")
        assert [data.spec.labels[i] for i in batch.targets[0]] == list("ohlol")
    assert data.baselines["majority"]["test"] == {"accuracy": 0.4, "sequence_accuracy": 0.0}
    assert "train, val and test at once" in data.notes[0]


def test_other_words() -> None:
    data = Hello(source="a b", target="Yes")
    data.setup()
    assert data.spec.labels == tuple(" Yabes")
    assert [data.spec.vocabulary[i] for i in data.splits["val"].tokens] == ["a", " ", "b"]
    first = Hello()
    first.setup()
    assert data.fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("hello", "hell", r"^task\.source='hello' has 5 letters, task\.target='hell' 4; give"),
        ("", "", r"^task\.source='' has 0 letters"),
        (" a", "bb", r"^task\.source=' a': has white space around it"),
    ],
)
def test_what_is_refused(source: str, target: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Hello(source=source, target=target)


@pytest.mark.parametrize("model", ["rnn", "lstm", "gru"])
def test_every_cell_learns_it_and_predicts_it(
    train: Callable[..., int], here: Path, result: Callable[[Path], dict[str, Any]], model: str
) -> None:
    import seqbench

    words = ["trainer.accelerator=cpu", "progress=none", "threads=1", "logger=none"]
    assert train("task=hello", f"model={model}", *words) == 0
    metrics = result(here)["metrics"]["test"]
    assert metrics["accuracy"] == 1.0
    assert metrics["loss"] <= 0.024
    (found,) = seqbench.load(here / "outputs").predict(["hello"])
    assert "".join(found.label or "") == "ohlol"

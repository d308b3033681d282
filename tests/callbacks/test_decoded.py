"""What is predicted, as text, while a network trains."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqbench.batch import IGNORE, Batch
from seqbench.callbacks.decoded import decoded
from seqbench.identity import identity
from seqbench.spec import TaskSpec

WORDS = ["task=hello", "model=rnn", "trainer.max_epochs=5", "trainer.accelerator=cpu", "threads=1"]


def test_rows_as_text() -> None:
    lengths = torch.tensor([3, 2])
    tokens, padded = torch.tensor([[2, 3, 3], [3, 2, 0]]), torch.tensor([[0, 0, 0], [0, 0, IGNORE]])
    answers = torch.tensor([[1, 0, 1], [0, 0, 1]])
    words = ("<pad>", "<unk>", "a", "b")
    spec = TaskSpec(
        kind="tag", input_size=4, output_size=2, labels=("x", "y"), vocabulary=words,
        encoding={"level": "char"},
    )  # fmt: skip
    assert decoded(spec, Batch(tokens, lengths, padded), answers) == ["abb -> yxy", "ba -> xx"]
    spec = TaskSpec(kind="classify", input_size=4, output_size=2, labels=("x", "y"))
    labels = torch.tensor([0, 0])
    assert decoded(spec, Batch(tokens, lengths, labels), torch.tensor([1, 0])) == [
        "2 3 3 -> y",
        "3 2 -> x",
    ]
    spec = TaskSpec(
        kind="write", input_size=4, output_size=4, labels=("x", "y"), vocabulary=words,
        encoding={"level": "char"},
    )  # fmt: skip
    written = decoded(spec, Batch(torch.tensor([1, 0]), lengths, padded), answers + 2)
    assert written == ["y -> bab", "x -> aa"]


def test_it_tells_the_log_and_tensorboard(
    train: Callable[..., int], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train(*WORDS, "callbacks.decoded.every_n_epochs=2", "progress=lines") == 0
    told = [line for line in capfd.readouterr().err.splitlines() if "hello -> " in line]
    told = [line for line in told if "at once" not in line]
    assert [line.split()[1] for line in told] == ["2/5", "4/5", "5/5"]
    (log,) = here.rglob("train.log")
    assert all(line in log.read_text("utf-8") for line in told)
    events = EventAccumulator(str(log.parent))
    events.Reload()
    texts = events.Tensors("decoded/val/text_summary")
    assert [event.step for event in texts] == [2, 4, 5]
    assert texts[-1].tensor_proto.string_val[0].decode().strip() == told[-1].partition("  ")[2]


def test_it_changes_nothing_of_what_is_trained(
    train: Callable[..., int], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*WORDS, "model.head.dropout=0.5", "progress=none"]
    curves: list[tuple[str, list[tuple[str, ...]]]] = []
    for more in ("callbacks.decoded=null", "force=true"):
        assert train(*words, more) == 0
        (run,) = (p for p in here.glob("outputs/hello/rnn/seed-*") if p.name not in dict(curves))
        with (run / "metrics.csv").open(encoding="utf-8") as file:
            rows = [tuple(row.values()) for row in csv.DictReader(file) if row["name"] == "loss"]
        curves.append((run.name, [(row[0], row[3], row[5]) for row in rows]))
    assert curves[0][1] == curves[1][1]
    assert curves[1][0] == f"{curves[0][0]}-2", "the same identity"


def test_it_is_no_part_of_the_identity() -> None:
    config: dict[str, Any] = {"callbacks": {"checkpoint": {"a": 1}, "decoded": {"rows": 1}}}
    other: dict[str, Any] = {"callbacks": {"checkpoint": {"a": 1}, "decoded": {"rows": 9}}}
    assert identity(config, "", {}) == identity(other, "", {})

"""Samples while a network trains: seen in TensorBoard and the log, and nothing else changed."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import seqbench
from seqbench.batch import Batch
from seqbench.callbacks.samples import Samples
from seqbench.spec import TaskSpec

WORDS = [
    "task=word_lm",
    "task.path=text.txt",
    "task.batch_size=4",
    "task.sequence_length=10",
    "model.hidden_size=8",
    "model.embedding.size=4",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "progress=none",
    "threads=1",
]


@pytest.fixture
def text(here: Path) -> Path:
    (here / "text.txt").write_text("the *cat* sat on <b>the</b> mat\n" * 100, "utf-8")
    return here


def pages(path: Path) -> list[tuple[int, str]]:
    events = EventAccumulator(str(path)).Reload()
    found = events.Tensors("samples/text_summary") if "samples/text_summary" in tags(events) else []
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in found]


def tags(events: EventAccumulator) -> list[str]:
    found: list[str] = events.Tags()["tensors"]
    return found


def test_each_epoch_by_default(text: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "seqbench"):
        result = seqbench.run(WORDS)
    steps = [step for step, _ in pages(result.path)]
    assert steps == [result.content["steps"] // 2, result.content["steps"]]
    # Every line stands as it is, whatever Markdown would make of it.
    assert all(
        line.startswith("    ") for _, page in pages(result.path) for line in page.split("\n")
    )
    said = (result.path / "train.log").read_text("utf-8")
    assert said.count("sample: ") == 2


def test_what_is_asked_for(text: Path) -> None:
    asked = {
        "prompts": "['the cat','on']",
        "length": 7,
        "num_samples": 2,
        "top_k": 1,
        "every_n_epochs": "null",
        "every_n_steps": 20,
    }
    words = [f"callbacks.samples.{key}={value}" for key, value in asked.items()]
    result = seqbench.run([*WORDS, *words])
    found = pages(result.path)
    assert [step for step, _ in found] == list(range(20, result.content["steps"] + 1, 20))
    lines = [line.strip() for line in found[-1][1].split("\n") if line.strip()]
    assert lines[::2] == [f"--- {number} ---" for number in (1, 2, 3, 4)]
    assert lines[1] == lines[3]  # greedy
    assert lines[1].startswith("the cat ")
    assert lines[5].startswith("on ")


@pytest.mark.parametrize(
    ("text", "stream", "prompt"),
    [
        ("efghij\n\n   klm nop qrs tuv wxy " * 3, True, "klm nop qrs tuv wxy "),
        ("nospacehere" * 9, True, "nospacehere" + "nospacehe"),
        ("Алиса     ", False, "Алиса"),
        ("   \n  ", True, "a"),
    ],
)
def test_where_it_begins(text: str, stream: bool, prompt: str) -> None:
    letters = ("a", *sorted({*text} - {"a"}))
    spec = TaskSpec(
        kind="language_model",
        input_size=len(letters) + 2,
        output_size=len(letters) + 2,
        vocabulary=("<pad>", "<unk>", *letters),
        encoding={"level": "char", "lowercase": False},
    )
    samples = Samples(spec)
    ids = torch.tensor([[letters.index(letter) + 2 for letter in text]])
    reset = torch.tensor([True]) if stream else None
    batch = Batch(ids, torch.tensor([len(text)]), ids, reset=reset)
    samples.on_validation_batch_start(Any, Any, batch, 0)  # type: ignore[arg-type]
    assert samples.prompts == [prompt]


def test_training_does_not_notice(text: Path) -> None:
    words = [*WORDS, "model.embedding.dropout=0.5"]
    shown = seqbench.run([*words, "callbacks.samples.every_n_steps=3", "paths.output_dir=a"])
    hidden = seqbench.run([*words, "callbacks.samples=null", "paths.output_dir=b"])
    assert shown.content["identity"] == hidden.content["identity"]
    assert shown.metrics == hidden.metrics
    assert pages(hidden.path) == []
    kept: list[dict[str, Any]] = [
        torch.load(r.path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for r in (shown, hidden)
    ]
    assert all(torch.equal(kept[0][key], kept[1][key]) for key in kept[0])


def test_a_task_of_labels_has_none(
    tiny: list[str], train: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    target = "+callbacks.samples._target_=seqbench.callbacks.samples.Samples"
    assert train(*tiny, target) == 2
    assert "trained to label" in capfd.readouterr().err

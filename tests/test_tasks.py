"""Every task, with every one of the three cells, trains for a moment: a new yaml by itself."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.places import CONF

CELLS = ("rnn", "lstm", "gru")
TASKS = sorted(path.stem for path in (CONF / "task").glob("*.yaml"))

SMALL = {
    "modular_sum": ["task.train_lengths=[4,7]", "task.train_size=60", "task.long_length=12"],
    "reverse": ["task.train_size=90", "task.max_length=5"],
    "dates": ["task.train_size=90"],
    "forecast": ["task.length=600"],
    "tagging": ["task.train_size=90"],
    "word_lm": ["task.path=text.txt", "task.batch_size=4"],
    "char_lm": ["task.path=text.txt", "task.batch_size=4"],
    "imdb": ["task.path=texts", "task.expected_rows=null"],
    "languages": ["task.path=texts.csv", "task.text_column=text", "task.label_column=label"],
    "text_classification": ["task.path=texts.csv"],
}
"""Data and sizes for those tasks that need some, or are slow to set up; others run as they are."""


@pytest.fixture
def data(
    here: Path, idx_files: Callable[..., dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tasks that read files find, in the working directory and in the data directory."""
    draw = random.Random(0)
    words = [
        "a",
        "film",
        "of",
        "no",
        "great",
        "merit",
        "but",
        "some",
        "joy",
        "and",
        "a",
        "long",
        "end",
    ]
    texts = [" ".join(draw.choices(words, k=draw.randint(2, 9))) for _ in range(120)]
    (here / "text.txt").write_text("\n".join(texts))
    labels = ("negative", "positive")
    rows = "".join(f"{text} {i},{labels[i % 2]}\n" for i, text in enumerate(texts))
    (here / "texts.csv").write_text(f"text,label\n{rows}")
    (here / "texts").mkdir()
    for split in ("train", "test"):
        (here / "texts" / f"{split}.csv").write_text(f"text,label\n{rows}")
    (here / "mnist").mkdir()
    for name, content in idx_files(packed=True).items():
        (here / "mnist" / name).write_bytes(content)
    monkeypatch.setenv("SEQBENCH_DATA_DIR", str(here))


@pytest.mark.parametrize("task", TASKS)
def test_it_goes_on_where_it_was_ended(
    task: str, data: None, composed_once: None, goes_on: Callable[..., None]
) -> None:
    goes_on(
        f"task={task}",
        "model=gru",
        "model.hidden_size=4",
        f"trainer.max_epochs={8 if task == 'hello' else 2}",  # of one batch each
        "trainer.accelerator=cpu",
        "+trainer.limit_train_batches=4",
        "+trainer.limit_val_batches=2",
        "test=false",
        "trainer.log_every_n_steps=1",
        "task.batch_size=4",
        "progress=none",
        "threads=1",
        *SMALL.get(task, []),
        stops=(2, 3),
    )


@pytest.mark.parametrize("task", TASKS)
def test_it_trains_with_each_cell(
    task: str,
    data: None,
    composed_once: None,
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
) -> None:
    for cell in CELLS:
        status = train(
            f"task={task}",
            f"model={cell}",
            "model.hidden_size=4",
            "trainer.max_epochs=1",
            "trainer.accelerator=cpu",
            "+trainer.limit_train_batches=2",
            "+trainer.limit_val_batches=2",
            "logger=none",
            "progress=none",
            "threads=1",
            "test=false",
            *SMALL.get(task, []),
        )
        assert status == 0
        content = result(here / "outputs" / task / cell)
        assert (content["task"], content["model"], content["epochs"]) == (task, cell, 1)
        spec = content["metrics"]["val"]
        assert all(isinstance(value, float) for value in spec.values())

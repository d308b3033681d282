"""A run that is told to end and started again ends as one that never was."""

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

COMMON = ["trainer.accelerator=cpu", "progress=lines", "threads=1", "trainer.max_epochs=2"]

NAMES = [
    "task=text_classification",
    "task.path=names.csv",
    "task.level=char",
    "task.batch_size=16",
    "model=gru",
    "model.hidden_size=6",
    "model.num_layers=2",
    "model.dropout=0.3",
    "model.bidirectional=true",
    "model.recurrent_dropout=0.1",
]
TAGS = [
    "task=tagging",
    "task.train_size=150",
    "task.batch_size=16",
    "task.unknown_singletons=0.2",
    "model=lstm",
    "model.hidden_size=6",
    "model.dropout=0.2",
]
WORDS = [
    "task=word_lm",
    "task.path=text.txt",
    "task.batch_size=4",
    "task.sequence_length=10",
    "model=lstm",
    "model.hidden_size=6",
    "model.embedding.size=6",
    "model.dropout=0.2",
    "model.zoneout=0.1",
    "model.backend=reference",
    "callbacks.samples.length=5",
    "+callbacks.samples.every_n_steps=4",
]


@pytest.fixture
def texts(here: Path, composed_once: None) -> None:
    draw = random.Random(0)
    rows = [
        f"{''.join(draw.choices('aeioubcd'[i % 2 * 4 :][:4], k=draw.randint(2, 9)))},{i % 2}"
        for i in range(200)
    ]
    (here / "names.csv").write_text("\n".join(["text,label", *rows]))
    words = ["the", "a", "cat", "dog", "sees", "likes", "and", "big", "small"]
    text = "\n".join(" ".join(draw.choices(words, k=draw.randint(3, 9))) for _ in range(200))
    (here / "text.txt").write_text(text)


TASKS = {"names": NAMES, "tags": TAGS, "words": WORDS}
QUICK = {
    ("names", 1, "32-true", 2),
    ("names", 3, "bf16-mixed", 0),
    ("tags", 1, "bf16-mixed", 0),
    ("tags", 3, "32-true", 2),
    ("words", 1, "32-true", 0),
    ("words", 3, "bf16-mixed", 2),
}
"""Of all, those in which each two of the settings meet; the others take long."""


@pytest.mark.parametrize(
    ("task", "batches", "precision", "workers"),
    [
        pytest.param(*each, marks=[] if each in QUICK else pytest.mark.long)
        for each in itertools.product(TASKS, (1, 3), ("32-true", "bf16-mixed"), (0, 2))
    ],
)
def test_it_equals_its_twin(
    task: str,
    batches: int,
    precision: str,
    workers: int,
    texts: None,
    goes_on: Callable[..., None],
) -> None:
    goes_on(
        *COMMON,
        *TASKS[task],
        f"trainer.accumulate_grad_batches={batches}",
        f"trainer.precision={precision}",
        f"task.num_workers={workers}",
        "trainer.log_every_n_steps=3",
    )


@pytest.mark.parametrize(
    "words",
    [
        "scheduler=one_cycle optimizer=sgd",
        "scheduler=plateau scheduler.schedule.patience=0 trainer.val_check_interval=0.4",
        "scheduler=plateau scheduler.schedule.patience=0 +trainer.min_epochs=3 optimizer.lr=0.3 "
        "callbacks=early_stopping callbacks.early_stopping.patience=1",
        "scheduler=steps +trainer.check_val_every_n_epoch=2 +trainer.limit_train_batches=7",
        "+trainer.max_steps=23 trainer.max_epochs=9 trainer.val_check_interval=4",
        "callbacks=gradients callbacks.gradients.picture=false task.batch_size=1000 "
        "model.bidirectional=false trainer.max_epochs=20 model.recurrent_dropout=0",
    ],
    ids=["one_cycle", "plateau", "early_stopping", "validation", "max_steps", "one_batch"],
)
def test_whatever_counts_goes_on_counting(
    words: str, texts: None, goes_on: Callable[..., None]
) -> None:
    goes_on(*COMMON, *NAMES, "trainer.max_epochs=5", *words.split())

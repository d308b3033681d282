"""A run that is told to end and started again ends as one that never was."""

import hashlib
import itertools
import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench.models.module import SequenceModule

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


@pytest.fixture
def stopped_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """A call with a number lets SIGTERM come in that training batch from now on; None: in none."""
    left: list[int | None] = [None]
    real = SequenceModule.on_train_batch_end

    def counted(self: SequenceModule, *arguments: Any) -> None:
        real(self, *arguments)
        if left[0] is not None:
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGTERM)

    def set_to(number: int | None) -> None:
        left[0] = number

    monkeypatch.setattr(SequenceModule, "on_train_batch_end", counted)
    return set_to


@pytest.fixture
def goes_on(
    train: Callable[..., int], here: Path, stopped_after: Callable[[int | None], None]
) -> Callable[..., Path]:
    """Trains a run with stops after so many batches each, and its twin; where the run lies."""

    def both(*words: str, stops: tuple[int, ...] = (5, 3, 9)) -> Path:
        stopped_after(None)
        assert train(*COMMON, *words, "paths.output_dir=twin") == 0
        for stop in stops:
            stopped_after(stop)
            assert train(*COMMON, *words, "paths.output_dir=run") == 143
            (status,) = (here / "run").rglob("status.json")
            assert json.loads(status.read_text())["status"] == "interrupted"
            assert (status.parent / "checkpoints" / "last.ckpt").exists()
        stopped_after(None)
        assert train(*COMMON, *words, "paths.output_dir=run") == 0
        run, twin = (next((here / name).rglob("result.json")).parent for name in ("run", "twin"))
        assert digests(run) == digests(twin)
        assert rows(run) == rows(twin)
        assert outcome(run) == outcome(twin)
        assert events(run) == events(twin)
        return run

    return both


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
    goes_on: Callable[..., Path],
) -> None:
    goes_on(
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
    words: str, texts: None, goes_on: Callable[..., Path]
) -> None:
    goes_on(*NAMES, "trainer.max_epochs=5", *words.split())


def digests(run: Path) -> dict[str, Any]:
    """What ``last.ckpt`` has of weights, optimiser and scheduler, tensors by their digest."""
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    found: dict[str, Any] = {}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            plain = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            found[name] = hashlib.sha256(plain).hexdigest()
        elif isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}", inner)
        elif isinstance(value, list | tuple):
            for i, inner in enumerate(value):
                walk(f"{name}.{i}", inner)
        else:
            found[name] = value

    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        walk(part, content[part])
    return found


def rows(run: Path) -> list[list[str]]:
    """Of metrics.csv, without the seconds."""
    lines = [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()]
    return [line[:2] + line[3:] for line in lines if "seconds" not in line[4]]


def outcome(run: Path) -> dict[str, Any]:
    """result.json without what measures the machine, and without where it lies."""
    content: dict[str, Any] = json.loads((run / "result.json").read_text())
    for name in ("throughput", "seconds", "peak_memory_bytes"):
        del content[name]
    del content["config"]["paths"]
    return content


def events(run: Path) -> list[tuple[str, int, float]]:
    """TensorBoard's scalars, each as often as it stands in the files."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = []
    for file in sorted(run.glob("events.out.tfevents.*")):
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if "seconds" not in value.tag and not value.tag.startswith("z_config"):
                    content = value.tensor.SerializeToString()
                    found.append((value.tag, event.step, content))
    return sorted(found)

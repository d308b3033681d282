"""A run that is told to end and started again ends as one that never was."""

import itertools
import json
import random
import sys
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
        "+trainer.reload_dataloaders_every_n_epochs=1 task.num_workers=1",
        "trainer.precision=64-true trainer.gradient_clip_algorithm=value",
        "+callbacks.more={_target_:lightning.pytorch.callbacks.GradientAccumulationScheduler,"
        "scheduling:{0:2,2:3}}",
    ],
    ids=[
        "one_cycle",
        "plateau",
        "early_stopping",
        "validation",
        "max_steps",
        "one_batch",
        "reload",
        "double",
        "accumulation",
    ],
)
def test_whatever_counts_goes_on_counting(
    words: str, texts: None, goes_on: Callable[..., None]
) -> None:
    goes_on(*COMMON, *NAMES, "trainer.max_epochs=5", *words.split())


NOISY = """
import numpy as np
import random
import torch
from seqbench.models.cells.gru import GRU
from torch.utils.data import Sampler
from lightning.pytorch.callbacks import Callback
from seqbench.datamodules.modular_sum import ModularSum

class Noisy(GRU):
    def native(self, x, state, lengths):
        # In training and in evaluation, from every stream that there is.
        noise = torch.randn(()) + float(np.random.normal()) + random.random()
        return super().native(x + 0.1 * noise, state, lengths)

class Own(ModularSum):
    def loader(self, split, training=False):
        loader = super().loader(split, training)
        return self.batches(self.splits[split], Plain(loader.sampler)) if training else loader

class Plain(Sampler):
    def __init__(self, order):
        self.order = order

    def __iter__(self):
        return iter(self.order)

    def __len__(self):
        return len(self.order)

class Array(Callback):
    def state_dict(self):
        return {"seen": np.zeros(3)}
"""


@pytest.fixture
def noisy(here: Path, monkeypatch: pytest.MonkeyPatch, composed_once: None) -> None:
    (here / "noisy.py").write_text(NOISY)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delitem(sys.modules, "noisy", raising=False)


def test_all_random_streams_go_on(
    noisy: None, tiny: list[str], goes_on: Callable[..., None], train: Callable[..., int]
) -> None:
    words = [*tiny, "model=gru", "model.cell._target_=noisy.Noisy", "trainer.max_epochs=4"]
    goes_on(*words)


def test_a_test_draws_the_same_whenever_it_comes(
    noisy: None, tiny: list[str], train: Callable[..., int], here: Path
) -> None:
    words = [*tiny, "model=gru", "model.cell._target_=noisy.Noisy"]
    assert train(*words, "paths.output_dir=at_once") == 0
    assert train(*words, "paths.output_dir=later", "test=false") == 0
    assert train(*words, "paths.output_dir=later") == 0
    once, later = (
        json.loads(next((here / name).rglob("result.json")).read_text())["metrics"]
        for name in ("at_once", "later")
    )
    assert once == later


def test_a_state_that_no_checkpoint_can_hold_is_refused_at_once(
    noisy: None, tiny: list[str], train: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    assert train(*tiny, "+callbacks.mine._target_=noisy.Array") == 2
    (line,) = (x for x in capfd.readouterr().err.splitlines() if x.startswith("seqbench: "))
    assert "the state_dict() of Array holds other than tensors" in line


@pytest.mark.parametrize("name", ["EMAWeightAveraging", "StochasticWeightAveraging"])
def test_averaged_weights_are_refused(
    name: str, tiny: list[str], train: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    words = [f"+callbacks.mean._target_=lightning.pytorch.callbacks.{name}"]
    words += ["+callbacks.mean.swa_lrs=0.1"] if name.startswith("Sto") else []
    assert train(*tiny, *words) == 2
    assert f"callbacks.mean: {name} validates with other weights" in capfd.readouterr().err


def test_batches_without_an_order_begin_anew(
    noisy: None,
    tiny: list[str],
    train: Callable[..., int],
    stopped_after: Callable[[int | None], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = [*tiny, "task._target_=noisy.Own"]
    stopped_after(5)
    assert train(*words) == 143
    stopped_after(None)
    assert train(*words) == 0
    assert "let their sampler be an Order" in capfd.readouterr().err


def test_force_trains_anew_and_says_how_to_go_on(
    composed_once: None,
    tiny: list[str],
    here: Path,
    train: Callable[..., int],
    stopped_after: Callable[[int | None], None],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped_after(5)
    assert train(*tiny, "force=true") == 143
    (run,) = (path.parent for path in here.rglob("status.json"))
    assert f"resume={run.relative_to(here)} goes on from step 5" in capfd.readouterr().err
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")  # a job that was requeued with its command
    stopped_after(None)
    assert train(*tiny, "force=true") == 0
    assert len(list(here.rglob("status.json"))) == 1


def test_curves_stay_when_a_part_is_trained_without_their_logger(
    composed_once: None,
    tiny: list[str],
    here: Path,
    train: Callable[..., int],
    stopped_after: Callable[[int | None], None],
) -> None:
    stopped_after(5)
    assert train(*tiny) == 143
    stopped_after(3)
    assert train(*tiny, "logger=none") == 143
    stopped_after(None)
    assert train(*tiny) == 0
    assert len(list(here.rglob("events.out.tfevents.*"))) == 2

"""Several processes train one network as one process would, and go on as one."""

import csv
import json
import math
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.board import tags
from tests.conftest import letters
from tests.runs.twins import assert_twins, run_below

from seqbench.batch import Batch
from seqbench.metrics import scores_of
from seqbench.models.module import SequenceModule
from seqbench.spec import TaskSpec

Train = Callable[..., int]

TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
COMMON = ["threads=1", "progress=lines", "logger=none", "trainer.max_epochs=2", "model.dropout=0"]

SUMS = [
    "task=modular_sum",
    "task.train_lengths=[4,7]",
    "task.train_size=31",
    "task.val_size=11",
    "task.test_length=6",
    "task.long_length=12",
    "task.test_size=11",
    "model.hidden_size=8",
    "model.embedding.size=4",
]
NAMES = [
    "task=text_classification",
    "task.path=names.csv",
    "task.level=char",
    "task.eval_batch_size=4",
    "model=gru",
    "model.hidden_size=6",
    "model.bidirectional=true",
    "trainer.gradient_clip_val=0.1",
    "trainer.accumulate_grad_batches=2",
    "trainer.log_every_n_steps=1",
]
WORDS = [
    "task=word_lm",
    "task.path=text.txt",
    "task.min_count=1",
    "task.unknown_singletons=0.2",
    "task.sequence_length=10",
    "task.eval_batch_size=1",
    "model=lstm",
    "model/head=adaptive_softmax",
    "model.head.cutoffs=[4,40]",
    "model.hidden_size=16",
    "model.embedding.size=6",
    "model.embedding.dropout=0",
    "model.head.dropout=0",
    "callbacks.samples.length=5",
]


@pytest.fixture
def texts(here: Path, composed_once: None) -> None:
    draw = random.Random(0)
    pairs = [("aeioubc"[i % 2 * 2 :][:5], i % 2) for i in range(201)]
    rows = [f"{''.join(draw.choices(some, k=draw.randint(5, 14)))},{n}" for some, n in pairs]
    (here / "names.csv").write_text("\n".join(["text,label", *rows]))
    (here / "text.txt").write_text(letters(), "utf-8")


@pytest.fixture(autouse=True)
def none_is_left() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()
    assert not torch.distributed.is_initialized()


def numbers(folder: Path) -> dict[Any, float]:
    """Every number that a run has found, by its place; weights by name and index."""
    run = run_below(folder)
    content = json.loads((run / "result.json").read_text("utf-8"))
    found: dict[Any, float] = {}

    def take(value: Any, *place: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                take(inner, *place, key)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                take(inner, *place, index)
        else:
            assert place not in found, f"{place} stands there twice"
            found[place] = value

    for part in ("metrics", "slices", "reports", "best_step", "steps", "epochs"):
        take(content[part], part)
    with (run / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] != "time":
                take(float(row["value"]), row["step"], row["split"], row["name"])
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    take({name: tensor.flatten().tolist() for name, tensor in last["state_dict"].items()})
    return found


@pytest.mark.parametrize(
    ("words", "size"),
    [(SUMS, 10), (NAMES, 9), (WORDS, 3)],
    ids=["sums", "names", "words"],
)
def test_two_processes_equal_one_with_batches_of_twice_the_size(
    words: list[str], size: int, texts: None, train: Train, here: Path
) -> None:
    """Of the names the last batch has one row, and of the words one stream is validated on: one
    process has none."""
    words = [*COMMON, *words]
    assert train(*words, *TWO, f"task.batch_size={size}", "paths.output_dir=two") == 0
    one = ["trainer.accelerator=cpu", f"task.batch_size={2 * size}", "paths.output_dir=one"]
    assert train(*words, *one) == 0
    two, single = numbers(here / "two"), numbers(here / "one")
    assert two.keys() == single.keys()
    for place, value in two.items():
        assert math.isclose(value, single[place], rel_tol=2e-4, abs_tol=2e-6), place
    content = json.loads((run_below(here / "two") / "result.json").read_text())
    assert content["environment"]["processes"] == 2


@pytest.mark.parametrize(
    ("words", "size", "shown"),
    [(NAMES, 6, "examples/test"), (WORDS, 2, "samples")],
    ids=["names", "words"],
)
def test_it_equals_its_twin(
    words: list[str], size: int, shown: str, texts: None, here: Path, goes_on: Callable[..., None]
) -> None:
    words = [*COMMON, *words, *TWO, "model.dropout=0.3", f"task.batch_size={size}"]
    goes_on(*words, "logger=tensorboard", stops=(5, 9))
    # The first process alone writes for TensorBoard.
    assert len([*run_below(here / "twin").glob("events.*")]) == 1
    assert shown in tags(run_below(here / "twin"))["texts"]


def test_a_checkpoint_holds_what_each_process_has_of_its_own(
    texts: None, train: Train, here: Path, stopped_after: Callable[[int | None], None]
) -> None:
    stopped_after(5)
    assert train(*COMMON, *WORDS, *TWO, "task.batch_size=2") == 143
    last = torch.load(run_below(here) / "checkpoints" / "last.ckpt", weights_only=True)
    first, (other,) = last["seqbench"], last["continuation"]["others"]
    drawn = last["continuation"]["random"]["torch"], other["random"]["torch"]
    assert not torch.equal(*drawn)
    states = [kept["carried"]["train"][0][0] for kept in (first, other)]
    assert states[0].shape == states[1].shape
    assert not torch.equal(*states)
    assert first["gathered"]["loss.labels"] == other["gathered"]["loss.labels"] > 0
    assert first["gathered"]["loss.nll"] != other["gathered"]["loss.nll"]


@pytest.fixture
def at_batch(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Calls something behind the so many-th training batch of the first process, once."""
    calls = [0]
    real = SequenceModule.on_train_batch_end

    def arm(number: int, action: Callable[[], None]) -> None:
        def counted(self: SequenceModule, *arguments: Any) -> None:
            real(self, *arguments)
            calls[0] += 1
            if calls[0] == number:
                action()

        monkeypatch.setattr(SequenceModule, "on_train_batch_end", counted)

    return arm


def end_the_other(number: signal.Signals) -> None:
    (other,) = multiprocessing.active_children()
    assert other.pid is not None
    os.kill(other.pid, number)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_ended_ends_all_and_they_go_on(
    number: signal.Signals,
    texts: None,
    train: Train,
    here: Path,
    at_batch: Callable[[int, Callable[[], None]], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = [*COMMON, *NAMES, *TWO, "task.batch_size=6", "model.dropout=0.3"]
    words += ["callbacks.checkpoint.every_n_steps=2"]
    assert train(*words, "paths.output_dir=twin") == 0
    at_batch(9, lambda: end_the_other(number))
    assert train(*words, "paths.output_dir=run") == 128 + number
    told = capfd.readouterr().err
    assert ("process 2 of 2 was ended by SIGKILL" in told) == (number == signal.SIGKILL)
    assert "Traceback" not in told
    status = json.loads((run_below(here / "run") / "status.json").read_text())
    assert status["status"] == "interrupted"
    assert train(*words, "paths.output_dir=run") == 0
    assert_twins(here / "run", here / "twin")


FAULTY = """
import os
import torch.distributed as dist
from seqbench.models.cells.gru import GRU

class Faulty(GRU):
    def __init__(self, input_size, hidden_size, *, fault, **settings):
        super().__init__(input_size, hidden_size, **settings)
        self.fault, self.calls = fault, 0

    def native(self, x, state, lengths):
        y, state = super().native(x, state, lengths)
        self.calls += self.training
        if self.calls == 4 and dist.is_initialized() and dist.get_rank() == 1:
            if self.fault == "raise":
                raise ValueError("it was the second")
            if self.fault == "exit":
                os._exit(3)
            if self.fault == "loss":
                return y * float("inf"), state
            if self.fault == "gradient":
                return y + (y * 0).sqrt(), state
        return y, state
"""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise", "process 2 of 2: ValueError: it was the second"),
        ("exit", "process 2 of 2 ended with status 3"),
        ("loss", "step 4 (epoch 1): the training loss is nan"),
        ("gradient", "step 4 (epoch 1): the gradient of embedding.table.weight"),
    ],
)
def test_what_one_process_fails_of_is_told_once(
    fault: str,
    said: str,
    here: Path,
    composed_once: None,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (here / "faulty.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delitem(sys.modules, "faulty", raising=False)
    cell = ["model=gru", "model.cell._target_=faulty.Faulty", f"+model.cell.fault={fault}"]
    assert train(*COMMON, *SUMS, *TWO, *cell, "task.batch_size=5") == 1
    told = capfd.readouterr().err
    assert sum(said in line for line in told.splitlines()) == 1
    assert ("in native" in told) == (fault == "raise")  # the other's own traceback
    run = run_below(here)
    status = json.loads((run / "status.json").read_text())
    assert status["status"] == "failed"
    assert said in status["error"]
    assert (run / "bad_batch.pt").exists() == (fault in ("loss", "gradient"))
    if fault in ("loss", "gradient"):
        kept = torch.load(run / "bad_batch.pt", weights_only=True)
        assert len(kept["rows"]) == len(kept["inputs"]) == 5


@pytest.mark.long
def test_torchrun_and_a_script_without_a_guard_train_the_same(
    here: Path, result: Callable[[Path], dict[str, Any]]
) -> None:
    words = [*COMMON, *SUMS, *TWO, "task.batch_size=5"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    first = subprocess.Popen(
        [*torchrun, "-m", "seqbench.train", *words, "paths.output_dir=first"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    (here / "script.py").write_text(
        f"from seqbench import run\nprint(run({[*words, 'paths.output_dir=second']}).path)\n"
    )
    second = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=False
    )
    told, _ = first.communicate()
    assert first.returncode == 0, told
    assert told.count("epoch 2/2") == told.count("parameters, ") == 1
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("second") == 1
    assert_twins(here / "first", here / "second")


def test_srun_starts_the_processes_of_one_training(
    here: Path,
    train: Train,
    composed_once: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = [*COMMON, *SUMS, *TWO, "task.batch_size=5"]
    step = {"JOB_ID": str(os.getpid()), "STEP_ID": "0", "NTASKS": "2", "STEP_NODELIST": "localhost"}
    for name, value in step.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    for rank in ("1", "0"):
        monkeypatch.setenv("SLURM_PROCID", rank)
        monkeypatch.setenv("SLURM_LOCALID", rank)
        if rank == "1":
            other = subprocess.Popen(
                [sys.executable, "-m", "seqbench.train", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
    status = train(*words)
    told, _ = other.communicate()
    assert (status, other.returncode, told) == (0, 0, "")
    assert "epoch 2/2" in capfd.readouterr().err
    run_below(here)


def test_scores_of_several_processes_are_those_of_one() -> None:
    spec = TaskSpec(
        kind="classify",
        input_size=3,
        output_size=2,
        padding_id=0,
        metric="accuracy",
        mode="max",
        length_bounds=(2, 4),
    )
    whole, *parts = (scores_of(spec, detailed=True, characters=None) for _ in range(4))
    draw = torch.Generator().manual_seed(0)
    for n, rows in enumerate((5, 3, 4, 1)):
        logits = torch.randn(rows, 2, generator=draw)
        targets = torch.randint(0, 2, (rows,), generator=draw)
        lengths = torch.randint(1, 6, (rows,), generator=draw)
        batch = Batch(torch.zeros(rows, 6, dtype=torch.long), lengths, targets)
        nll, count = torch.rand((), generator=draw), torch.tensor(rows)
        for each in (whole, parts[n % 2]):  # the third has none
            each.update(nll, count, lambda logits=logits: logits, batch)  # type: ignore[misc]
    first = parts[0]
    first.combine([part.gathered() for part in parts])
    assert first.compute() == pytest.approx(whole.compute())
    assert first.slices() == whole.slices()
    assert first.report() == whole.report()
    for module in first.modules():
        assert getattr(module, "_to_sync", False) is False  # or each would be summed once more

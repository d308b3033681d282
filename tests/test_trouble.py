"""Numbers that are not finite, and too little memory, end a run in one line."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench import bad_batch, compose
from seqbench.batch import Batch
from seqbench.training import Training
from seqbench.trouble import is_out_of_memory, out_of_memory

Train = Callable[..., int]
QUICK = ["logger=none", "progress=none", "test=false", "trainer.max_epochs=1"]
STEEP = ["model=irnn", "optimizer=sgd", "trainer.gradient_clip_val=null", "optimizer.lr=1e30"]


def only_line(capfd: pytest.CaptureFixture[str]) -> str:
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("seqbench: ")
    return line.removeprefix("seqbench: ")


def failed(here: Path, trained: bool = False) -> Path:
    """The one run, which failed by a RunError; trained: in its test."""
    (file,) = here.rglob("status.json")
    status = json.loads(file.read_text("utf-8"))
    assert status["status"] == "failed"
    assert status["error"].startswith("RunError: ")
    assert bool(list(here.rglob("result.json"))) == trained
    return file.parent


def loaded(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(run / "bad_batch.pt", weights_only=True)
    return content


def rebuilt(words: list[str]) -> Training:
    """What a run is made of, before it trains."""
    found: list[Training] = []

    def job(config: dict[str, Any], origin: Callable[[str], str]) -> int:
        found.append(Training(config))
        return 0

    compose.run(words, job)
    return found[0]


def loss_again(words: list[str], bad: dict[str, Any]) -> tuple[float, Batch]:
    """The loss of the batch that was kept, by the weights that were kept with it."""
    training = rebuilt(words)
    network = training.module.network
    network.load_state_dict(bad["network"])
    batch = Batch(*(bad[name] for name in Batch._fields))
    with torch.no_grad():
        nll, count = network.head.nll(network(batch, bad["state"]).hidden, batch.targets)
    return float(nll / count), training.data.splits["train"][bad["rows"].numpy()]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_rate_too_high_is_told_and_the_batch_kept(
    train: Train,
    tiny: list[str],
    here: Path,
    composed_once: None,
    capfd: pytest.CaptureFixture[str],
    precision: str,
    accumulate: int,
) -> None:
    words = [*tiny, *QUICK, *STEEP, f"trainer.precision={precision}"]
    words += [f"trainer.accumulate_grad_batches={accumulate}"]
    assert train(*words) == 1
    line, run = only_line(capfd), failed(here)
    assert line.startswith("step 2 (epoch 1): the training loss is ")
    assert "other parameters not finite" in line
    assert f"its batch is in {run.relative_to(here) / 'bad_batch.pt'}" in line
    assert "lower optimizer.lr or set trainer.gradient_clip_val" in line
    assert line.endswith("debug=anomaly shows the operation")
    assert line in (run / "train.log").read_text("utf-8")
    assert not list((run / "checkpoints").iterdir())
    bad = loaded(run)
    assert (bad["step"], bad["epoch"], bad["number"]) == (2, 0, accumulate)
    again, rows = loss_again(words, bad)
    assert not torch.tensor([again, bad["loss"]]).isfinite().any()
    assert torch.equal(rows.inputs, bad["inputs"])
    assert torch.equal(rows.targets, bad["targets"])


@pytest.mark.parametrize(
    ("trouble", "part"),
    [
        (
            "overflow",
            "loss is nan, the gradient of embedding.table.weight and of 6 other parameters",
        ),
        ("root", "the gradient of embedding.table.weight and of 4 other parameters is not finite"),
    ],
)
@pytest.mark.parametrize(("accumulate", "step"), [(1, 5), (3, 2)])
def test_a_cell_that_errs_in_the_fifth_batch(
    train: Train,
    tiny: list[str],
    troubled: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
    trouble: str,
    part: str,
    accumulate: int,
    step: int,
) -> None:
    words = [*tiny, *QUICK, *troubled, f"+model.cell.trouble={trouble}", "+model.cell.at=5"]
    assert train(*words, f"trainer.accumulate_grad_batches={accumulate}") == 1
    line = only_line(capfd)
    assert line.startswith(f"step {step} (epoch 1): ")
    assert "lower optimizer.lr or trainer.gradient_clip_val;" in line
    assert part in line
    bad = loaded(failed(here))
    assert bad["number"] == 4
    assert all(weight.isfinite().all() for weight in bad["network"].values())
    assert torch.equal(rebuilt(words).data.splits["train"][bad["rows"].numpy()][0], bad["inputs"])


def test_nothing_is_changed_or_saved_after(
    train: Train,
    tiny: list[str],
    troubled: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In the first step of the second epoch: what was kept is what the first left."""
    words = [*tiny, *QUICK, *troubled, "trainer.max_epochs=2", "+model.cell.trouble=root"]
    assert train(*words, "+model.cell.at=7", "callbacks.checkpoint.every_n_steps=6") == 1
    assert only_line(capfd).startswith("step 7 (epoch 2): the gradient of ")
    run = failed(here)
    bad = loaded(run)
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["best.ckpt", "last.ckpt"]
    for name in kept:
        content = torch.load(run / "checkpoints" / name, weights_only=True)
        assert content["global_step"] == 6
        for key, weight in bad["network"].items():
            assert torch.equal(weight, content["state_dict"][f"network.{key}"])
    assert (bad["step"], bad["epoch"], bad["number"]) == (7, 1, 0)


def test_a_batch_that_cannot_be_saved_is_told_all_the_same(
    train: Train,
    tiny: list[str],
    here: Path,
    composed_once: None,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bad_batch, "write_whole", full)
    assert train(*tiny, *QUICK, *STEEP) == 1
    line = only_line(capfd)
    assert "the training loss is " in line
    assert "its batch could not be saved (No space left on device); lower optimizer.lr" in line
    assert not (failed(here) / "bad_batch.pt").exists()


def test_data_that_are_not_finite_are_told_from_a_rate_too_high(
    train: Train, troubled: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["task=forecast", "task._target_=troubled.tasks.Hole", "task.length=600", "model=gru"]
    words += ["task.window=10", "callbacks.forecasts=null", "trainer.accelerator=cpu", "threads=1"]
    assert train(*words, *QUICK, "model.hidden_size=8") == 1
    line = only_line(capfd)
    assert "of a batch that itself holds such numbers; its batch is in " in line
    assert line.endswith("; mend the data")
    assert not loaded(failed(here))["inputs"].isfinite().all()


def test_the_state_of_a_text_is_kept_with_its_batch(
    train: Train, troubled: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "text.txt").write_text("ab ba abba. " * 300, "utf-8")
    words = ["task=char_lm", "task.path=text.txt", "task.batch_size=4", "task.sequence_length=10"]
    words += [*troubled, "+model.cell.trouble=overflow", "+model.cell.at=3", "model.hidden_size=8"]
    words += [*QUICK, "callbacks.samples=null", "trainer.accelerator=cpu", "threads=1"]
    assert train(*words) == 1
    assert only_line(capfd).startswith("step 3 ")
    bad = loaded(failed(here))
    ((state,),) = bad["state"]
    assert (state.shape, bad["inputs"].shape, bad["rows"]) == ((4, 8), (4, 10), None)
    assert state.any()
    assert state.isfinite().all(), "the one that came in, not the one that came out"


def test_a_run_without_trouble_is_as_if_nobody_looked(
    train: Train,
    tiny: list[str],
    here: Path,
    composed_once: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = [*tiny, *QUICK, "trainer.accumulate_grad_batches=2", "trainer.gradient_clip_val=0.1"]
    assert train(*words, "paths.output_dir=watched") == 0
    look = "seqbench.models.finite.Watch.check"
    monkeypatch.setattr(look, lambda self, norm, *_: norm)
    assert train(*words, "paths.output_dir=alone") == 0
    first, second = (
        torch.load(next((here / name).rglob("last.ckpt")), weights_only=True)["state_dict"]
        for name in ("watched", "alone")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_validation_loss_that_is_not_finite_is_warned_of_once(
    train: Train,
    tiny: list[str],
    troubled: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = [*tiny, *QUICK, *troubled, "trainer.max_epochs=2", "trainer.val_check_interval=0.5"]
    assert train(*words, "+model.cell.trouble=overflow", "+model.cell.at=-1") == 0
    err = capfd.readouterr().err
    assert err.count("the validation loss is nan after step 0; training goes on") == 1
    assert len(err.splitlines()) == 1
    (log,) = here.rglob("train.log")
    assert log.read_text("utf-8").count("WARNING the validation loss") == 1


TRAINING = [
    "in training, at a batch of 20 x 7 (rows x steps)",
    "lower task.batch_size, task.tr",
]
VALIDATION = ["in validation, at a batch of 40 x 7 (", "lower task.eval_batch_size, task.train_l"]
TEST = [
    "in the test on test_length_12, at a batch of 20 x 12 (",
    "task.eval_batch_size, task.lo",
]


@pytest.mark.parametrize(
    ("trouble", "steps", "training", "parts"),
    [
        ("memory", 7, True, TRAINING),
        ("list", 7, True, TRAINING),
        ("memory", 7, False, VALIDATION),
        ("memory", 12, False, TEST),
    ],
)
def test_too_little_memory_names_the_batch_and_what_to_lower(
    train: Train,
    tiny: list[str],
    troubled: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
    trouble: str,
    steps: int,
    training: bool,
    parts: list[str],
) -> None:
    words = [*tiny, *QUICK, *troubled, "test=true", f"+model.cell.trouble={trouble}"]
    words += [f"+model.cell.steps={steps}", f"+model.cell.training_only={training}"]
    assert train(*words) == 1
    line = only_line(capfd)
    assert line.startswith("out of memory in ")
    assert line.endswith(" or model.hidden_size")
    assert ("where 3.6 PiB more were asked for" in line) == (trouble == "memory")
    for part in parts:
        assert part in line
    failed(here, trained=parts is TEST)


def test_other_errors_stay_as_they_are(
    train: Train,
    tiny: list[str],
    troubled: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = [*tiny, *QUICK, *troubled, "+model.cell.trouble=other", "+model.cell.steps=7"]
    assert train(*words) == 1
    assert "RuntimeError: no kernel for this" in capfd.readouterr().err
    (file,) = here.rglob("status.json")
    assert json.loads(file.read_text())["error"] == "RuntimeError: no kernel for this"


def test_what_there_is_to_lower() -> None:
    def told(task: dict[str, Any], split: str, shape: tuple[int, ...], **model: int) -> str:
        inputs, rows = torch.zeros(shape), shape[0]
        batch = Batch(inputs, torch.ones(rows), torch.zeros(rows, 5))
        return out_of_memory("", (split, batch), {"task": task, "model": model})

    text = {"batch_size": 64, "eval_batch_size": 1, "max_length": None, "min_length": 2}
    assert told(text, "train", (64, 9), hidden_size=8) == (
        "out of memory in training, at a batch of 64 x 9 (rows x steps); "
        "lower task.batch_size, task.max_length (not set yet) or model.hidden_size"
    )
    assert told({"eval_batch_size": 1, "sequence_length": 35}, "val", (1, 35)) == (
        "out of memory in validation, at a batch of 1 x 35 (rows x steps); "
        "lower task.sequence_length"
    )
    series = {"batch_size": 64, "eval_batch_size": 512, "window": 50, "length": 10000}
    assert told(series, "test", (512, 50, 3)) == (
        "out of memory in the test on test, at a batch of 512 x 50 x 3 (rows x steps x features); "
        "lower task.eval_batch_size or task.window"
    )
    assert "64 x 5 (rows x steps)" in told({}, "train", (64,)), "of a task that writes"
    sums = {"train_lengths": [4], "test_length": 6, "long_length": 12}
    assert told(sums, "test", (1, 6)).endswith("lower task.test_length")
    assert told({}, "test", (1, 6)).endswith("lower the size of the task or the model")
    assert out_of_memory("Tried to allocate 20.00 GiB. GPU 0", None, {"task": {}, "model": {}}) == (
        "out of memory, where 20.00 GiB more were asked for; "
        "lower the size of the task or the model"
    )


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("expected memory format"), False),
    ],
)
def test_how_torch_says_it(error: Exception, is_it: bool) -> None:
    assert is_out_of_memory(error) == is_it


def test_too_little_memory_names_the_budget_that_made_the_width() -> None:
    config = {"task": {}, "model": {"hidden_size": 99}, "budget": {"parameters": 9000}}
    assert out_of_memory("", None, config).endswith("lower budget.parameters")
    assert out_of_memory("", None, config | {"budget": {}}).endswith("lower model.hidden_size")

"""A run that is told to end keeps its state, tells so, and goes on when it is started again."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from lightning.pytorch.utilities import rank_zero_only
from tests.runs.twins import assert_twins, run_below

from seqbench import run
from seqbench.callbacks import continuation
from seqbench.checkpoint import require_whole
from seqbench.models.module import SequenceModule
from seqbench.signals import Ended, Signals, Stopped, requeue
from seqbench.train import main

Train = Callable[..., int]
Strike = Callable[..., None]
USR1, TERM, INT = signal.SIGUSR1, signal.SIGTERM, signal.SIGINT


@pytest.fixture
def strike(monkeypatch: pytest.MonkeyPatch) -> Strike:
    """``strike("training_step", 3, SIGTERM)``: the signals come at the third such call, once."""

    def arm(method: str, call: int, *numbers: signal.Signals) -> None:
        real, calls = getattr(SequenceModule, method), [0]

        def counted(self: SequenceModule, *arguments: Any) -> Any:
            calls[0] += 1
            if calls[0] == call:
                for number in numbers:
                    signal.raise_signal(number)
            return real(self, *arguments)

        monkeypatch.setattr(SequenceModule, method, counted)

    return arm


@pytest.fixture
def former() -> Iterator[Callable[..., None]]:
    """Sets a handler, as someone who calls ``run`` may have."""
    before = {number: signal.getsignal(number) for number in (INT, TERM, USR1, signal.SIGUSR2)}

    def put(number: signal.Signals, handler: Any) -> None:
        signal.signal(number, handler)

    signal.signal(INT, signal.default_int_handler)  # a suite in the background has it switched off
    yield put
    for number, handler in before.items():
        signal.signal(number, handler)


def status(folder: Path) -> str:
    content = json.loads((run_below(folder) / "status.json").read_text())
    return str(content["status"])


@pytest.mark.parametrize(
    ("method", "call", "numbers", "code"),
    [
        ("on_train_batch_end", 4, [USR1], 138),
        ("on_train_batch_end", 4, [INT], 130),
        ("on_train_batch_end", 4, [TERM, TERM], 143),
        ("on_train_batch_end", 4, [USR1, TERM], 138),
        ("on_train_batch_end", 4, [TERM, INT], 143),
        ("training_step", 5, [TERM], 143),
        ("validation_step", 1, [TERM], 143),
        ("validation_step", 2, [TERM], 143),
        ("on_train_epoch_end", 2, [TERM], 143),
        ("test_step", 1, [TERM], 143),
        ("test_step", 2, [USR1], 138),
        ("on_test_epoch_end", 1, [TERM], 143),
    ],
)
def test_it_ends_and_goes_on_as_its_twin(
    here: Path,
    train: Train,
    tiny: list[str],
    strike: Strike,
    former: Callable[..., None],
    composed_once: None,
    capsys: pytest.CaptureFixture[str],
    method: str,
    call: int,
    numbers: list[signal.Signals],
    code: int,
) -> None:
    words = [*tiny, "model.dropout=0.3"]
    handlers = [signal.getsignal(number) for number in (INT, TERM, USR1)]
    assert train(*words, "paths.output_dir=twin") == 0
    capsys.readouterr()
    strike(method, call, *numbers)
    try:
        ended = train(*words)
    except SystemExit as end:  # a signal that came when all was done
        ended = int(str(end.code))
    assert ended == code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    last = run_below(here / "outputs") / "checkpoints" / "last.ckpt"
    if (method, call) in (("on_test_epoch_end", 1), ("test_step", 2)):  # all was done
        assert status(here / "outputs") == "ok"
    else:
        assert status(here / "outputs") == "interrupted"
        assert "interrupted" in told
    if (method, call) != ("validation_step", 1):
        require_whole(last)
    assert [signal.getsignal(number) for number in (INT, TERM, USR1)] == handlers
    assert train(*words) == 0
    assert_twins(here / "twin", here / "outputs")


def test_a_long_validation_is_not_waited_for(
    here: Path,
    train: Train,
    tiny: list[str],
    strike: Strike,
    composed_once: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The state of before it is held; some batches later the run has ended."""
    monkeypatch.setattr(continuation, "PATIENCE", 0.0)
    words = [*tiny, "task.eval_batch_size=2", "model.dropout=0.3", "trainer.max_epochs=3"]
    assert train(*words, "paths.output_dir=twin") == 0
    steps: list[int] = []
    real = SequenceModule.validation_step

    def seen(self: SequenceModule, *arguments: Any) -> None:
        steps.append(self.global_step)
        real(self, *arguments)

    monkeypatch.setattr(SequenceModule, "validation_step", seen)
    strike("validation_step", 23, TERM)  # the third of twenty behind the first epoch
    assert train(*words) == 143
    assert len(steps) <= 24
    last = torch.load(run_below(here / "outputs") / "checkpoints" / "last.ckpt", weights_only=True)
    assert (last["global_step"], steps[-1]) == (5, 6)  # before the epoch's last batch
    assert train(*words) == 0
    assert_twins(here / "twin", here / "outputs")


def test_a_sweep_ends_and_goes_on_with_the_job_that_was_ended(
    here: Path,
    train: Train,
    tiny: list[str],
    strike: Strike,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ["-m", *tiny, "seed=0,1,2", "hydra/launcher=basic"]  # in this process
    strike("on_train_batch_end", 15, TERM)  # twelve steps a job
    assert train(*line) == 143
    found = {path.parent.name[:6]: json.loads(path.read_text())["status"] for path in _runs(here)}
    assert found == {"seed-0": "ok", "seed-1": "interrupted"}
    capsys.readouterr()
    assert train(*line) == 0
    told = capsys.readouterr().err
    assert "sweep of 3 runs, 1 finished before, 1 begun before" in told
    assert told.count("going on from step 3") == 1
    assert len(_runs(here)) == 3


def _runs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("status.json"))


def test_a_run_from_python_ends_its_caller_and_only_in_the_main_thread(
    here: Path, tiny: list[str], strike: Strike, former: Callable[..., None], composed_once: None
) -> None:
    before = signal.getsignal(TERM)
    strike("on_train_batch_end", 2, TERM)
    with pytest.raises(Stopped) as stopped:
        run(tiny)
    assert stopped.value.code == 143
    assert signal.getsignal(TERM) == before

    strike("on_train_batch_end", 2, INT)
    with pytest.raises(KeyboardInterrupt):
        run(tiny)

    results = []
    thread = threading.Thread(target=lambda: results.append(run(tiny)))
    thread.start()
    thread.join()
    assert results[0].content["steps"] == 12


class Requeued:
    """A handler as submitit's: it looks, asks for another start, and ends the process."""

    def __init__(self, folder: Path, ends: bool = True) -> None:
        self.folder, self.ends = folder, ends
        self.called: list[tuple[int, str]] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        require_whole(run_below(self.folder) / "checkpoints" / "last.ckpt")
        self.called.append((number, status(self.folder)))
        if self.ends:
            sys.exit(144)


@pytest.mark.parametrize("how", [run, lambda words: main([*words])], ids=["run", "main"])
def test_a_former_handler_comes_after_the_checkpoint_and_may_end_the_process(
    here: Path,
    tiny: list[str],
    strike: Strike,
    former: Callable[..., None],
    composed_once: None,
    how: Callable[[list[str]], Any],
) -> None:
    """Its code is the process's, also where SIGTERM came first and is let pass: submitit's way."""
    bypass, requeued = Requeued(here, ends=False), Requeued(here)
    former(TERM, bypass)
    former(USR1, requeued)
    strike("on_train_batch_end", 3, TERM, USR1)
    with pytest.raises(Ended) as ended:
        how(tiny)
    assert ended.value.code == 144
    assert bypass.called == [(TERM, "interrupted")]
    assert requeued.called == [(USR1, "interrupted")]
    assert signal.getsignal(USR1) == requeued
    run(tiny)


def test_a_handler_that_raises_is_heard(former: Callable[..., None]) -> None:
    def refuse(number: int, frame: FrameType | None) -> None:
        raise RuntimeError("too often")

    former(USR1, refuse)
    with pytest.raises(RuntimeError, match="too often"), Signals():
        signal.raise_signal(USR1)


def test_a_second_ctrl_c_does_not_wait(former: Callable[..., None]) -> None:
    def come() -> None:
        with Signals():
            for number in (TERM, INT, INT):
                signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        come()


SCONTROL = """\
#!/bin/sh
echo "$@" >> "$ASKED"
cat outputs/*/*/*/status.json >> "$ASKED"
ls outputs/*/*/*/checkpoints >> "$ASKED"
"""


@pytest.fixture
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program of that text on the path; gives what it was asked."""

    def put(text: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "scontrol").write_text(text)
        (folder / "scontrol").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
        monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
        return tmp_path / "asked"

    return put


@pytest.mark.parametrize(
    ("array", "number", "asked"),
    [(False, USR1, "requeue 17"), (True, USR1, "requeue 12_3"), (False, TERM, None)],
)
def test_a_job_of_slurm_s_is_requeued_once_all_is_safe(
    here: Path,
    train: Train,
    tiny: list[str],
    strike: Strike,
    scontrol: Callable[[str], Path],
    former: Callable[..., None],
    composed_once: None,
    monkeypatch: pytest.MonkeyPatch,
    array: bool,
    number: signal.Signals,
    asked: str | None,
) -> None:
    """It is a job's second task of four, which Lightning would take for a part of a training."""
    variables = {
        "JOB_ID": "17",
        "JOB_NAME": "train",
        "NTASKS": "4",
        "PROCID": "1",
        "LOCALID": "1",
        "NODEID": "0",
        "NNODES": "1",
        **({"ARRAY_JOB_ID": "12", "ARRAY_TASK_ID": "3"} if array else {}),
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setattr(rank_zero_only, "rank", 1)  # as Lightning reads it when it is imported
    told = scontrol(SCONTROL)
    strike("on_train_batch_end", 3, number)
    assert train(*tiny) == 128 + number
    assert (run_below(here) / "metrics.csv").exists()
    if asked is None:
        assert not told.exists()
        return
    first, *rest = told.read_text().splitlines()
    assert first == asked
    assert any('"interrupted"' in line for line in rest)
    assert "last.ckpt" in rest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\necho no such job >&2; exit 1", "no such job"),
        ("#!/bin/sh\nexec sleep 100", "timed out"),
        (None, "scontrol"),
        ("#!/bin/sh\nexit 1", "status 1"),
    ],
)
def test_a_requeue_that_fails_is_told(
    scontrol: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    text: str | None,
    said: str,
) -> None:
    if text:
        scontrol(text)
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.delenv("SLURM_ARRAY_JOB_ID", raising=False)
    requeue(seconds=0.5)
    assert "17 was not requeued" in caplog.text
    assert said in caplog.text


def test_a_signal_to_a_whole_job_spares_the_workers(here: Path, tiny: list[str]) -> None:
    """A batch system ends all processes of a job at once; what goes on from it is its twin."""
    words = [*tiny, "task.num_workers=1", "trainer.max_epochs=100000"]
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "seqbench.train", *words],
        stderr=subprocess.PIPE,
        text=True,
        cwd=here,
        start_new_session=True,
    )
    loaded = set()
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("import time:"):
                loaded.add(line.rpartition("|")[2].strip())
            if line.startswith("epoch 3/"):
                break
        os.killpg(process.pid, TERM)
        _, rest = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 143, rest
    assert "Traceback" not in rest
    assert status(here) == "interrupted"
    require_whole(run_below(here) / "checkpoints" / "last.ckpt")
    # Neither did the training load what only other tasks and verbs need.
    assert "torch" in loaded
    assert not loaded & {"datasets", "pandas", "pyarrow", "sklearn", "onnx", "optuna"}

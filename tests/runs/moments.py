"""Runs that are killed at a moment of their own choice: ``python -m tests.runs.moments SEED TRIALS
FOLDER``.

A moment is a call of one of ``WATCHED``, before or behind it. Each run is a fork of this process,
which has torch loaded already, so that many can be killed in little time. Ends with status 1, and
says which moments, if a run that was killed differs from one that never was.
"""

import functools
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqbench.commands import share_cores

share_cores()

import torch  # noqa: E402
from tests.runs.twins import assert_twins  # noqa: E402

from seqbench.callbacks import loggers  # noqa: E402
from seqbench.models.module import SequenceModule  # noqa: E402
from seqbench.runs import Run  # noqa: E402
from seqbench.train import main  # noqa: E402

WATCHED: list[tuple[Any, str]] = [
    (SequenceModule, "training_step"),
    (SequenceModule, "validation_step"),
    (SequenceModule, "test_step"),
    (SequenceModule, "on_train_epoch_end"),
    (loggers.MetricsFile, "log_metrics"),
    (Run, "write_json"),
    (os, "fsync"),
    (os, "truncate"),
    (Path, "replace"),
    (Path, "unlink"),
]

WORDS = [
    "task=modular_sum",
    "task.train_lengths=[4,7]",
    "task.train_size=40",
    "task.val_size=20",
    "task.test_length=6",
    "task.long_length=12",
    "task.test_size=20",
    "task.batch_size=20",
    "model.hidden_size=6",
    "model.dropout=0.3",
    "model.embedding.size=4",
    "trainer.max_epochs=3",
    "trainer.accelerator=cpu",
    "trainer.log_every_n_steps=1",
    "callbacks=gradients",
    "callbacks.gradients.picture=false",
    "callbacks.checkpoint.every_n_steps=2",
    "progress=lines",
    "threads=1",
]

KILLS = 3


def start(output: Path, log: Path, at: int) -> tuple[int, str]:
    """Run to the end, or to the moment numbered ``at``. The exit status, and the moment's name or,
    at the end, how many there were."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 99
        try:
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            count = watch(at, writing)
            status = main([*WORDS, f"paths.output_dir={output}"])
            os.write(writing, str(count()).encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def watch(at: int, writing: int) -> Callable[[], int]:
    """Count the moments from now on, and be killed at one of them. How many there have been."""
    past = 0

    def moment(name: str) -> None:
        nonlocal past
        past += 1
        if past == at:
            os.write(writing, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def call(*arguments: Any, **settings: Any) -> Any:
            moment(f"before {name}")
            result = real(*arguments, **settings)
            moment(f"behind {name}")
            return result

        return call

    for owner, name in WATCHED:
        setattr(owner, name, watched(name, getattr(owner, name)))
    return lambda: past


def trial(folder: Path, number: int, draw: random.Random, moments: int) -> str:
    """What is wrong with a run that was killed a few times; empty if nothing is."""
    output, log = folder / str(number), folder / f"{number}.log"
    killed = []
    for kill in range(KILLS + 1):
        status, name = start(output, log, draw.randint(1, moments) if kill < KILLS else 0)
        if status == 0:
            break
        killed.append(name)
        if status != -signal.SIGKILL:
            told = log.read_text("utf-8", "replace")[-2000:]
            return f"killed {', '.join(killed)}: status {status}: {told}"
    try:
        assert_twins(folder / "twin", output)
    except AssertionError as error:
        return f"killed {', '.join(killed)}: {error}"
    shutil.rmtree(output)
    return ""


def run(seed: int, trials: int, folder: Path) -> int:
    torch.set_num_threads(1)
    os.environ["SEQBENCH_CACHE_DIR"] = str(folder / "cache")
    status, moments = start(folder / "twin", folder / "twin.log", 0)
    if status != 0:
        print((folder / "twin.log").read_text())
        return 1
    draw = random.Random(seed)
    wrong = [text for n in range(trials) if (text := trial(folder, n, draw, int(moments)))]
    print(f"seed {seed}: {trials} runs of {moments} moments, {len(wrong)} wrong")
    for text in wrong:
        print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))

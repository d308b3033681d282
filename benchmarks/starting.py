"""When a training that is a whole program gets to its first step."""

import json
import time
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from benchmarks import programs


class Clock(Callback):
    """Prints, as JSON, when the first step ended, and the seconds of the validation before it."""

    def __init__(self) -> None:
        self.validation = self.since = 0.0

    def on_validation_start(self, *_: Any) -> None:
        self.since = time.time()

    def on_validation_end(self, *_: Any) -> None:
        self.validation += time.time() - self.since

    def on_train_batch_end(self, *_: Any) -> None:
        print(json.dumps({"ended": time.time(), "validation": self.validation}), flush=True)


def first_step(words: list[str], folder: Path) -> tuple[float, float]:
    """Seconds from the start of ``python -m seqbench.train WORDS`` to the end of the first step,
    and those of the validation among them.

    It goes on to an ordinary end, after that one step; so a profile of it is whole.
    """
    started = time.time()
    ran = programs.python(
        *("-m", "seqbench.train", *words),
        "+callbacks.clock={_target_: benchmarks.starting.Clock}",
        "budget.steps=1",
        "test=false",
        "progress=none",
        "force=true",
        f"paths.output_dir={folder}/outputs",
        f"paths.cache_dir={folder}/cache",
    )
    (told,) = (json.loads(line) for line in ran.output.splitlines() if line.startswith("{"))
    return told["ended"] - started, told["validation"]


def imported(modules: str) -> float:
    """Seconds from the start of a program to the moment when it has imported these."""
    started = time.time()
    ran = programs.python("-c", f"import {modules}, time; print(time.time())")
    return float(ran.output.split()[-1]) - started

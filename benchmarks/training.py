"""seqbench's own training, in turn with a loop written by hand, in one process."""

import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from benchmarks.row import Turn

WARM_UP = 20
"""Steps of each side before the first turn, unless a row asks for others."""

taking: "list[Turns]" = []
"""The one whose run is under way: Hydra builds a callback from words alone."""


class Turns(Callback):
    """Stops seqbench's training each ``steps`` steps, and lets the other side do as many.

    other: trains so many steps. warm_up: steps of each side before the first turn.
    """

    def __init__(
        self, other: Callable[[int], None], steps: int, repeats: int, warm_up: int
    ) -> None:
        self.other, self.steps, self.repeats, self.warm_up = other, steps, repeats, warm_up
        self.turns: list[Turn] = []
        self.since = 0.0

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any
    ) -> None:
        past = trainer.global_step - self.warm_up
        if past < 0 or past % self.steps:
            return
        _synchronise()
        own = time.perf_counter() - self.since
        if past == 0:
            self.other(self.warm_up)
        else:
            started = time.perf_counter()
            self.other(self.steps)
            each = 1000 / self.steps
            self.turns.append(Turn(own * each, (time.perf_counter() - started) * each))
        trainer.should_stop = len(self.turns) == self.repeats
        self.since = time.perf_counter()


def current() -> Turns:
    return taking[-1]


def in_turn(
    words: list[str],
    other: Callable[[int], None],
    steps: int,
    repeats: int,
    warm_up: int = WARM_UP,
) -> Iterator[Turn]:
    """Milliseconds a step of ``python -m seqbench.train WORDS``, and of the other side."""
    from seqbench.train import main

    turns = Turns(other, steps, repeats, warm_up)
    taking.append(turns)
    with tempfile.TemporaryDirectory() as folder:
        status = main(
            [
                *words,
                "+callbacks.turns={_target_: benchmarks.training.current}",
                "test=false",
                "progress=none",
                f"budget.steps={warm_up + steps * repeats}",
                f"paths.output_dir={folder}/outputs",
                f"paths.cache_dir={folder}/cache",
            ]
        )
    if status:
        raise RuntimeError(f"seqbench.train {' '.join(words)} ended with {status}")
    yield from turns.turns


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()

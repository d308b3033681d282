"""The end of a training whose steps or seconds are all that it may take."""

import logging
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from seqbench.callbacks.lookup import one, watchers
from seqbench.callbacks.throughput import Throughput
from seqbench.config import Budget

log = logging.getLogger(__name__)


class Ending(Callback):
    """Ends a training with the step that uses its budget up, and that step with a validation.

    Seconds are those of ``time/epoch_seconds``, over all epochs and all processes that a run took:
    reading data, forward, backward and update (see Throughput for what is none of them). A step
    that was begun is ended.

    over: whether it ended so.
    """

    def __init__(self, budget: Budget) -> None:
        self.steps, self.seconds = budget.steps, budget.seconds
        self.step = 0
        self.over = False

    def spent(self, trainer: L.Trainer) -> float:
        """Seconds of training so far."""
        return one(watchers(trainer), Throughput).trained

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.step = trainer.global_step

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        if trainer.global_step == self.step:  # gradients are being added up
            return
        self.step = trainer.global_step
        if self.steps:
            self.over = self.step >= self.steps
        elif self.seconds:
            spent = self.spent(trainer)
            self.over = trainer.strategy.reduce_boolean_decision(spent >= self.seconds, all=False)
            if self.over:
                log.info("budget: %.1f seconds of training are over, at step %d", spent, self.step)
        if self.over:
            trainer.should_stop = True  # Lightning validates then, wherever the epoch is

"""Real tokens a second, synchronised, without warm-up and validation; seconds an epoch."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from seqbench.batch import Batch
from seqbench.callbacks.lookup import watchers
from seqbench.models.module import SequenceModule
from seqbench.world import World

WARM_UP = 10
"""Steps at the start of a fit that do not count: kernels are chosen and memory is taken then."""


@contextmanager
def clock_stopped(trainer: L.Trainer, module: L.LightningModule) -> Iterator[None]:
    """Time that is spent within is none of training."""
    clocks = [
        callback
        for callback in watchers(trainer)
        if isinstance(callback, Throughput) and callback.epoch_since
    ]
    for clock in clocks:
        clock.stop(module)
    try:
        yield
    finally:
        for clock in clocks:
            clock.start(module)


class Throughput(Callback):
    """Counts unpadded steps of training batches, tokens or numbers, against the wall clock.

    The clock runs while batches are read and trained on: from the end of the warm-up, which every
    process has that trains, to an epoch's last batch. It stands still in validation, while
    checkpoints are written, and within ``clock_stopped``. What other callbacks and the loggers do
    at each batch, or before a validation, counts. Of several processes each counts its own rows.

    It has to be the last of the callbacks that train, so that what others do at the end of a
    validation, or at the beginning of an epoch, does not count.
    """

    def __init__(self) -> None:
        self.tokens: Tensor | int = 0
        self.seconds = 0.0
        self.steps = 0
        self.since: float | None = None
        self.epoch_seconds = 0.0
        self.epoch_since = 0.0
        self.before = 0.0
        """Seconds of the epochs before this one."""
        self.told = 0, 0.0
        """Tokens and seconds of those, so far as they count."""
        self.epoch_tokens: Tensor | int = 0
        """Of this epoch, warm-up and all."""

    def state_dict(self) -> dict[str, Any]:
        return {
            "tokens": int(self.tokens),
            "seconds": self._counted(),
            "epoch_seconds": self.trained - self.before,
            "before": self.before,
            "told": [*self.told],
            "epoch_tokens": int(self.epoch_tokens),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.tokens, self.seconds = state_dict["tokens"], state_dict["seconds"]
        self.epoch_seconds = state_dict["epoch_seconds"]
        self.before = state_dict.get("before", 0.0)
        tokens, seconds = state_dict.get("told", (0, 0.0))
        self.told = tokens, seconds
        self.epoch_tokens = state_dict.get("epoch_tokens", 0)

    @property
    def trained(self) -> float:
        """Seconds so far, over all epochs."""
        running = time.perf_counter() - self.epoch_since if self.epoch_since else 0.0
        return self.before + self.epoch_seconds + running

    def _counted(self) -> float:
        """Seconds behind the warm-up, so far."""
        running = time.perf_counter() - self.since if self.since is not None else 0.0
        return self.seconds + running

    def pace(self) -> float | None:
        """Tokens a second of this process in this epoch so far; None within the warm-up.

        It waits for the device, so it is not for every step.
        """
        tokens = int(self.tokens) - self.told[0]
        return tokens / (self._counted() - self.told[1]) if tokens else None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.start(pl_module)  # an epoch that goes on has no start

    def tokens_per_second(self, tokens: int) -> float | None:
        """Of so many tokens, over all processes; None if training ended within the warm-up."""
        return tokens / self.seconds if self.seconds else None

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.before, self.epoch_seconds = self.before + self.epoch_seconds, 0.0
        self.start(pl_module)

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        self.steps += 1
        if batch.stand_in is None:
            tokens = batch.lengths.sum()
            self.epoch_tokens = self.epoch_tokens + tokens
            if self.steps > WARM_UP:
                self.tokens = self.tokens + tokens
        if self.steps == WARM_UP:
            _synchronise(pl_module)
            self.since = time.perf_counter()
        if trainer.is_last_batch:  # what follows is validation, metrics, and what others draw
            self.stop(pl_module)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.stop(pl_module)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        ends = trainer.is_last_batch or (
            trainer.should_stop and trainer.fit_loop._can_stop_early  # within an epoch
        )
        if trainer.state.fn == TrainerFn.FITTING and not ends:
            self.start(pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.stop(pl_module)
        assert isinstance(pl_module, SequenceModule)
        rate = self._epoch_rate(pl_module.world)
        pl_module.write({"time/epoch_seconds": self.epoch_seconds, "time/tokens_per_second": rate})
        self.told, self.epoch_tokens = (int(self.tokens), self.seconds), 0

    def _epoch_rate(self, world: World) -> float:
        """Of this epoch, all processes together; with the warm-up if there was nothing else."""
        own = int(self.tokens) - self.told[0], int(self.epoch_tokens)
        counted, all_of_them = map(sum, zip(*world.gather(own), strict=True))
        if counted:
            return counted / (self.seconds - self.told[1])
        return all_of_them / self.epoch_seconds

    def start(self, module: L.LightningModule) -> None:
        _synchronise(module)
        self.epoch_since = time.perf_counter()
        if self.steps >= WARM_UP:
            self.since = self.epoch_since

    def stop(self, module: L.LightningModule) -> None:
        _synchronise(module)
        now = time.perf_counter()
        if self.epoch_since:
            self.epoch_seconds += now - self.epoch_since
            self.epoch_since = 0.0
        if self.since is not None:
            self.seconds += now - self.since
            self.since = None


def _synchronise(module: L.LightningModule) -> None:
    if module.device.type == "cuda":
        torch.cuda.synchronize(module.device)

"""``last.ckpt``: from it a run goes on as if it had never stopped."""

import io
import pickle
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import lightning as L
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from lightning.pytorch.callbacks import Callback, GradientAccumulationScheduler
from lightning.pytorch.trainer.states import TrainerFn

from seqbench.batch import Batch
from seqbench.callbacks.checkpoint import serialised
from seqbench.callbacks.lookup import one, task_data, watchers
from seqbench.callbacks.throughput import Throughput, clock_stopped
from seqbench.errors import UserError
from seqbench.files import sync_folder, write_whole
from seqbench.isolation import random_states, restore_random_states
from seqbench.models.module import SequenceModule
from seqbench.signals import Signals, Stopped
from seqbench.world import World, is_lost

KEY = "continuation"
SCHEMA_VERSION = 1
LAST, PREVIOUS = "last.ckpt", "previous.ckpt"

CHEAP = 0.005
"""Share of the time that checkpoints at the ends of epochs may take."""

PATIENCE = 5.0
"""Seconds of validation that a signal may wait for. Before a longer one the state is held, in
memory, since it can't be had within."""


@runtime_checkable
class Rewindable(Protocol):
    """A logger whose files can be cut to what stood there at a checkpoint."""

    def sizes(self) -> dict[str, int]:
        """Bytes of each file by its name, all brought to the disk."""
        ...

    def rewind(self, sizes: Mapping[str, int], seconds: float) -> None:
        """Cut the files to these sizes and remove those that had not begun; ``{}`` removes all.

        seconds: since the run began. To be called before anything is logged.
        """
        ...


class Continuation(Callback):
    """Writes ``last.ckpt``, the one before being ``previous.ckpt`` then, and restores from it.

    Always between two batches, behind an optimiser step: before the batch that comes next, all that
    belongs to the one before is done, its validation too. So a run that goes on repeats nothing
    but the time since. What Lightning keeps (weights, optimiser, scheduler, scaler, callbacks,
    counters) is completed by: the random states, the place in the order of the batches, the sizes
    of the log files, the metrics that callbacks watch.

    It has to be the first of the callbacks, so that those behind it find each batch once.

    identity: of the run. every_n_steps: optimiser steps, every_minutes: of training between two
    checkpoints; None never. With the latter an epoch's end has one, too, where writing takes less
    than ``CHEAP`` of the time since the last. In any case one is written when a signal comes.
    """

    def __init__(
        self,
        folder: Path,
        identity: str,
        signals: Signals,
        every_n_steps: int | None,
        every_minutes: float | None,
        world: World | None = None,
    ) -> None:
        self.world = world or World()
        self.others: list[dict[str, Any]] = []
        """What the processes but the first have of their own."""
        self.folder, self.identity, self.signals = folder, identity, signals
        self.every_n_steps, self.every_minutes = every_n_steps, every_minutes
        self.started = self.saved_at = time.monotonic()
        self.saved_step = 0
        self.spent = self.cost = 0.0
        """Seconds that writing has taken, and the last time."""
        self.validating = 0.0
        self.validation_began = 0.0
        self.held: memoryview | None = None
        self.ending: Stopped | None = None
        self.restored: dict[str, Any] | None = None
        self.files: dict[str, int] = {}
        """Of loggers that this process may be without."""

    # What is written, and when

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        self._restore(trainer)
        self.held = None
        if batch_idx % trainer.accumulate_grad_batches:
            return
        step = trainer.global_step
        signal, due, long = self._agreed(
            self.signals.received, self._due(step, epoch_end=batch_idx == 0)
        )
        ends = signal or self.ending is not None
        if step > self.saved_step and (ends or due):
            self.save(trainer)
        if signal:
            self.world.numbers([signal])  # none leaves before the first has all and has written it
            raise Stopped(signal)
        if self.ending is not None:
            raise self.ending
        if long and _validates(trainer, batch_idx):
            with self._counted(trainer):
                self.held = self._serialised(trainer)

    def _agreed(self, signal: int | None, due: bool) -> tuple[int, bool, bool]:
        """The first signal that any process has got, 0 if none; and as the first process's clock
        says, whether a checkpoint is due, and whether validation is long.

        A signal that comes later than this is one of the next step.
        """
        own = (signal or 0, due, self.validating > PATIENCE)
        if self.world.size == 1:
            return own
        told = self.world.numbers(own)
        first = next((number for number, *_ in told if number), 0)
        if first:
            self.signals.hear(first)
        return first, bool(told[0][1]), bool(told[0][2])

    def _due(self, step: int, epoch_end: bool) -> bool:
        steps, since = self.every_n_steps, time.monotonic() - self.saved_at
        if steps and step // steps > self.saved_step // steps:
            return True
        cheap = epoch_end and self.cost < CHEAP * since
        return bool(self.every_minutes and (since >= 60 * self.every_minutes or cheap))

    def end(self, stop: Stopped) -> None:
        """Let the run end before its next batch as by a signal; one that has none is finished."""
        self.ending = stop

    def save(self, trainer: L.Trainer) -> None:
        """Write the present state, durably; a kill within leaves the one before."""
        with self._counted(trainer):
            self._write(self._serialised(trainer))
        self.saved_step, self.saved_at = trainer.global_step, time.monotonic()

    @contextmanager
    def _counted(self, trainer: L.Trainer) -> Iterator[None]:
        began = time.monotonic()
        with clock_stopped(trainer, trainer.lightning_module):
            yield
        self.cost = time.monotonic() - began
        self.spent += self.cost

    def finish(self, trainer: L.Trainer) -> None:
        """Write the state that training ended with. Until there is a result, a run that is killed
        goes on from the one before.
        """
        if self.world.leads:
            self._write(serialised(trainer, weights_only=False))

    def settle(self) -> None:
        """There is a result: nothing goes on from the checkpoints any more."""
        (self.folder / PREVIOUS).unlink(missing_ok=True)

    def _serialised(self, trainer: L.Trainer) -> memoryview:
        """The present state of all processes; of use to the first alone."""
        if self.world.size == 1:
            return serialised(trainer, weights_only=False)
        _, *self.others = self.world.collect(_own(trainer)) or [{}]
        try:
            return serialised(trainer, weights_only=False) if self.world.leads else memoryview(b"")
        finally:
            self.others = []

    def _write(self, content: memoryview) -> None:
        if not self.world.leads:
            return
        last = self.folder / LAST
        waiting = self.folder / f".{LAST}.new"
        try:
            write_whole(waiting, content)
            if last.exists():
                last.replace(self.folder / PREVIOUS)
            waiting.replace(last)
        finally:
            waiting.unlink(missing_ok=True)
        sync_folder(self.folder)

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        loggers = [logger for logger in trainer.loggers if isinstance(logger, Rewindable)]
        if not trainer.training:  # the epoch that was the last, not how many there were
            checkpoint["epoch"] = max(0, trainer.current_epoch - 1)
        checkpoint[KEY] = {
            "schema_version": SCHEMA_VERSION,
            "identity": self.identity,
            "ended": not trainer.training,
            "seconds": time.monotonic() - self.started,
            "random": random_states(),
            "should_stop": trainer.should_stop,
            "watched": {name: float(value) for name, value in trainer.callback_metrics.items()},
            "files": self.files | {k: n for each in loggers for k, n in each.sizes().items()},
            "validating": self.validating,
            "spent": self.spent,
            **({"others": self.others} if self.others else {}),
        }

    # Signals elsewhere than between two training batches

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.signals.install()
        for callback in watchers(trainer):
            _require_plain(callback)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.signals.install()
        self.validation_began = time.monotonic()

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.signals.install()

    def on_validation_batch_start(self, trainer: L.Trainer, *_: Any, **__: Any) -> None:
        if trainer.state.fn != TrainerFn.FITTING:
            self.signals.check()
        elif self.held is not None and self.signals.received is not None:
            self._write(self.held)
            raise Stopped(self.signals.received)

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        # Another process has ended, be it by a signal that this one has not got.
        if self.held is not None and is_lost(exception):
            self._write(self.held)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.validating = time.monotonic() - self.validation_began

    def on_test_batch_start(self, *_: Any, **__: Any) -> None:
        self.signals.check()

    # The way back

    def on_load_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        kept = checkpoint.get(KEY)
        if trainer.state.fn != TrainerFn.FITTING or kept is None:
            return
        loop = checkpoint["loops"]["fit_loop"]
        batches = loop["epoch_loop.batch_progress"]
        # The batch that was about to begin is none that has been: else Lightning counts it twice.
        batches["is_last_batch"] = False
        for counts in (batches["total"], batches["current"]):
            counts["ready"] = counts["completed"]
        task_data(trainer).cursor = (
            loop["epoch_progress"]["current"]["processed"],
            batches["current"]["ready"],
        )
        if not self.world.leads:
            kept = kept | kept["others"][self.world.rank - 1]
            assert isinstance(pl_module, SequenceModule)
            pl_module.carried, pl_module.gathered = kept["carried"], kept["gathered"]
        self.restored, self.files = kept, kept["files"]
        self.started = time.monotonic() - kept["seconds"]
        self.saved_at, self.saved_step = time.monotonic(), int(checkpoint["global_step"])
        self.validating, self.spent = kept["validating"], kept["spent"]

    def _restore(self, trainer: L.Trainer) -> None:
        """At the first batch: whatever was done to get there may have drawn numbers."""
        if self.restored is None:
            return
        restore_random_states(self.restored["random"])
        trainer.should_stop = self.restored["should_stop"]
        watched = self.restored["watched"]
        trainer.callback_metrics.update({k: torch.tensor(v) for k, v in watched.items()})
        # Lightning takes the rest of this epoch for a repetition, and leaves a scheduler that goes
        # by a metric as it is at its end.
        trainer.fit_loop._restarting = False
        for callback in watchers(trainer):
            if isinstance(callback, GradientAccumulationScheduler):
                callback.on_train_epoch_start(trainer)  # an epoch that goes on has no start
            elif isinstance(callback, Throughput) and not self.world.leads:
                callback.load_state_dict(self.restored["clock"])
        task_data(trainer).cursor = (
            0,
            0,
        )  # a loader that is made anew begins at an epoch's first batch
        self.restored = None


def _own(trainer: L.Trainer) -> dict[str, Any]:
    """What a process has that others have not, on the CPU."""
    module = trainer.lightning_module
    assert isinstance(module, SequenceModule)
    own = {
        "random": random_states(),
        "carried": module.carried,
        "gathered": module.gathered_now(),
        "clock": one(watchers(trainer), Throughput).state_dict(),
    }
    moved: dict[str, Any] = move_data_to_device(own, torch.device("cpu"))
    return moved


def _require_plain(callback: Callback) -> None:
    """UserError for a callback whose state no checkpoint could be read with."""
    buffer = io.BytesIO()
    torch.save(callback.state_dict(), buffer)
    buffer.seek(0)
    try:
        torch.load(buffer, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"callbacks: the state_dict() of {type(callback).__name__} holds other than tensors "
            "and plain values: no checkpoint could be read; convert them"
        ) from error


def _validates(trainer: L.Trainer, batch_idx: int) -> bool:
    """Whether validation comes before the next moment at which a checkpoint can be written."""
    every, batches = trainer.val_check_batch, trainer.num_training_batches
    following = range(batch_idx + 1, batch_idx + 1 + trainer.accumulate_grad_batches)
    ends = 0 < trainer.max_steps <= trainer.global_step + 1
    return ends or any(n >= batches or (every and n % every == 0) for n in following)

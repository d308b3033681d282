"""A training that tells a search how it fares, and ends early when it is given up."""

import csv
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn

from seqbench.callbacks.continuation import Continuation
from seqbench.callbacks.lookup import watchers
from seqbench.models.module import SequenceModule
from seqbench.searching.messages import Begun, Validated
from seqbench.signals import Pruned


class Pruning(Callback):
    """Sends each validation to a search, and ends the run, with a checkpoint, if that says so.

    A run ends before the batch that comes next, as by a signal. So one whose last validation this
    was is finished all the same. Without anybody at the other end it trains on.
    """

    def __init__(self, line: "Connection[Any, Any]") -> None:
        self.line = line
        self.count = 0
        self.run: str | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, SequenceModule)
        folder = Path(trainer.default_root_dir)
        earlier = validations(folder / "metrics.csv", pl_module.spec.metric)
        self.run, self.count = str(folder), len(earlier)
        if trainer.is_global_zero:
            self.line.send(Begun(self.run, earlier))

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.state.fn != TrainerFn.FITTING:
            return
        assert isinstance(pl_module, SequenceModule)
        self.count += 1
        value = float(pl_module.results["val"][pl_module.spec.metric])
        share = trainer.global_step / trainer.estimated_stepping_batches
        asked = self._ask(Validated(self.count, value, share)) if trainer.is_global_zero else None
        reason = trainer.strategy.broadcast(asked)
        if reason is not None:
            for callback in watchers(trainer):
                if isinstance(callback, Continuation):
                    callback.end(Pruned(reason))

    def _ask(self, validated: Validated) -> str | None:
        try:
            self.line.send(validated)
            answer: str | None = self.line.recv()
        except (EOFError, OSError):  # the search has died, and a signal comes
            return None
        return answer


def validations(path: Path, metric: str) -> tuple[float, ...]:
    """The task's metric on validation, from the first one after a step, of a ``metrics.csv``."""
    if not path.exists():
        return ()
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            float(row["value"])
            for row in csv.DictReader(file)
            if (row["split"], row["name"]) == ("val", metric) and row["step"] != "0"
        )

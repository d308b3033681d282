"""The best checkpoint by the task's metric."""

import io
import math
import time
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint
from pydantic import PositiveFloat, PositiveInt

from seqbench.callbacks.throughput import clock_stopped
from seqbench.files import write_whole
from seqbench.models.module import SequenceModule

BEST = "best.ckpt"


class BestCheckpoint(Checkpoint):
    """Saves ``best.ckpt``, to predict with, when validation is better than ever before.

    Of two equal metrics the one with the lower validation loss is better.

    every_n_steps, every_minutes: see Continuation, which writes ``last.ckpt`` as they say.

    ``best`` tells the epoch and step of the best checkpoint, its metrics, slices and reports.
    """

    def __init__(
        self,
        folder: str,
        metric: str,
        mode: Literal["max", "min"],
        *,
        every_n_steps: PositiveInt | None = None,
        every_minutes: PositiveFloat | None = 5.0,
    ) -> None:
        self.folder = Path(folder)
        self.every_n_steps, self.every_minutes = every_n_steps, every_minutes
        self.metric = metric
        self.sign = 1 if mode == "max" else -1
        self.best: dict[str, Any] = {}
        self.step = 0
        """At which it was last asked whether it is the best."""
        self.spent = 0.0
        """Seconds that writing has taken."""

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        assert isinstance(pl_module, SequenceModule)
        self.consider(trainer, pl_module, trainer.current_epoch)

    def consider(self, trainer: L.Trainer, module: SequenceModule, epoch: int) -> None:
        """Save the module if its validation results, of this epoch, are the best so far."""
        values, self.step = module.results["val"], trainer.global_step
        wanted = (self.sign * values[self.metric], -values["loss"])
        rank = [-math.inf if math.isnan(value) else value for value in wanted]
        if not self.best or rank > self.best["rank"]:
            self.best = {
                "rank": rank,
                "epoch": epoch,
                "step": trainer.global_step,
                "metrics": {"train": {}, "val": dict(values)},
                "slices": {"train": {}, "val": module.slices["val"]},
                "reports": {"train": {}, "val": module.reports["val"]},
            }
            began = time.monotonic()
            if trainer.is_global_zero:
                with clock_stopped(trainer, module):
                    write_whole(self.folder / BEST, serialised(trainer, weights_only=True))
            self.spent += time.monotonic() - began

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, SequenceModule)
        self.complete(pl_module, trainer.current_epoch)

    def complete(self, module: SequenceModule, epoch: int) -> None:
        """Add the training metrics of this epoch, if it is the best one's."""
        if self.best and self.best["epoch"] == epoch:
            self.best["metrics"]["train"] = dict(module.results["train"])
            self.best["slices"]["train"] = module.slices["train"]
            self.best["reports"]["train"] = module.reports["train"]

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "spent": self.spent}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.spent = state_dict["best"], state_dict["spent"]


def serialised(trainer: L.Trainer, *, weights_only: bool) -> memoryview:
    """A checkpoint of the present state, as the bytes of its file.

    weights_only: nothing but what it takes to predict.
    """
    buffer = io.BytesIO()
    torch.save(trainer._checkpoint_connector.dump_checkpoint(weights_only), buffer)
    return buffer.getbuffer()

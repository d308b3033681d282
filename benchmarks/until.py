"""seqbench's training until it passes a test: a callback, given on the command line."""

import json
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn

from seqbench.batch import IGNORE
from seqbench.datamodules.base import TaskData
from seqbench.models.module import SequenceModule


class Perfect(Callback):
    """Ends a training with the first epoch after which the test accuracy is 1.0000.

    It writes to ``path``, as JSON, the ``seconds`` of training and ``epochs`` so far, and whether
    the accuracy was ``reached``. Validations and tests are not timed; all else is, from the start
    of the first epoch on. Validation must come once an epoch.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.seconds = self.since = 0.0
        self.epochs = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.seconds, self.since = 0.0, _now()  # a validation came before

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.seconds += _now() - self.since

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.state.fn != TrainerFn.FITTING:
            return
        self.epochs += 1
        reached = round(_accuracy(trainer, pl_module), 4) == 1
        seen = {"seconds": self.seconds, "epochs": self.epochs, "reached": int(reached)}
        self.path.write_text(json.dumps(seen), "utf-8")
        trainer.should_stop = reached
        self.since = _now()


def _accuracy(trainer: L.Trainer, module: L.LightningModule) -> float:
    """On the split ``test``, of labels."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, TaskData)
    assert isinstance(module, SequenceModule)
    right = total = 0
    for each in data.loader("test"):
        batch = module.transfer_batch_to_device(each, module.device, 0)
        counts = batch.targets != IGNORE
        right += int((module(batch).argmax(-1) == batch.targets)[counts].sum())
        total += int(counts.sum())
    return right / total


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()

"""The best checkpoint by the task's metric, and the last."""

from pathlib import Path
from typing import Any, Literal

import lightning as L
from lightning.pytorch.callbacks import Checkpoint

from seqbench.models.module import SequenceModule


class BestCheckpoint(Checkpoint):
    """Saves ``best.ckpt`` when validation is better than ever before, and ``last.ckpt`` each epoch.

    Of two equal metrics the one with the lower validation loss is better.

    ``best`` tells the epoch and step of the best checkpoint, its metrics, slices and reports.
    """

    def __init__(self, folder: str, metric: str, mode: Literal["max", "min"]) -> None:
        self.folder = Path(folder)
        self.metric = metric
        self.sign = 1 if mode == "max" else -1
        self.best: dict[str, Any] = {}

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        assert isinstance(pl_module, SequenceModule)
        self.consider(trainer, pl_module, trainer.current_epoch)

    def consider(self, trainer: L.Trainer, module: SequenceModule, epoch: int) -> None:
        """Save the module if its validation results, of this epoch, are the best so far."""
        values = module.results["val"]
        rank = [self.sign * values[self.metric], -values["loss"]]
        if not self.best or rank > self.best["rank"]:
            self.best = {
                "rank": rank,
                "epoch": epoch,
                "step": trainer.global_step,
                "metrics": {"train": {}, "val": dict(values)},
                "slices": {"train": {}, "val": module.slices["val"]},
                "reports": {"train": {}, "val": module.reports["val"]},
            }
            trainer.save_checkpoint(self.folder / "best.ckpt")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, SequenceModule)
        self.complete(pl_module, trainer.current_epoch)
        trainer.save_checkpoint(self.folder / "last.ckpt")

    def complete(self, module: SequenceModule, epoch: int) -> None:
        """Add the training metrics of this epoch, if it is the best one's."""
        if self.best and self.best["epoch"] == epoch:
            self.best["metrics"]["train"] = dict(module.results["train"])
            self.best["slices"]["train"] = module.slices["train"]
            self.best["reports"]["train"] = module.reports["train"]

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]

"""What a network makes of a few validation rows, as text, while it trains."""

import logging
from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn
from pydantic import PositiveInt
from torch import Tensor

from seqbench.batch import IGNORE, Batch
from seqbench.callbacks.loggers import TensorBoard
from seqbench.callbacks.progress import epoch
from seqbench.datamodules.raw import steps_of, text_of, text_of_steps
from seqbench.models.module import SequenceModule
from seqbench.spec import WRITTEN, TaskSpec

log = logging.getLogger(__name__)


class Decoded(Callback):
    """Logs the likeliest labels of the first validation rows: ``hello -> ohlol``.

    In TensorBoard it is the text ``decoded/val``. It draws no random number and changes nothing
    of the network.

    every_n_epochs: of training; the last epoch is always shown. rows: how many, of the first
    batch.
    """

    def __init__(self, *, every_n_epochs: PositiveInt = 1, rows: PositiveInt = 4) -> None:
        self.every_n_epochs, self.rows = every_n_epochs, rows
        self.page, self.step = "", 0
        """The last one, which TensorBoard may have been spared."""

    def state_dict(self) -> dict[str, Any]:
        return {"page": self.page, "step": self.step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.page, self.step = state_dict["page"], state_dict["step"]

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoard) and self.page:
                logger.text("decoded/val", self.page, self.step, last=True)

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        number = trainer.current_epoch + 1
        due = number % self.every_n_epochs == 0 or number == trainer.max_epochs
        if batch_idx or not due or trainer.state.fn != TrainerFn.FITTING:
            return
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, SequenceModule)
        # As a whole: a row's prediction must not depend on how many are shown.
        predicted = pl_module(batch).argmax(-1)
        lines = decoded(pl_module.spec, batch, predicted)[: self.rows]
        for line in lines:
            log.info(
                "%s  %s",
                epoch(trainer),
                line,
                extra={"shown": ("lines", "bar")},
            )
        self.page, self.step = "\n".join(lines), pl_module.global_step
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoard):
                logger.text("decoded/val", self.page, self.step)


def decoded(spec: TaskSpec, batch: Batch, predicted: Tensor) -> list[str]:
    """Each row of a batch, and what is predicted of it: ``hello -> ohlol``.

    predicted: ``(B,)`` or ``(B, T)``, as the targets are.
    """
    labels = spec.vocabulary if spec.kind in WRITTEN else spec.labels
    lines = []
    for row, length in enumerate(batch.lengths.tolist()):
        inputs = batch.inputs[row]
        source = (
            text_of_steps(spec, steps_of(spec, inputs[:length]))
            if inputs.dim()
            else spec.labels[int(inputs)]
        )
        answer = predicted[row]
        if answer.dim():
            answer = answer[torch.as_tensor(batch.targets[row] != IGNORE)]
        lines.append(f"{source} -> {_text(spec, labels, answer.reshape(-1))}")
    return lines


def _text(spec: TaskSpec, names: Sequence[str], ids: Tensor) -> str:
    """Names by id, or the ids themselves; letters without a space between."""
    return text_of(spec, [names[i] if names else str(i) for i in ids.tolist()])

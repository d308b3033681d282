"""Texts that a network writes while it is trained."""

import logging
import re
import textwrap
from collections.abc import Sequence
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from pydantic import NonNegativeInt, PositiveInt

from seqbench.batch import Batch
from seqbench.callbacks.loggers import TensorBoard
from seqbench.callbacks.progress import epoch
from seqbench.callbacks.throughput import clock_stopped
from seqbench.choice import Choice
from seqbench.datamodules.texts.encoder import UNKNOWN_ID
from seqbench.errors import UserError
from seqbench.models.module import SequenceModule
from seqbench.models.network import Network
from seqbench.spec import TaskSpec
from seqbench.writing import Author, heading_of

log = logging.getLogger(__name__)

WORDS, CHARACTERS, LABELS = 5, 20, 3
"""Of the validation text, or of the labels, to begin with where no prompt or label is given."""

COLUMNS = 100


class Samples(Callback):
    """Writes to TensorBoard's TEXT page, under ``samples``; the first one also to the log.

    every_n_epochs, every_n_steps: when; None never. prompts: what the texts begin with; none: the
    start mark or, where a task has none, the first words of its validation text. labels: of what
    to write, where a task has labels; none: the first few. length, temperature, top_k, top_p,
    uniform, num_samples, seed: see ``Trained.generate``.

    Training is not changed by it: the samples have random numbers of their own.

    Raises UserError as ``Trained.generate`` does, before the training.
    """

    def __init__(
        self,
        spec: TaskSpec,
        *,
        every_n_epochs: PositiveInt | None = 1,
        every_n_steps: PositiveInt | None = None,
        prompts: list[str] | None = None,
        labels: list[str] | None = None,
        length: PositiveInt = 100,
        num_samples: PositiveInt = 2,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        uniform: bool = False,
        seed: NonNegativeInt = 0,
    ) -> None:
        try:
            self.author = Author(spec)
            self.choice = Choice(temperature, top_k, top_p, uniform)
            self.labels: Sequence[str | None] = labels or (
                spec.labels[:LABELS] if spec.kind == "write" else [None]
            )
            self.prompts: Sequence[str | None] = prompts or [None]
            for prompt in prompts or ():
                self.author.start(prompt, self.labels[0])
            for label in labels or ():
                self.author.start(prompts[0] if prompts else None, label)
        except UserError as error:
            raise UserError(f"callbacks.samples: {error}") from error
        self.begins = not prompts and spec.start_id is None
        self.one_line = spec.end_id is not None
        self.every_n_epochs, self.every_n_steps = every_n_epochs, every_n_steps
        self.length, self.num_samples, self.seed = length, num_samples, seed
        self.written = 0
        self.page = ""
        """The last one, which TensorBoard may have been spared."""

    def state_dict(self) -> dict[str, Any]:
        return {
            "written": self.written,
            "page": self.page,
            "begins": self.begins,
            "prompts": [*self.prompts],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.written, self.page = state_dict["written"], state_dict.get("page", "")
        if self.begins and not state_dict["begins"]:
            self.begins, self.prompts = False, state_dict["prompts"]

    def on_validation_batch_start(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self.begins:
            length = int(batch.lengths[0])
            ids = batch.inputs[0, :length].tolist()
            self.prompts = [self._beginning(ids, stream=batch.reset is not None)]
            self.begins = False

    def _beginning(self, ids: list[int], stream: bool) -> str | None:
        """The first known words of a text; of one that has none, a line or the commonest token.

        ids: of the text, at least half of which is left to be written. stream: it may begin within
        a word.
        """
        tokens, end = self.author.tokens, self.author.tokens.end
        known = [i for i in ids if i > UNKNOWN_ID and i != end]
        most = WORDS
        if tokens.level == "char":
            most = CHARACTERS
        if tokens.level == "char" and stream:
            text = "".join(tokens.vocabulary[i] for i in known)
            words = re.split(r"\s", text, maxsplit=1)[-1].lstrip()
            known = known[len(known) - len(words) :]
        prompt = tokens.text(known[: min(most, max(1, len(ids) // 2))])
        try:
            self.author.start(prompt)
        except UserError:
            return None if end is not None else tokens.vocabulary[UNKNOWN_ID + 1]
        return prompt

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        step = trainer.global_step
        if self.every_n_steps and step % self.every_n_steps == 0 and step > self.written:
            with clock_stopped(trainer, pl_module):
                self._write(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.every_n_epochs and (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._write(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoard) and self.page:
                logger.text("samples", self.page, self.written, last=True)

    def _write(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        assert isinstance(module, SequenceModule)
        self.written = trainer.global_step
        if not trainer.is_global_zero:
            return
        training = module.training
        module.eval()
        try:
            shown = self._samples(module.network)
        finally:
            module.train(training)
        log.info(
            "%s  step %d  sample: %s",
            epoch(trainer),
            trainer.global_step,
            textwrap.shorten(shown[0], COLUMNS),
            extra={"shown": ("lines", "bar")},
        )
        self.page = "\n".join(
            "\n".join([*self._heading(n), *(textwrap.fill(s, COLUMNS) for s in text.splitlines())])
            for n, text in enumerate(shown, start=1)
        )
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoard):
                logger.text("samples", self.page, trainer.global_step)

    def _samples(self, network: Network) -> list[str]:
        return [
            f"{label}: {sample.text}" if label else sample.text
            for label in self.labels
            for prompt in self.prompts
            for sample in self.author.write(
                network,
                self.choice,
                prompt,
                label,
                length=self.length,
                num_samples=self.num_samples,
                seed=self.seed,
            )
        ]

    def _heading(self, number: int) -> list[str]:
        """What stands before a text; one that ends with its line needs nothing."""
        return [] if self.one_line else [heading_of(number)]

"""How far back the gradient reaches, epoch by epoch."""

import logging
import math
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from pydantic import PositiveInt

from seqbench import curves, figures, gradients, pictures
from seqbench.batch import Batch
from seqbench.callbacks.loggers import TensorBoard
from seqbench.callbacks.lookup import task_data
from seqbench.callbacks.throughput import clock_stopped
from seqbench.curves import Gradients, Measurement
from seqbench.errors import UserError
from seqbench.models.module import SequenceModule
from seqbench.models.network import Network
from seqbench.runs import Run
from seqbench.spec import TaskSpec

log = logging.getLogger(__name__)

SPLIT = "val"


class GradientCurves(Callback):
    """Measures ``dL/ds_t`` by T - t on fixed validation rows, before training and while it goes on.

    Writes ``gradients.json`` into the run directory (see ``seqbench.curves``); to TensorBoard the
    numbers ``gradients/...``: powers of ten from the last step to the first and spectral radii, and
    the picture so far, under IMAGES. Training is not changed by it.

    every_n_epochs: of training; its end is always measured. rows: of validation, see
    ``TaskData.probe``. picture: whether to draw, for which matplotlib is needed.

    Raises UserError, before the training, for a network that cannot be measured (see
    ``seqbench.gradients.measure``) and where matplotlib is missing.
    """

    file = curves.FILE

    def __init__(
        self,
        folder: str,
        spec: TaskSpec,
        network: Network,
        *,
        every_n_epochs: PositiveInt = 1,
        rows: PositiveInt = 32,
        picture: bool = True,
    ) -> None:
        try:
            gradients.require_measurable(network, spec)
            if picture:
                figures.require_matplotlib(", or callbacks.gradients.picture=false")
        except UserError as error:
            raise UserError(f"callbacks.gradients: {error}") from error
        self.run = Run(Path(folder).parent)
        self.every_n_epochs, self.rows, self.picture = every_n_epochs, rows, picture
        self.batch: Batch | None = None
        self.measured: list[Measurement] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        path = self.run.path / self.file
        if trainer.global_step and path.exists():  # an interrupted training goes on
            try:
                before = Gradients.read(path).measurements
            except UserError as error:
                log.warning("%s; the curves begin here", error)
            else:
                self.measured = [each for each in before if each.step <= trainer.global_step]
                return
        self._measure(trainer, pl_module, trainer.current_epoch)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._measure(trainer, pl_module, trainer.current_epoch + 1)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._measure(trainer, pl_module, trainer.current_epoch)
        if trainer.is_global_zero:
            self._show(trainer, Gradients.read(self.run.path / self.file), last=True)

    def _measure(self, trainer: L.Trainer, module: L.LightningModule, epoch: int) -> None:
        step = trainer.global_step
        if (self.measured and self.measured[-1].step == step) or not trainer.is_global_zero:
            return
        assert isinstance(module, SequenceModule)
        with clock_stopped(trainer, module):
            if self.batch is None:
                self.batch = task_data(trainer).probe(SPLIT, self.rows)
            found = gradients.measure(module.network, module.spec, self.batch, epoch, step)
            self.measured.append(found)
            content = Gradients.of(SPLIT, len(self.batch.lengths), self.measured)
            self.run.write_json(self.file, content.to_dict())
            self._show(trainer, content)

    def _show(self, trainer: L.Trainer, content: Gradients, last: bool = False) -> None:
        found = content.measurements[-1]
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoard):
                logger.log_metrics(scalars(found), found.step)
                if self.picture:
                    logger.image("gradients", partial(_drawn, content), found.step, last)


def _drawn(content: Gradients) -> Any:
    """The picture so far, as pixels: the parts of all layers, one below another."""
    shown = [
        panel
        for layer in range(content.depth)
        for panel in pictures.panels(
            f"layer {layer + 1}" if content.depth > 1 else "state",
            content,
            layer,
            content.parts(layer),
        )
    ]
    return figures.pixels(pictures.draw(shown, across=1))


def scalars(found: Measurement) -> dict[str, float]:
    """What TensorBoard gets of a measurement: finite numbers, by tag.

    ``gradients/log10_ratio_h``, ``gradients/step_radius`` and ``gradients/radius_W_hh``, with
    ``layer_2/`` and so on in between where there are several layers.
    """
    values = {}
    for number, layer in enumerate(found.layers, start=1):
        place = f"gradients/layer_{number}/" if len(found.layers) > 1 else "gradients/"
        for part in layer.norms:
            values[f"{place}log10_ratio_{part}"] = layer.log10_ratio(part)
        values[f"{place}step_radius"] = layer.step_radius
        for name, radius in layer.weight_radii.items():
            values[f"{place}radius_{name}"] = radius
    return {name: value for name, value in values.items() if math.isfinite(value)}

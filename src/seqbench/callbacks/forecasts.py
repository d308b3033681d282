"""Forecasts drawn against truth, while a network trains."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from lightning.pytorch.callbacks import Callback
from pydantic import PositiveInt

from seqbench import figures
from seqbench.batch import Batch
from seqbench.callbacks.loggers import TensorBoard
from seqbench.callbacks.lookup import task_data
from seqbench.callbacks.throughput import clock_stopped
from seqbench.datamodules.features import Numbers
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

FILE = "forecasts.svg"
SHORTEST = 50
"""Steps of history that are drawn at least; and three times as many as are forecast."""


class Forecasts(Callback):
    """Draws forecasts of validation windows against truth, of the first target alone.

    To TensorBoard's IMAGES, as ``forecasts``, and when training ends to ``forecasts.svg`` in the
    run directory. Training is not changed by it. Without matplotlib nothing is drawn, and the log
    says so.

    every_n_epochs: of training; its end is always drawn. windows: how many, evenly over the split.

    Raises UserError for a task of another kind.
    """

    def __init__(
        self,
        folder: str,
        spec: TaskSpec,
        *,
        every_n_epochs: PositiveInt = 1,
        windows: PositiveInt = 6,
    ) -> None:
        if spec.kind != "regress":
            raise UserError("callbacks.forecasts is for tasks that give numbers; leave it out")
        self.path = Path(folder).parent / FILE
        self.every_n_epochs, self.windows = every_n_epochs, windows
        self.spec = spec
        self.batch: Batch | None = None

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        try:
            figures.require_matplotlib()
        except UserError as error:
            log.info("no forecasts are drawn: %s", error)
            return
        val = task_data(trainer).splits["val"]
        rows = np.linspace(0, len(val) - 1, min(self.windows, len(val))).astype(np.int64)
        self.batch = val[rows]

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._show(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._show(trainer, pl_module, last=True)
        if self.batch is not None:
            said = self._said(trainer, pl_module, self.batch)
            figures.save(draw(self.spec, self.batch, said), self.path)

    def _show(self, trainer: L.Trainer, module: L.LightningModule, last: bool = False) -> None:
        if self.batch is None:
            return
        batch = self.batch

        def drawn() -> Any:
            said = self._said(trainer, module, batch)
            return figures.pixels(draw(self.spec, batch, said, across=1))

        with clock_stopped(trainer, module):
            for logger in trainer.loggers:
                if isinstance(logger, TensorBoard):
                    logger.image("forecasts", drawn, trainer.global_step, last)

    def _said(self, trainer: L.Trainer, module: L.LightningModule, batch: Batch) -> Numbers:
        """The forecasts, ``(B, O)``."""
        training = module.training
        module.eval()
        with torch.no_grad():
            said = module(move_data_to_device(batch, module.device)).float().cpu().numpy()
        module.train(training)
        found: Numbers = said
        return found


def draw(spec: TaskSpec, batch: Batch, said: Numbers, across: int = 3) -> "Figure":
    """A panel a window: the first target's history, what followed it, and the forecast.

    said: ``(B, O)`` as the network gives it. All is drawn in the data's own units. across: panels
    in a row at most.
    """
    from matplotlib.figure import Figure

    encoding = spec.encoding
    names: Sequence[str] = encoding["targets"]
    column = encoding["columns"].index(names[0])
    center, scale = encoding["center"][column], encoding["scale"][column]
    # Of a long history the end, or nothing could be seen of what follows it.
    shown = max(SHORTEST, 3 * len(spec.outputs) // len(names))
    past = batch.inputs[:, -shown:, column].numpy() * scale + center
    truth, answer = (values[:, :: len(names)] * scale + center for values in (batch.targets, said))
    count = len(past)
    columns = min(across, count)
    rows = -(-count // columns)
    size = (1 + 2.6 * columns, 0.6 + (1.7 if columns > 1 else 1.05) * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid: Any = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    before, after = np.arange(1 - past.shape[1], 1), np.arange(1, truth.shape[1] + 1)
    for place, axes in enumerate(grid.flat):
        if place >= count:
            axes.set_visible(False)
            continue
        axes.plot(before, past[place], color="0.6", linewidth=1.2, label="history")
        axes.plot(after, truth[place], color="black", linewidth=1.4, label="truth")
        marker = "o" if truth.shape[1] <= 12 else ""
        style: Any = {"color": "#d55e00", "linestyle": "--", "marker": marker, "markersize": 3}
        axes.plot(after, answer[place], linewidth=1.4, label="forecast", **style)
        axes.axvline(0.5, color="0.8", linewidth=0.8)
        axes.tick_params(labelsize=8, labelbottom=place + columns >= count)
    lines = grid[0, 0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside upper right", ncols=3, fontsize=8, frameon=False)
    figure.supxlabel("steps from now", fontsize=10)
    more = f" (of {len(names)} targets)" if len(names) > 1 else ""
    figure.supylabel(f"{names[0]}{more}", fontsize=10, parse_math=False)
    return figure

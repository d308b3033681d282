"""What TensorBoard gets of a run that is over: its entry in HPARAMS, tables, pictures, examples."""

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import lightning as L
import torch

from seqbench import cards, examples, figures
from seqbench.callbacks import hparams, markdown
from seqbench.callbacks.checkpoint import BEST
from seqbench.callbacks.loggers import TensorBoard
from seqbench.examples import Examples
from seqbench.metrics import Report
from seqbench.runs import Run
from seqbench.training import Training, boards

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = 30
"""Classes, or types of spans, up to which there is a table of them."""


def conclude(training: Training, trainer: L.Trainer, run: Run, result: dict[str, Any]) -> None:
    """All of it. What was not tested has no more than columns in HPARAMS."""
    splits = [split for split in result["metrics"] if split != "train"]
    for board in boards(trainer):
        names = [*result["metrics"]["val"]]
        shown = hparams.columns(result["metric"], names, ["val", *training.data.tests])
        board.enter(training.config, shown)
    add(training, trainer, run, result, splits)


def add(
    training: Training,
    trainer: L.Trainer,
    run: Run,
    result: dict[str, Any],
    splits: Collection[str],
) -> None:
    """What there is of these splits, measured by the best checkpoint."""
    found = boards(trainer)
    rows = _examples(training, trainer, run, splits) if found else {}
    step = result["best_step"]
    for board in found:
        board.finals({split: result["metrics"][split] for split in splits})
        for split in splits:
            _tables(board, split, result["reports"][split], step)
            _lengths(board, split, result["slices"][split].get("length", {}), step)
            if example := rows.get(split):
                board.page(f"examples/{split}", markdown.examples(example), step)
        board.experiment.close()


def _tables(board: TensorBoard, split: str, report: Report, step: int) -> None:
    if 0 < len(report.get("classes", ())) <= CLASSES:
        board.page(f"tables/confusion/{split}", markdown.confusion(report), step)
        _picture(board, f"{split}/confusion", partial(cards.confusion, report), step)
    if 0 < len(report.get("spans", ())) <= CLASSES:
        board.page(f"tables/spans/{split}", markdown.spans(report), step)


def _lengths(
    board: TensorBoard, split: str, slices: dict[str, dict[str, float]], step: int
) -> None:
    if len(slices) < 2:
        return
    board.page(f"tables/accuracy_by_length/{split}", markdown.by_length(slices), step)
    titles = [markdown.up_to(bound) for bound in slices]
    draw = partial(cards.by_length, slices, titles)
    _picture(board, f"{split}/accuracy_by_length", draw, step)


def _picture(board: TensorBoard, tag: str, draw: Callable[[], "Figure"], step: int) -> None:
    if figures.has_matplotlib():
        board.image(tag, lambda: figures.pixels(draw()), step)


def _examples(
    training: Training, trainer: L.Trainer, run: Run, splits: Collection[str]
) -> dict[str, Examples | None]:
    module, data = training.module, training.data
    if module.spec.kind not in examples.KINDS:
        return {}
    best = torch.load(run.checkpoints / BEST, map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    module.to(trainer.strategy.root_device).eval()
    precision = trainer.precision_plugin
    return {
        split: examples.find(module, data.loader(split), precision.forward_context())
        for split in splits
    }

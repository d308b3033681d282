"""A few rows of a split with what a trained network makes of them: the worst, and some others."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from torch import Tensor
from torch.utils.data import DataLoader

from seqbench.batch import IGNORE, Batch
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.raw import steps_of, text_of, text_of_steps
from seqbench.datamodules.sampling import BucketSampler, batches_of_tokens
from seqbench.models.module import SequenceModule
from seqbench.predictions import Prediction, prediction, with_room
from seqbench.spec import Kind, TaskSpec

KINDS: tuple[Kind, ...] = ("classify", "tag", "transduce")
"""Of tasks whose rows are right or wrong."""

ROWS = 2_000
"""Of a split that are looked at: the same ones in every run on the same data."""

WORST, DRAWN = 10, 5

TOKENS = 50_000
"""Steps of a batch, padding included."""

Forward = AbstractContextManager[Any]


@dataclass(frozen=True)
class Example:
    """One row. steps: its tokens or numbers, as text. true: the label, one for each step, or the
    text that it should become. loss: how wrong the network is, see ``find``."""

    steps: Sequence[str]
    text: str
    true: str | list[str]
    found: Prediction
    loss: float

    @property
    def right(self) -> bool:
        return self.found.label == self.true


@dataclass(frozen=True)
class Examples:
    """worst: mistakes, that of the highest loss first. drawn: at random. Of ``seen`` rows that were
    looked at, of the split's ``rows``."""

    rows: int
    seen: int
    worst: list[Example] = field(default_factory=list)
    drawn: list[Example] = field(default_factory=list)


def find(module: SequenceModule, loader: DataLoader[Batch], forward: Forward) -> Examples | None:
    """Examples of a split; None where its rows cannot be asked for one by one.

    A row's loss is that of its label, or of its steps' labels on average; of a sequence that
    becomes another, the mean log probability of the network's own answer.

    module: in the state and on the device that it is to be used in. loader: of the split. forward:
    the precision to run the network in.
    """
    order = loader.sampler
    if module.spec.kind not in KINDS or not isinstance(order, BucketSampler):
        return None
    data: Any = loader.dataset
    chosen = np.random.default_rng(0).permutation(len(order.lengths))[:ROWS]
    widths = np.asarray(order.lengths)[chosen]
    if isinstance(data, Ragged) and data.steps:
        widths = np.maximum(widths, data.steps)
    losses, wrong = np.full(len(chosen), np.nan), np.zeros(len(chosen), bool)
    with forward, torch.inference_mode():
        for places in batches_of_tokens(widths, TOKENS):
            batch = data[order.named(chosen[places])]
            losses[places], wrong[places] = _judged(module, batch)
        worst = np.argsort(np.where(wrong, -losses, np.inf), kind="stable")[:WORST]
        worst = worst[wrong[worst]]
        others = np.setdiff1d(np.flatnonzero(~np.isnan(losses)), worst)[:DRAWN]
        shown = [*worst, *others]
        rows = (
            _rows(module, data[order.named(chosen[shown])], losses[shown].tolist()) if shown else []
        )
    return Examples(len(order.lengths), len(chosen), rows[: len(worst)], rows[len(worst) :])


def _judged(
    module: SequenceModule, batch: Batch
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Of each row its loss, nan of one without a label, and whether anything of it is wrong."""
    moved = move_data_to_device(batch, module.device)
    logits, rows = module(moved).double(), len(moved.targets)
    targets = moved.targets.reshape(rows, -1)
    logs = logits.reshape(rows, targets.shape[1], -1).log_softmax(-1)
    said = logs.argmax(-1)
    counted = targets != IGNORE
    own = module.spec.kind == "transduce"
    asked = said if own else targets.clamp(min=0)
    expected = logs.gather(-1, asked.unsqueeze(-1)).squeeze(-1)
    sums = (expected if own else -expected).where(counted, 0.0).sum(1)
    wrong = ((said != targets) & counted).any(1)
    return (sums / counted.sum(1)).cpu().numpy(), wrong.cpu().numpy()


def _rows(module: SequenceModule, batch: Batch, losses: Sequence[float]) -> list[Example]:
    spec = module.spec
    asked = move_data_to_device(with_room(spec, batch), module.device)
    shares = module(asked).float().softmax(-1).cpu().numpy()
    rows = []
    for i, length in enumerate(batch.lengths.tolist()):
        steps = steps_of(spec, batch.inputs[i, :length])
        found = prediction(spec, shares[i], length, length, 0)
        true = _true(spec, batch.targets[i])
        if isinstance(found.label, list):  # a step without a label has none that is wrong
            counted = (batch.targets[i, :length] != IGNORE).tolist()
            found = replace(found, label=[*compress(found.label, counted)])
        rows.append(Example(steps, text_of_steps(spec, steps), true, found, losses[i]))
    return rows


def _true(spec: TaskSpec, target: Tensor) -> str | list[str]:
    """What stands for a row's target ``()`` or ``(T,)``."""
    ids = [i for i in target.reshape(-1).tolist() if i != IGNORE]
    if spec.kind == "transduce":
        ids = ids[: ids.index(spec.end_id)] if spec.end_id in ids else ids
    names = [spec.labels[i] if spec.labels else str(i) for i in ids]
    if spec.kind == "transduce":
        return text_of(spec, names)
    return names if target.dim() else names[0]

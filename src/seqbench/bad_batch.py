"""``bad_batch.pt``: the batch at which a training's numbers ceased to be finite.

Plain tensors and numbers, so that ``torch.load(path, weights_only=True)`` reads it without
seqbench; all on the CPU.

    step, epoch     the step that was not made, from 1 as in metrics.csv; the epoch, from 0
    number          of the batch in its epoch, from 0
    rows            of the training split, (B,), where they are known; else None
    message, loss   what was wrong; the loss a label
    inputs, lengths, targets, target_lengths, reset, stand_in    see ``seqbench.batch.Batch``
    state           carried into it, of a language model: a list of tensors a layer and direction
    network         the weights that met it, a state dict
"""

import io
from copy import copy
from itertools import islice
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from seqbench.batch import Batch
from seqbench.datamodules.sampling import BucketSampler, StandIn
from seqbench.files import write_whole
from seqbench.models.finite import NotFiniteError
from seqbench.models.module import SequenceModule

FILE = "bad_batch.pt"


def save(path: Path, error: NotFiniteError, trainer: L.Trainer, module: SequenceModule) -> None:
    """Write the file, whole or not at all; OSError where that is not possible."""
    taken = error.taken
    content: dict[str, Any] = {
        "schema_version": 1,
        "step": trainer.global_step + 1,
        "epoch": trainer.current_epoch,
        "number": taken.number,
        "rows": _rows(trainer.train_dataloader, taken.number, taken.batch),
        "message": str(error),
        "loss": float(taken.loss),
        **{name: _alone(part) for name, part in taken.batch._asdict().items()},
        "state": taken.state and [[_alone(part) for part in cell] for cell in taken.state],
        "network": {name: _alone(part) for name, part in module.network.state_dict().items()},
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getbuffer())


def _alone(part: Tensor | None) -> Tensor | None:
    """On the CPU, without what it may be a part of."""
    return None if part is None else part.detach().to("cpu", copy=True).contiguous()


def _rows(loader: Any, index: int, batch: Batch) -> Tensor | None:
    """The rows of the split that make this batch, if those of the sampler's order do."""
    if not isinstance(loader, DataLoader) or not isinstance(loader.sampler, BucketSampler):
        return None
    order = copy(loader.sampler)
    order.start = 0
    rows = next(islice(order, index, None), None)
    if rows is None or isinstance(rows, StandIn):
        return None
    again: Batch = loader.dataset[rows]
    same = torch.equal(again.lengths, batch.lengths.cpu())
    same = same and torch.equal(again.targets, batch.targets.cpu())
    return torch.as_tensor(rows) if same else None

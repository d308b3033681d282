"""What ends a training by its numbers or its size, told in one line with what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning as L
import torch

from seqbench.bad_batch import FILE, save
from seqbench.batch import Batch
from seqbench.budget import width_key
from seqbench.config import Node
from seqbench.errors import RunError
from seqbench.models.finite import NotFiniteError, in_order
from seqbench.models.module import SequenceModule

NO_MEMORY = re.compile(
    "DefaultCPUAllocator: (can't allocate|not enough) memory|Storage size calculation overflowed"
    "|std::bad_alloc|CUDA error: out of memory|_STATUS_ALLOC_FAILED|MPS backend out of memory"
)
"""How torch says it where it has no exception of its own for it."""

STAGES = {"train": "training", "val": "validation"}


@contextmanager
def explained(trainer: L.Trainer, module: SequenceModule, config: Node) -> Iterator[None]:
    """A RunError for numbers that are not finite, and for too little memory.

    The batch of the former is kept in the run directory (see ``seqbench.bad_batch``).
    """
    try:
        yield
    except NotFiniteError as error:
        raise RunError(_not_finite(error, trainer, module)) from error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise RunError(out_of_memory(str(error), module.at, config)) from error


def _not_finite(error: NotFiniteError, trainer: L.Trainer, module: SequenceModule) -> str:
    path = Path(trainer.default_root_dir) / FILE
    try:
        save(path, error, trainer, module)
    except OSError as reason:
        kept = f"its batch could not be saved ({reason.strerror or reason})"
    else:
        kept = f"its batch is in {path}"
    told = f"step {trainer.global_step + 1} (epoch {trainer.current_epoch + 1}): {error}; {kept}"
    if not in_order(error.taken.batch):
        return f"{told}; mend the data"
    clip = "" if trainer.gradient_clip_val else "set "
    remedy = f"lower optimizer.lr or {clip}trainer.gradient_clip_val"
    return f"{told}; {remedy}" + ("" if error.operation else "; debug=anomaly shows the operation")


def is_out_of_memory(error: Exception) -> bool:
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or NO_MEMORY.search(str(error)) is not None


def out_of_memory(text: str, at: tuple[str, Batch] | None, config: Node) -> str:
    """The line for an error of this text. at: the split and batch that asked for too much."""
    split, batch = at or ("train", None)
    where = ""
    if at:
        stage = STAGES.get(split, f"the test on {split}")
        where = f" in {stage}, at a batch of {_shape(at[1])}"
    asked = re.search(r"[Tt]ried to allocate ([\d.]+ \w+)", text)
    wanted = f", where {_readable(asked[1])} more were asked for" if asked else ""
    return f"out of memory{where}{wanted}; lower {_settings(split, batch, config)}"


def _shape(batch: Batch) -> str:
    """Rows, steps and features; of a task that writes, the steps are those written."""
    sizes = (batch.inputs if batch.inputs.dim() > 1 else batch.targets).shape
    names = ("rows", "steps", "features")[: len(sizes)]
    return f"{' x '.join(map(str, sizes))} ({' x '.join(names)})"


def _settings(split: str, batch: Batch | None, config: Node) -> str:
    """The keys of this config that make a batch of this split smaller."""
    task = config["task"]
    size = "batch_size" if split == "train" else "eval_batch_size"
    keys = []
    if task.get(size, 1) > 1 and (batch is None or len(batch.lengths) > 1):
        keys.append(f"task.{size}")
    for key, value in task.items():
        if _bounds(key, split):
            keys.append(f"task.{key}" + (" (not set yet)" if value is None else ""))
    if "hidden_size" in config["model"]:
        keys.append(width_key(config))
    *most, last = keys or ["the size of the task or the model"]
    return f"{', '.join(most)} or {last}" if most else last


def _bounds(key: str, split: str) -> bool:
    """Whether a task's key, by its name, bounds the steps of this split's batches.

    As ``max_length``, ``sequence_length`` and ``window`` of all, ``train_lengths`` of train and
    val, ``test_length`` of test and ``long_length`` of a further test.
    """
    part = re.fullmatch(r"(\w+)_lengths?|window", key)
    match part and part[1]:
        case "min":
            return False
        case "train":
            return split in ("train", "val")
        case "val" | "test" as own:
            return split == own
        case "long":
            return split not in ("train", "val", "test")
    return part is not None


def _readable(size: str) -> str:
    """``4000000000000000 bytes`` as ``3.6 PiB``; what has another unit as it is."""
    number, unit = size.split()
    if unit != "bytes":
        return size
    value, units = float(number), ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while value >= 1024 and units:
        value, unit = value / 1024, units.pop(0)
    return f"{value:.1f} {unit}"

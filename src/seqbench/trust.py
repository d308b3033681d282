"""Which classes a file of somebody else's may name, decided before any of their code is imported.

A name is trusted by what stands in ``trust``, beside seqbench's own: a package (``a``, or ``a.b``
in it) whose parts of networks and of tasks may be built, or the full name of anything else that
may be called.
"""

import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import Profiler
from torch import nn, optim
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from seqbench.config import locate
from seqbench.datamodules.base import TaskData
from seqbench.errors import UserError, short

OWN = "seqbench"


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, type) and issubclass(value, kind)


PARTS: tuple[type, ...] = (nn.Module, TaskData)
"""What a checkpoint alone is made of: a network and its task."""

RUN_PARTS = (*PARTS, Optimizer, LRScheduler, L.Trainer, Profiler, Callback, Logger)
"""What else a run's config is made of."""

LIGHTNING = {
    "callbacks": (
        "DeviceStatsMonitor",
        "EarlyStopping",
        "GradientAccumulationScheduler",
        "LearningRateMonitor",
        "Timer",
    ),
    "profilers": ("AdvancedProfiler", "PassThroughProfiler", "SimpleProfiler"),
}
"""Lightning's own that take numbers and names: none that is told a folder to write into or a
server to send to, as its checkpoints and loggers are."""

HARMLESS = frozenset(
    {"lightning.Trainer", "lightning.pytorch.Trainer"}
    | {f"lightning.pytorch.{part}.{name}" for part, names in LIGHTNING.items() for name in names}
    | {f"torch.optim.{n}" for n, c in vars(optim).items() if _is(c, Optimizer)}
    | {
        f"torch.optim.lr_scheduler.{n}"
        for n, c in vars(lr_scheduler).items()
        if _is(c, LRScheduler)
    }
)
"""What a run's config may name beside seqbench's own, though nobody vouched for it."""


def targets(value: Any) -> Iterator[str]:
    """Each ``_target_`` in plain containers, however deep."""
    if isinstance(value, dict):
        if "_target_" in value:
            yield str(value["_target_"])
        for inner in value.values():
            yield from targets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from targets(inner)


def check_trust(
    value: Any,
    path: Path,
    trust: Collection[str],
    parts: tuple[type, ...] = PARTS,
    harmless: Collection[str] = (),
    advice: str = "--trust {}",
) -> None:
    """Refuse each ``_target_`` in ``value`` that nobody vouched for, before it is imported.

    path: of the file, for the message. parts: base classes of what a trusted package may give.
    harmless: full names that need no trust. advice: how a user says what is trusted.
    """
    try:
        named = list(targets(value))
    except RecursionError as error:
        raise UserError(f"{path}: nested deeper than any config; do not use this file") from error
    for target in named:
        if target not in harmless:
            _check(target, path, trust, parts, advice)


def _check(
    target: str, path: Path, trust: Collection[str], parts: tuple[type, ...], advice: str
) -> None:
    package = target.partition(".")[0]
    if not all(part.isidentifier() for part in target.split(".")):
        raise UserError(
            f"{path}: names {short(target)!r} where a class should stand; train it anew"
        )
    if package in sys.stdlib_module_names:
        raise UserError(
            f"{path}: names {short(target)}, which is Python's own and no part of a network or "
            "task; do not use this file"
        )
    if target in trust:
        return
    if not _below(target, trust):
        raise _unknown(target, path, advice.format(package))
    try:
        found = locate(target)
    except UserError as error:
        raise UserError(f"{path}: {error}; install what it was trained with") from error
    # A path through a trusted module may end in anything that it imports.
    home = str(getattr(found, "__module__", None) or "")
    if not any(_is(found, part) for part in parts):
        what = "do not use this file"
        if package != OWN:
            what = f"if you trust it, add {advice.format(target)}"
        raise UserError(
            f"{path}: names {short(target)}, which is no part of a network or task; {what}"
        )
    if not _below(home, trust):
        raise _unknown(target, path, advice.format(home.partition(".")[0]))


def _below(name: str, trust: Collection[str]) -> bool:
    return any(f"{name}.".startswith(f"{entry}.") for entry in (OWN, *trust))


def _unknown(target: str, path: Path, advice: str) -> UserError:
    return UserError(
        f"{path}: names {short(target)}, which is code outside seqbench; if you trust it, "
        f"add {short(advice)}"
    )

"""Where an interrupted run goes on from: its newest whole checkpoint, if it is this run's."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqbench import checkpoint
from seqbench.callbacks.checkpoint import BEST
from seqbench.callbacks.continuation import KEY, LAST, PREVIOUS, SCHEMA_VERSION
from seqbench.errors import UserError
from seqbench.runs import Run

log = logging.getLogger(__name__)


class UnusableError(UserError):
    """A run has checkpoints, from none of which it can go on."""


@dataclass(frozen=True)
class Point:
    """What a run has left.

    checkpoint: to go on from; None from the beginning. step: of it. sizes: of the log files then;
    None where that is not known. seconds: that it had trained then. result: of a training that is
    over; its test may have begun, or even ended.
    """

    checkpoint: Path | None = None
    step: int = 0
    sizes: dict[str, int] | None = field(default_factory=dict)
    seconds: float = 0.0
    result: dict[str, Any] | None = None


def find(run: Run, identity: str) -> Point:
    """Where the run goes on.

    Raises UnusableError where it has checkpoints, and none of them can be used.
    """
    result = _result(run, identity)
    if result is not None:
        return Point(sizes=trained_sizes(run, identity), result=result)
    problems = []
    for name in (LAST, PREVIOUS):
        path = run.checkpoints / name
        if not path.exists():
            continue
        try:
            step, kept = _kept(path, identity, run)
        except UserError as error:
            problems.append(str(error))
            continue
        if kept["ended"]:  # it was killed before its result was written
            continue
        for problem in problems:
            log.warning("%s; going on from %s", problem, path.name)
        return Point(path, step, kept["files"], kept["seconds"])
    if problems:
        raise UnusableError("; ".join(problems))
    return Point()


def trained_sizes(run: Run, identity: str) -> dict[str, int] | None:
    """The log files' sizes at the end of a training, before its test; None where it is not known,
    since last.ckpt was removed or damaged.
    """
    try:
        kept = _kept(run.checkpoints / LAST, identity, run)[1]
    except (OSError, UserError):
        return None
    return kept["files"] if kept["ended"] else None


def _result(run: Run, identity: str) -> dict[str, Any] | None:
    """That of a training which was ended in its test, just before, or just behind it."""
    try:
        result = run.result()
    except (OSError, ValueError):
        return None
    own = result.get("identity") == identity
    return result if own and (run.checkpoints / BEST).exists() else None


def _kept(path: Path, identity: str, run: Run) -> tuple[int, dict[str, Any]]:
    """Its step, and what ``Continuation`` has written. UserError if this run cannot use it."""
    content = checkpoint.content(path)
    kept = content.get(KEY)
    if not isinstance(kept, dict):
        raise UserError(f"{path}: a checkpoint to predict with, from which none can go on")
    if kept.get("schema_version") != SCHEMA_VERSION:
        raise UserError(
            f"{path}: of version {kept.get('schema_version')}, this seqbench goes on from "
            f"{SCHEMA_VERSION}; use the version that wrote it"
        )
    if kept.get("identity") != identity:
        raise UserError(f"{path}: of another run, or written before its data or its code changed")
    # best.ckpt may be of a later step than this: then it comes to be written again.
    if any(state.get("best") for state in content["callbacks"].values()):
        checkpoint.require_whole(run.checkpoints / BEST)
    return int(content["global_step"]), kept

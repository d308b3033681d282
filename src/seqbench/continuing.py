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

    checkpoint: to go on from; None from the beginning. step: of it. sizes: of the log files then.
    seconds: that it had trained then. result: of a training that is over, but for its test.
    """

    checkpoint: Path | None = None
    step: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    result: dict[str, Any] | None = None


def find(run: Run, identity: str) -> Point:
    """Where the run goes on.

    Raises UnusableError where it has checkpoints, and none of them can be used.
    """
    result = _result(run, identity)
    if result is not None:
        return Point(result=result)
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
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"{path}: incomplete, or not as it was written ({error})")
            continue
        for problem in problems:
            log.warning("%s; going on from %s", problem, path.name)
        return Point(path, step, kept["files"], kept["seconds"])
    if problems:
        raise UnusableError("; ".join(problems))
    return Point()


def _result(run: Run, identity: str) -> dict[str, Any] | None:
    """That of a training which was ended in its test, or just before."""
    try:
        result = run.result()
    except (OSError, ValueError):
        return None
    untested = result.get("identity") == identity and result["seconds"]["test"] is None
    if not untested or not (run.checkpoints / BEST).exists():
        return None
    try:
        checkpoint.content(run.checkpoints / BEST)
    except UserError as error:
        raise UnusableError(str(error)) from error
    return result


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
    if kept["ended"]:
        raise UserError(f"{path}: of a training that was over")
    # best.ckpt may be of a later step than this: then it comes to be written again.
    if any(state.get("best") for state in content["callbacks"].values()):
        checkpoint.require_whole(run.checkpoints / BEST)
    return int(content["global_step"]), kept

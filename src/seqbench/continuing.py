"""Where an interrupted run goes on from: its newest whole checkpoint, if it is this run's."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqbench import checkpoint
from seqbench.build import one_line
from seqbench.callbacks.checkpoint import BEST
from seqbench.callbacks.continuation import KEY, LAST, PREVIOUS, SCHEMA_VERSION
from seqbench.errors import UserError
from seqbench.locks import STATUS
from seqbench.runs import Run
from seqbench.spec import TaskSpec

log = logging.getLogger(__name__)


class UnusableError(UserError):
    """A run has checkpoints, from none of which it can go on."""


@dataclass(frozen=True)
class Now:
    """What a run that goes on must have been, too."""

    identity: str
    fingerprint: str
    spec: TaskSpec


@dataclass(frozen=True)
class Point:
    """What a run has left.

    resumed: how often it had gone on before. checkpoint: to go on from, of this step, in this
    epoch, from 0; None from the beginning. sizes: of the log files then; None where that is not
    known. seconds: that it had trained then. ended: the training was over. result: of such a one,
    whose test may have begun, or even ended.
    """

    resumed: int
    checkpoint: Path | None = None
    step: int = 0
    epoch: int = 0
    sizes: dict[str, int] | None = field(default_factory=dict)
    seconds: float = 0.0
    ended: bool = False
    result: dict[str, Any] | None = None


def find(run: Run, now: Now) -> Point:
    """Where the run goes on.

    Raises UnusableError where it has checkpoints, and none of them can be used.
    """
    resumed = run.resumed
    if run.said_ok:
        raise UnusableError(f"{run.path}: finished, but its result.json is damaged")
    if (run.path / STATUS).is_dir():
        raise UnusableError(f"{run.path / STATUS}: a folder, where a file should be")
    result = _result(run, now.identity)
    if result is not None:
        return Point(resumed, sizes=trained_sizes(run, now), result=result)
    problems: dict[str, list[str]] = {}
    for name in (LAST, PREVIOUS):
        path = run.checkpoints / name
        if not path.exists():
            continue
        try:
            point = _point(path, run, now)
        except UserError as error:
            reason = str(error).removeprefix(f"{path}: ").removesuffix("; train it anew")
            problems.setdefault(reason, []).append(name)
            continue
        if point.ended:  # it was killed before its result was written
            continue
        for reason in problems:
            log.warning("%s: %s; going on from %s", run.checkpoints / LAST, reason, name)
        return point
    if problems:
        told = (f"{' and '.join(names)}: {reason}" for reason, names in problems.items())
        raise UnusableError(f"{run.checkpoints}: {'; '.join(told)}")
    if not run.base.name.endswith(f"-{now.identity}"):
        raise UnusableError(
            f"{run.path}: it has no checkpoint yet, and its data or its code have changed since it "
            "began, or it was renamed; train it anew"
        )
    return Point(resumed)


def trained_sizes(run: Run, now: Now) -> dict[str, int] | None:
    """The log files' sizes at the end of a training, before its test; None where it is not known,
    since last.ckpt was removed or damaged.
    """
    try:
        point = _point(run.checkpoints / LAST, run, now)
    except UserError:
        return None
    return point.sizes if point.ended else None


def _result(run: Run, identity: str) -> dict[str, Any] | None:
    """That of a training which was ended in its test, just before, or just behind it."""
    try:
        result = run.result()
    except (OSError, ValueError):
        return None
    if result.get("identity") != identity or not (run.checkpoints / BEST).exists():
        return None
    try:
        checkpoint.content(run.checkpoints / BEST)
    except UserError as error:
        raise UnusableError(str(error)) from error
    return result


def _point(path: Path, run: Run, now: Now) -> Point:
    """The one of a checkpoint. UserError if this run cannot go on from it."""
    content = checkpoint.content(path)
    kept = content.get(KEY)
    if not isinstance(kept, dict):
        raise UserError(f"{path}: a checkpoint to predict with, from which none can go on")
    checkpoint.require_version(path, kept, SCHEMA_VERSION)
    try:
        if kept["identity"] != now.identity:
            raise UserError(f"{path}: {_difference(content['seqbench'], now)}")
        # It may be of a later step than this: then it comes to be written again.
        if any(state.get("best") for state in content["callbacks"].values()):
            checkpoint.require_whole(run.checkpoints / BEST)
        sizes = {str(name): max(0, int(size)) for name, size in kept["files"].items()}
        _ = [kept[name] for name in ("random", "should_stop", "watched", "validating", "spent")]
        _ = [content[name] for name in ("loops", "optimizer_states", "lr_schedulers")]
        step, epoch = int(content["global_step"]), int(content["epoch"])
        seconds = float(kept["seconds"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: incomplete ({one_line(error)})") from error
    return Point(run.resumed, path, step, epoch, sizes, seconds, ended=bool(kept["ended"]))


def _difference(kept: dict[str, Any], now: Now) -> str:
    """What is no longer as it was when a checkpoint was written."""
    if kept["fingerprint"] != now.fingerprint:
        return (
            f"of other data: their fingerprint was {kept['fingerprint']}, and is {now.fingerprint}"
        )
    before = TaskSpec.from_dict(kept["spec"])
    sizes = [(spec.input_size, spec.output_size) for spec in (before, now.spec)]
    if sizes[0] != sizes[1]:
        return "of {} inputs and {} outputs, and here are {} and {}".format(*sizes[0], *sizes[1])
    if (before.vocabulary, before.labels) != (now.spec.vocabulary, now.spec.labels):
        return "of another vocabulary, or other labels, than the task has now"
    return "of other settings, or the code of its cell or task has changed"

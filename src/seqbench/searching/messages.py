"""What a trial's process tells the search, and hears from it. Needs no torch."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Begun:
    """A training begins or goes on in this run directory. earlier: the metric of the validations
    that it has had."""

    run: str
    earlier: tuple[float, ...]


@dataclass(frozen=True)
class Validated:
    """A validation, from 1, gave this metric, at this share of the training. To be answered: why
    the trial is to be given up, or None."""

    number: int
    value: float
    share: float


@dataclass(frozen=True)
class Waits:
    """The run of these settings is another process's; the trial begins when that has ended."""

    line: str


@dataclass(frozen=True)
class Ended:
    """state: of the trial. line: why it failed or was given up. run: its directory, if it came to
    that. value: the best metric on validation. seconds: of its training, all in all. found: the
    run was trained before; then ``earlier`` is all its validations' metric. full: the disk has no
    room for this or any trial.
    """

    state: Literal["ok", "pruned", "failed"]
    line: str = ""
    traceback: str = ""
    run: str | None = None
    value: float | None = None
    seconds: float | None = None
    found: bool = False
    earlier: tuple[float, ...] = ()
    full: bool = False


Message = Begun | Validated | Waits | Ended

"""What every baseline is: fitted to train, its settings chosen on validation, then measured."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from seqbench.datamodules.base import TaskData
from seqbench.metrics import Scores
from seqbench.summary import said

log = logging.getLogger(__name__)


class Fitted(Protocol):
    """A model with its numbers."""

    @property
    def parameters(self) -> int:
        """Numbers that were fitted or counted, and are kept."""

    def scores(self, split: str, *, detailed: bool = True) -> Scores:
        """What it is worth on a split; detailed: with what is not measured in training."""


@dataclass(frozen=True)
class Trial:
    """Settings that were tried. value: of the task's metric, on validation, as the loss is."""

    settings: dict[str, Any]
    value: float
    loss: float


class Choice:
    """The best on validation of all that is offered: by the task's metric and, of two that are
    equal in it, by the loss, as a network's best epoch is chosen."""

    def __init__(self, data: TaskData) -> None:
        self.spec = data.spec
        self.tried: list[Trial] = []
        self.best: tuple[Trial, Fitted, Scores] | None = None

    def offer(self, settings: dict[str, Any], fitted: Fitted) -> Trial:
        """Measure it on validation, tell it, and keep it if it is better than all before."""
        scores = fitted.scores("val")
        values = scores.compute()
        trial = Trial(settings, values[self.spec.metric], values["loss"])
        log.info("%s: %s %.4f on validation", said(settings), self.spec.metric, trial.value)
        self.tried.append(trial)
        if self.best is None or self._rank(trial) > self._rank(self.best[0]):
            self.best = trial, fitted, scores
        return trial

    def found(self) -> tuple[Trial, Fitted, Scores]:
        """The best; its settings, its model and its scores on validation."""
        assert self.best is not None
        return self.best

    def _rank(self, trial: Trial) -> tuple[float, float]:
        return (trial.value if self.spec.mode == "max" else -trial.value), -trial.loss


def climb(loss: Callable[[int], float], start: int, end: int) -> int:
    """Which of the places 0 to ``end - 1`` has the least loss, seen from one of them: as far up, or
    else down, as it gets less."""
    best, least = start, loss(start)
    for way in (range(start + 1, end), range(start - 1, -1, -1)):
        for place in way:
            found = loss(place)
            if not found < least:
                break
            best, least = place, found
        if best != start:
            break
    return best


def grow(sizes: Iterable[int], loss: Callable[[int], float]) -> None:
    """Try one size after another, as long as each has less loss than the one before."""
    least = float("inf")
    for size in sizes:
        found = loss(size)
        if not found < least:
            return
        least = found


class Classical(ABC):
    """A baseline of one kind, for the data of a task.

    name: in the place of a model's, as of the run directory. precision: of its arithmetic, in
    Lightning's words.

    Raises UserError for data that it cannot be fitted to.
    """

    name: ClassVar[str]
    precision: ClassVar[str] = "64-true"

    def __init__(self, data: TaskData) -> None:
        self.data, self.spec = data, data.spec

    @abstractmethod
    def fit(self, choice: Choice) -> None:
        """Fit to train with all settings that are worth it, and offer each. Reads no test."""

"""What a row of the benchmark is made of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal


class SkippedError(Exception):
    """The row cannot be measured here; the message says why, and what to do."""


@dataclass(frozen=True)
class Target:
    """That the ratio is to be at most, or at least, this."""

    bound: Literal["at most", "at least"]
    ratio: float

    def reached(self, ratio: float) -> bool:
        return ratio <= self.ratio if self.bound == "at most" else ratio >= self.ratio

    def __str__(self) -> str:
        return f"{'≤' if self.bound == 'at most' else '≥'} {self.ratio:g}"


def at_most(ratio: float) -> Target:
    return Target("at most", ratio)


def at_least(ratio: float) -> Target:
    return Target("at least", ratio)


@dataclass(frozen=True)
class Turn:
    """Both sides measured once, one after the other.

    own, other: in the row's unit. facts: what else was seen, by name.
    """

    own: float
    other: float
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One comparison.

    name: letters, digits and hyphens. what: is measured, in a few words. own, other: the two sides,
    by name. unit: of a side's number. turns: measures both sides in turn, so many times, after a
    warm-up of its own; it may raise SkippedError. target: for the ratio, if one is set. speedup:
    the ratio is other / own, how many times as fast; else own / other. repeats: turns, unless the
    user asks for others.
    """

    name: str
    what: str
    own: str
    other: str
    unit: str
    turns: Callable[[int], Iterator[Turn]]
    target: Target | None = None
    speedup: bool = False
    repeats: int = 5

    def ratio(self, turn: Turn) -> float:
        return turn.other / turn.own if self.speedup else turn.own / turn.other

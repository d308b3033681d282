"""What an axis shows, and the round numbers on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.reporting.plotting.words import finite

DECADES = 6
"""Powers of ten of a metric that an axis spans at most, counted from the best value."""

OUTLYING = 8
"""How many times as far from the best as most values are one may be and still be in view."""

NEAR, NEAR_DECADES = 3, 2
"""What is never an outlier: within so many times the best value, or so many powers of ten."""

LOG_FROM = 10
"""The ratio of the largest value to the smallest from which an axis is logarithmic."""


@dataclass(frozen=True)
class View:
    """What an axis shows. cut: whether there is something beyond it."""

    low: float
    high: float
    log: bool
    cut: bool

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def nearest(self, value: float) -> float:
        return min(max(value, self.low), self.high)


def view(values: Sequence[float], must: Sequence[float], mode: str) -> View:
    """Of an axis of a metric: the values but for outliers on the bad side, and all in ``must``.

    Logarithmic where lower is better and the values span a power of ten.
    """
    values, must = finite(values), finite(must)
    every = [*values, *must]
    if not every:
        return View(0.0, 1.0, False, False)
    log = mode == "min" and min(every) > 0 and max(every) / min(every) >= LOG_FROM
    best = min(every) if mode == "min" else max(every)

    def distance(value: float) -> float:
        return abs(math.log10(value) - math.log10(best)) if log else abs(value - best)

    away = sorted(map(distance, values or must))
    usual = away[min(3 * len(away) // 4, len(away) - 1)]
    far = max([OUTLYING * usual, NEAR_DECADES if log else NEAR * abs(best), *map(distance, must)])
    far = min(far, DECADES) if log else far
    shown = [value for value in every if distance(value) <= far * (1 + 1e-9)]
    low, high = min(shown), max(shown)
    cut = len(shown) < len(every)
    if log and high / low >= LOG_FROM:
        margin = (high / low) ** 0.05
        return View(low / margin, high * margin, True, cut)
    size = max(abs(low), abs(high)) or 1
    if high - low > 1e-4 * size:
        margin = 0.05 * (high - low)
        return View(low - margin, high + margin, False, cut)
    # All the same: what there is room for is what would be worse.
    room = (0.02 * size, 0.1 * size) if mode == "min" else (0.1 * size, 0.02 * size)
    return View(low - room[0], high + room[1], False, cut)


STRETCH = 1.5
"""How many times its own length an axis may grow for a baseline."""


def wider(seen: View, value: float) -> View:
    """The view with this value in it, unless that pressed all else together."""
    if seen.log or seen.holds(value):
        return seen
    length = seen.high - seen.low
    low, high = min(seen.low, value - 0.05 * length), max(seen.high, value + 0.05 * length)
    return View(low, high, False, seen.cut) if high - low <= (1 + STRETCH) * length else seen


def spread(values: Sequence[float]) -> View:
    """Of a logarithmic axis of costs: all the values and some air at both sides."""
    low, high = min(values), max(values)
    margin = max((high / low) ** 0.1, 1.25)
    return View(low / margin, high * margin, True, False)


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers between the two: as many as there is room for, at least two if there are."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, math.ceil(len(powers) / most))
    choices = ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9], [1, 1.5, 2, 3, 4, 5, 7], [1, 2, 3, 5, 7])
    for steps in (*choices, [1, 2, 5], [1, 3]):
        ticks = [float(f"{s}e{p}") for p in powers for s in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if 2 <= len(ticks) <= most:
            return ticks
    ticks = [10.0**power for power in powers if power % every == 0 and low <= 10.0**power <= high]
    if len(ticks) > 1:
        return ticks
    middle = math.sqrt(low) * math.sqrt(high)
    some = {float(f"{value:.3g}") for value in (low, middle, high)}
    return [tick for tick in sorted(some) if low <= tick <= high] or [middle]


TIMES = (
    (0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 6 * 3600, 86400, 10 * 86400, 100 * 86400),
    (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600,
     12 * 3600, 86400, 2 * 86400, 5 * 86400, 10 * 86400),
    (*(s * 10.0**p for p in (-3, -2, -1, 0) for s in (1, 2, 5)), 10, 20, 30, 60, 120, 300, 600,
     1200, 1800, *(3600 * h for h in (1, 2, 4, 8, 12, 24, 48, 96))),
    (*(s * 10.0**p for p in (-3, -2, -1, 0) for s in (1, 1.5, 2, 3, 4, 5, 6, 8)), 10, 15, 20, 30,
     40, 50, *(60 * m for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50)),
     *(3600 * h for h in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 24, 36, 48))),
)  # fmt: skip
"""Seconds that a clock's face might have: a few of them, or more for a short axis."""


def time_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """As a clock counts: as many as there is room for."""
    for times in reversed(TIMES):
        ticks = [float(time) for time in times if low <= time <= high]
        if 2 < len(ticks) <= most:
            return ticks
    return log_ticks(low, high, most)

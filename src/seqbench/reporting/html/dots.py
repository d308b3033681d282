"""The small picture in each row: its interval and seeds on a scale that all rows share."""

import math
from dataclasses import dataclass

from seqbench.reporting import numbers
from seqbench.reporting.leaderboard import Leaderboard, Row

MOST = 40
"""Seeds that are drawn one by one."""

DECADE = 10.0
"""A metric that is the better the lower is drawn on a log scale where it spans more than this."""


@dataclass(frozen=True)
class Scale:
    """From ``low`` to ``high``, of the metric ``name``."""

    low: float
    high: float
    log: bool
    name: str

    def place(self, value: float) -> float:
        """In percent of the width; outside 0 to 100 where the scale does not go so far."""
        low, high = self.low, self.high
        if self.log:
            if value <= 0:
                return -math.inf
            low, high, value = math.log(low), math.log(high), math.log(value)
        return 100 * (value - low) / (high - low)

    @property
    def ends(self) -> tuple[str, str]:
        return numbers.metric(self.low, self.name), numbers.metric(self.high, self.name)


@dataclass(frozen=True)
class Dots:
    """Places in percent of the width. mean: None of a row without one. beyond: the side to which
    the mean lies outside the scale, ``left`` or ``right``. band: the interval of the best row on
    the same data."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    seeds: tuple[float, ...] = ()
    beyond: str = ""
    band: tuple[float, float] | None = None


def scale(board: Leaderboard) -> Scale | None:
    """Over the means, intervals and seeds of a leaderboard; None where there are none.

    Of a rule's value only where it does not make all else small.
    """
    trained = _finite([row for row in board.rows if row.kind != "trivial"])
    rules = _finite([row for row in board.rows if row.kind == "trivial"])
    values = trained or rules
    if not values:
        return None
    log = board.mode == "min" and min(values) > 0 and max(values) > DECADE * min(values)
    for value in rules:
        wider = [*values, value]
        if not log and max(wider) - min(wider) <= 2 * (max(values) - min(values)):
            values = wider
    low, high = min(values), max(values)
    if log:
        margin = (high / low) ** 0.04
        return Scale(low / margin, high * margin, log, board.metric)
    margin = 0.04 * (high - low) or abs(low) * 0.05 or 0.5
    ends = low - margin, high + margin
    if board.metric.endswith(numbers.SHARES) and low >= 0 and high <= 1:
        ends = max(ends[0], 0.0), min(ends[1], 1.0)
    return Scale(*ends, log, board.metric)


def dots(board: Leaderboard, over: Scale) -> list[Dots]:
    """One a row."""
    bands = {}
    for row in board.rows:
        found = row.estimate
        if row.data not in bands and row.verdict == "best" and found and found.low is not None:
            assert found.high is not None
            bands[row.data] = (_within(over.place(found.low)), _within(over.place(found.high)))
    return [_dots(row, over, bands.get(row.data)) for row in board.rows]


def _dots(row: Row, over: Scale, band: tuple[float, float] | None) -> Dots:
    found = row.estimate
    if found is None or math.isnan(found.mean):
        return Dots(band=band)
    mean = over.place(found.mean)
    if not 0 <= mean <= 100:
        return Dots(beyond="left" if mean < 0 else "right", band=band)
    seeds = [over.place(value) for value in found.by_seed.values() if math.isfinite(value)]
    low, high = (None if x is None else _within(over.place(x)) for x in (found.low, found.high))
    shown = tuple(_within(seed) for seed in seeds) if 1 < len(seeds) <= MOST else ()
    return Dots(round(mean, 2), low, high, shown, band=band)


def _within(place: float) -> float:
    return round(min(max(place, 0.0), 100.0), 2)


def _finite(rows: list[Row]) -> list[float]:
    values: list[float | None] = []
    for row in rows:
        if row.estimate:
            found = row.estimate
            values += [found.mean, found.low, found.high, *found.by_seed.values()]
    return [value for value in values if value is not None and math.isfinite(value)]

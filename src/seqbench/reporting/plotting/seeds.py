"""What the seeds of a row say together."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqbench.reporting.entries import Point
from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.reporting.plotting.words import finite


@dataclass(frozen=True)
class Span:
    """The mean over ``seeds`` seeds, the lowest and the highest."""

    mean: float
    low: float
    high: float
    seeds: int


def span(values: Sequence[float | None]) -> Span | None:
    """Of the finite values; None where there are none."""
    known = finite(values)
    if not known:
        return None
    # Of equal numbers the mean is none of them, but for rounding.
    mean = min(max(math.fsum(known) / len(known), min(known)), max(known))
    return Span(mean, min(known), max(known), len(known))


@dataclass(frozen=True)
class Course:
    """A metric over training. mean, low, high: over ``seeds`` seeds, by x; nan where one of them
    has no finite number. ends: how far each seed goes."""

    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    seeds: int
    ends: Sequence[float]

    @property
    def gaps(self) -> bool:
        return any(math.isnan(value) for value in self.mean)

    @property
    def last(self) -> float:
        """The last finite mean."""
        return next(value for value in reversed(self.mean) if not math.isnan(value))


Series = Mapping[float, float]


def courses(rows: Sequence[Row], metric: str) -> tuple[dict[str, Course], str]:
    """The course on validation of each row that has one, by name, and what x is: epochs, or steps
    where there are several validations in an epoch or no more than one epoch."""
    points = {
        row.name: [found for run in row.runs if (found := run.history.get(("val", metric)))]
        for row in rows
    }
    every = [series for found in points.values() for series in found]
    x = "epochs" if all(map(_once_an_epoch, every)) and _epochs(every) > 1 else "steps"
    drawn = {name: _course([_series(p, x) for p in runs]) for name, runs in points.items() if runs}
    return {name: course for name, course in drawn.items() if finite(course.mean)}, x


def _once_an_epoch(points: Sequence[Point]) -> bool:
    steps: dict[int, int] = {}
    return all(steps.setdefault(p.epoch, p.step) == p.step for p in points if p.step)


def _epochs(every: Sequence[Sequence[Point]]) -> int:
    return max((p.epoch + 1 for points in every for p in points if p.step), default=0)


def _series(points: Sequence[Point], x: str) -> dict[float, float]:
    """By epochs trained or steps taken; of what was written twice the last."""
    return {_trained(p) if x == "epochs" else p.step: p.value for p in points}


def _trained(point: Point) -> int:
    return point.epoch + 1 if point.step else 0


def _course(runs: Sequence[Series]) -> Course:
    """As far as all seeds go."""
    common = sorted(set.intersection(*({*run} for run in runs)))
    spans = [span([run[x] for run in runs]) for x in common]
    whole = [s if s and s.seeds == len(runs) else None for s in spans]
    mean = [s.mean if s else math.nan for s in whole]
    low = [s.low if s else math.nan for s in whole]
    high = [s.high if s else math.nan for s in whole]
    return Course(common, mean, low, high, len(runs), [max(run) for run in runs])


def baselines(board: Leaderboard) -> list[tuple[Row, float]]:
    """The rows that are no networks, each with its metric on validation, if it has one."""
    found = []
    for row in board.rows:
        mean = row.estimate.mean if row.estimate else None
        value = mean if board.split == "val" else row.further.get(f"val/{board.metric}")
        found += [(row, known) for known in finite([value]) if row.kind != "network"]
    return found

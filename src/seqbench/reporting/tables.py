"""A leaderboard as two tables of words: how good the rows are, and what they cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from seqbench.reporting import numbers
from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.reporting.statistics import CONFIDENCE

MARKS = {"best": "best", "tied": "≈ best", "unsure": "?", "worse": "", "": ""}
LEGEND = (
    "≈ best: cannot be told from the best row (permutation test, Holm's correction, 5 %); "
    "?: too few seeds for that test."
)


@dataclass(frozen=True)
class Column:
    """heading: what it shows. cell: of a row. left: words, not numbers."""

    heading: str
    cell: Callable[[Row], str]
    left: bool = False


def tables(board: Leaderboard) -> list[tuple[list[Column], list[Row]]]:
    """The two, each with the rows of which it says something."""
    found = []
    for columns in (quality(board), costs(board)):
        rows = [row for row in board.rows if any(c.cell(row) for c in columns[1:])]
        if rows:
            found.append((columns, rows))
    return found


def quality(board: Leaderboard) -> list[Column]:
    """How good: the metric with its interval, over which seeds, compared with what."""
    name = board.metric
    others = dict.fromkeys(row.difference.other for row in board.rows if row.difference)
    other = f"difference to {next(iter(others))}" if len(others) == 1 else "difference to the best"
    further = dict.fromkeys(key for row in board.rows for key in row.further)
    columns = [
        Column("", lambda row: row.name, left=True),
        Column(
            f"{board.split} {numbers.name_of(name)}",
            lambda row: numbers.metric(row.estimate.mean, name) if row.estimate else "",
        ),
        Column(f"{100 * CONFIDENCE:.0f} % interval", lambda row: _interval(row, name)),
        Column("median", lambda row: _median(row, name)),
        Column("std", lambda row: _std(row, name)),
        Column("seeds", seeds),
        Column("", lambda row: MARKS[row.verdict], left=True),
    ]
    if others:
        columns += [
            Column(other, lambda row: _difference(row, name)),
            Column("p", lambda row: _blank(numbers.probability, _p(row))),
        ]
    columns += [
        Column(key.rpartition("/")[0], partial(_further, key=key, name=name)) for key in further
    ]
    return _used(columns, board.rows)


def costs(board: Leaderboard) -> list[Column]:
    """What training took, each the median over the runs."""
    columns = [
        Column("", lambda row: row.name, left=True),
        Column("parameters", lambda row: _blank(numbers.count, row.costs.parameters)),
        Column("state", lambda row: _blank(numbers.count, row.costs.state_size)),
        Column("lr", lambda row: _blank(numbers.setting, row.costs.learning_rate)),
        Column("epochs", lambda row: _blank(numbers.count, row.costs.epochs)),
        Column("tokens/s", lambda row: _blank(numbers.count, row.costs.tokens_per_second)),
        Column("an epoch", lambda row: _blank(numbers.seconds, row.costs.epoch_seconds)),
        Column("training", lambda row: _blank(numbers.seconds, row.costs.fit_seconds)),
        Column("memory", lambda row: _blank(numbers.memory, row.costs.peak_memory_bytes)),
    ]
    if board.threshold is not None:
        level = numbers.metric(board.threshold, board.metric)
        columns += [
            Column(f"to {level}", lambda row: _blank(numbers.seconds, row.costs.seconds_to)),
            Column("steps", lambda row: _blank(numbers.count, row.costs.steps_to)),
            Column("reached by", _reached),
        ]
    return _used(columns, [row for row in board.rows if row.runs])


def seeds(row: Row) -> str:
    """How many there are, and what has become of the others."""
    if row.kind == "trivial":
        return ""
    states = [entry.state for entry in row.others]
    others = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    count = str(row.seeds) if row.seeds == len(row.runs) else f"{row.seeds} of {len(row.runs)}"
    return ", ".join([count if row.kind == "network" else "", *others]).strip(", ")


def _median(row: Row, name: str) -> str:
    """Of several seeds: of one it is the mean."""
    if row.estimate is None or row.estimate.low is None:
        return ""
    return numbers.metric(row.estimate.median, name)


def _std(row: Row, name: str) -> str:
    found = row.estimate
    return "" if found is None or found.std is None else numbers.metric(found.std, name)


def _interval(row: Row, name: str) -> str:
    if row.estimate is None or row.estimate.low is None:
        return ""
    return numbers.interval(row.estimate.low, row.estimate.high, name)


def _difference(row: Row, name: str) -> str:
    if row.difference is None:
        return ""
    found = numbers.difference(row.difference.mean, name)
    if row.difference.low is None:
        return found
    return f"{found} {numbers.interval(row.difference.low, row.difference.high, name, sign=True)}"


def _further(row: Row, key: str, name: str) -> str:
    return _blank(lambda value: numbers.metric(value, name), row.further.get(key))


def _p(row: Row) -> float | None:
    return row.difference.corrected if row.difference else None


def _reached(row: Row) -> str:
    return f"{row.costs.reached} of {len(row.runs)}" if row.kind == "network" and row.runs else ""


def _blank(write: Callable[[Any], str], value: Any) -> str:
    return "" if value is None else write(value)


def _used(columns: Sequence[Column], rows: Sequence[Row]) -> list[Column]:
    """Those in which something stands, and the first."""
    return [c for i, c in enumerate(columns) if not i or any(c.cell(row) for row in rows)]

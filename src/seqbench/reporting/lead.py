"""The answer of a leaderboard in a few sentences."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from math import isfinite

from seqbench.reporting import numbers
from seqbench.reporting.leaderboard import Leaderboard, Row

KINDS = {"baseline": "a classical baseline", "trivial": "a trivial rule"}

MOST = 5
"""Rows that a sentence names."""


def lead(board: Leaderboard) -> list[str]:
    """Which row is best, what cannot be told from it, and which simple thing no network beats."""
    rows = [row for row in board.rows if row.estimate is not None]
    sets = dict.fromkeys(row.data for row in rows)
    said = []
    for data in sets:
        where = f"On data {data}: " if len(sets) > 1 else ""
        sentences = [*_lead([row for row in rows if row.data == data], board)]
        if sentences:
            said.append(where + " ".join(sentences))
    return said or ["No run has ended with a number for this metric yet."]


def _lead(rows: Sequence[Row], board: Leaderboard) -> Iterator[str]:
    networks = [
        row
        for row in rows
        if row.kind == "network" and row.estimate and isfinite(row.estimate.mean)
    ]
    first = next((row for row in rows if row.verdict == "best"), None)
    level = [row.name for row in rows if row.verdict in ("best", "tied") and _level(row, first)]
    tied = [row.name for row in rows if row.verdict == "tied" and row.name not in level]
    worse = [row.name for row in rows if row.verdict == "worse"]
    unsure = [row.name for row in rows if row.verdict == "unsure"]
    if first and (tied or worse or len(level) > 1):
        if len(level) > 1:
            yield f"{_names(level)} are level at {_value(first, board)}."
        else:
            yield f"{first.name} is best, {_value(first, board)}."
        if tied:
            yield f"{_names(tied)} cannot be told from it."
        if worse:
            yield f"{_names(worse)} {'is' if len(worse) == 1 else 'are'} worse."
        if unsure:
            yield f"Of {_names(unsure)} there are too few seeds to tell."
    elif networks:
        yield f"{networks[0].name} has the best mean, {_value(networks[0], board)}."
        if len(networks) > 1:
            yield "There are too few seeds to tell whether that is chance."
    above = [*takewhile(lambda row: row.kind != "network", rows)]
    if networks and above:
        told = [f"{row.name} ({KINDS[row.kind]}, {_value(row, board)})" for row in above]
        yield f"Better than the mean of every network: {_names(told)}."


def _level(row: Row, first: Row | None) -> bool:
    """Whether each seed of both has one and the same number."""
    found = [each.estimate.by_seed.values() for each in (row, first) if each and each.estimate]
    return len(found) == 2 and len({*found[0], *found[1]}) == 1


def _value(row: Row, board: Leaderboard) -> str:
    """The mean with its interval, as in ``0.8832 [0.8810, 0.8851]``."""
    found = row.estimate
    assert found
    mean = numbers.metric(found.mean, board.metric)
    if found.low is None:
        return mean
    return f"{mean} {numbers.interval(found.low, found.high, board.metric)}"


def _names(names: Sequence[str]) -> str:
    if len(names) > MOST:
        return f"{', '.join(names[:MOST])} and {len(names) - MOST} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

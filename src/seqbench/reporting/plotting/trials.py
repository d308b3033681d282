"""Which learning rates a leaderboard's models were trained with, and how that went."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.reporting.plotting.seeds import Span, span
from seqbench.reporting.plotting.words import HUGE, finite, short

KEY = "optimizer.lr"


@dataclass(frozen=True)
class Tried:
    """One learning rate of a model. span: of the metric on validation; None where no seed has a
    number. failed: seeds that have none, of ``seeds``."""

    rate: float
    span: Span | None
    failed: int
    seeds: int


def tried(board: Leaderboard) -> dict[str, tuple[Row, list[Tried]]]:
    """For each model, and its other settings where it has several, its best row and the rates that
    it was trained with, from the lowest; those alone that have two or more."""
    groups: dict[tuple[Any, ...], list[tuple[float, Row]]] = {}
    for row in board.rows:
        rate = _rate(row)
        if row.kind == "network" and rate is not None and 0 < rate < HUGE:
            rest = tuple(
                f"{k.rpartition('.')[2]}={v}" for k, v in sorted(row.settings.items()) if k != KEY
            )
            groups.setdefault((row.model, rest, row.data), []).append((rate, row))
    several = {k: rows for k, rows in groups.items() if len({rate for rate, _ in rows}) > 1}
    found: dict[str, tuple[Row, list[Tried]]] = {}
    for (model, rest, data), rows in several.items():
        alone = [own for own in several if own[0] == model and own[2] == data] == [
            (model, rest, data)
        ]
        title = short(" ".join([model, *([] if alone else rest)])) + (f" · {data}" if data else "")
        while title in found:
            title += "′"
        found[title] = rows[0][1], sorted((_tried(rate, row, board) for rate, row in rows), key=_at)
    return found


def _at(each: Tried) -> float:
    return each.rate


def _tried(rate: float, row: Row, board: Leaderboard) -> Tried:
    values = finite([run.metric("val", board.metric) for run in row.runs])
    seeds = len(row.runs) + row.failures
    return Tried(rate, span(values), seeds - len(values), seeds)


def _rate(row: Row) -> float | None:
    """Of a row whose runs all failed it stands in the config alone."""
    value: Any = row.settings.get(KEY, row.costs.learning_rate)
    if value is None and row.others:
        optimizer = row.others[0].config.get("optimizer")
        value = optimizer.get("lr") if isinstance(optimizer, Mapping) else None
    return float(value) if isinstance(value, int | float) else None

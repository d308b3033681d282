"""How much the learning rate matters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.reporting.plotting.labels import End, baseline, column
from seqbench.reporting.plotting.looks import Look, variant
from seqbench.reporting.plotting.paper import (
    SMALL,
    Drawing,
    View,
    barred,
    sheet,
    show,
    spread,
    view,
)
from seqbench.reporting.plotting.seeds import Span, baselines, span
from seqbench.reporting.plotting.words import (
    HUGE,
    between,
    capital,
    finite,
    names,
    on,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEY = "optimizer.lr"

MOST = 8
"""Lines in one picture."""

STRIP = 0.075
"""The share of the picture's height that a line of crosses takes."""


@dataclass(frozen=True)
class Tried:
    """One learning rate of a model. span: of the metric on validation; None where no seed has a
    number. failed: seeds that have none, of ``seeds``."""

    rate: float
    span: Span | None
    failed: int
    seeds: int


def rates(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """Validation against the learning rate, a line a model; None where none has tried several."""
    lines = tried(board)
    if not lines:
        return None
    figure, axes = sheet(3.2)
    shown = dict([*lines.items()][:MOST])
    drawn = {key: [(t.rate, t.span) for t in line if t.span] for key, (_, line) in shown.items()}
    styles = _styles({key: row for key, (row, _) in shown.items()}, looks)
    called = names(board)
    rules = [(called[row.name], y) for row, y in baselines(board) if row.kind == "trivial"]
    every = [v for points in drawn.values() for _, s in points for v in (s.low, s.high)]
    seen = view(every, [value for _, value in rules], board.mode)
    crosses: dict[float, list[tuple[Look, Tried]]] = {}
    for key, (_, line) in shown.items():
        for each in line:
            if each.failed:
                crosses.setdefault(each.rate, []).append((styles[key], each))
    levels = max(map(len, crosses.values()), default=0)
    show(axes, "x", spread([t.rate for _, line in shown.values() for t in line]))
    show(axes, "y", _deeper(seen, STRIP * levels))
    ends = []
    for key, points in drawn.items():
        barred(axes, points, key, styles[key])
        ends.append(End(key, seen.nearest(points[-1][1].mean) if points else seen.low, styles[key]))
    for title, value in rules:
        if seen.holds(value):
            axes.axhline(value, label=title, **baseline())
            ends.append(End(title, value))
    _crosses(axes, crosses)
    axes.set(xlabel="learning rate", ylabel=on("val", board.metric))
    few = all(s.seeds == 1 for points in drawn.values() for _, s in points)
    made = "one seed each" if few else "mean over seeds, bars from the lowest to the highest"
    some = f"; the best {MOST} of {len(lines)} lines" if len(lines) > MOST else ""
    axes.set_title(f"{short(board.task)}: {made}{some}", fontsize=SMALL)
    column(axes, ends)
    return Drawing(
        f"{name}-rates",
        f"{short(board.task)} by learning rate",
        _caption(board, lines, seen, bool(crosses)),
        figure,
    )


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


def _styles(rows: Mapping[str, Row], looks: Mapping[str, Look]) -> dict[str, Look]:
    """Of each line: its cell's colour and marker, dashes where a cell has several."""
    before: dict[str, int] = {}
    found = {}
    for key, row in rows.items():
        place = before[row.model] = before.get(row.model, -1) + 1
        found[key] = variant(looks[row.name].colour, looks[row.name].marker, place)
    return found


def _deeper(seen: View, share: float) -> View:
    """The view with this share of it added below."""
    part = share / (1 - share)
    low = (
        seen.low / (seen.high / seen.low) ** part
        if seen.log
        else seen.low - part * (seen.high - seen.low)
    )
    return View(low, seen.high, seen.log, seen.cut)


def _crosses(axes: "Axes", crosses: Mapping[float, Sequence[tuple[Look, Tried]]]) -> None:
    """At the bottom, one above another, with how many seeds failed of how many."""
    across = axes.get_xaxis_transform()
    for rate, failed in crosses.items():
        for level, (look, each) in enumerate(failed):
            height = STRIP * (level + 0.5)
            axes.plot(
                [rate], [height], transform=across, marker="x", linestyle="", color=look.colour,
                markersize=6, markeredgewidth=1.6, label="_failed",
            )  # fmt: skip
            left = rate == max(crosses)
            axes.annotate(
                f"{each.failed} of {each.seeds}", (rate, height), (-6 if left else 6, 0),
                xycoords=across, textcoords="offset points", fontsize=SMALL,
                ha="right" if left else "left", va="center_baseline",
            )  # fmt: skip


def _caption(
    board: Leaderboard, lines: Mapping[str, tuple[Row, list[Tried]]], seen: View, crosses: bool
) -> str:
    text = f"{capital(on('val', board.metric))} of the best checkpoint against the learning rate"
    text += (
        " (validation, since a rate must not be chosen on test data); logarithmic axes."
        if (seen.log)
        else " on a logarithmic axis (validation, since a rate must not be chosen on test data)."
    )
    many = [t.span.seeds for _, line in lines.values() for t in line if t.span]
    if max(many, default=1) > 1:
        text += f" Means over seeds ({between(many)}), bars from the lowest seed to the highest."
    else:
        text += " There is one seed a rate, so no bars."
    if crosses:
        text += " A cross at the bottom: how many seeds failed, of how many."
    if seen.cut:
        text += " Values far beyond the others lie outside the axis."
    if len(lines) > MOST:
        text += f" Of {len(lines)} lines the best {MOST} are shown."
    return text

"""How much the learning rate matters."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.reporting.plotting.labels import End, baseline, column
from seqbench.reporting.plotting.looks import Look, variant
from seqbench.reporting.plotting.paper import SMALL, Drawing, barred, sheet, show
from seqbench.reporting.plotting.seeds import baselines
from seqbench.reporting.plotting.trials import Tried, tried
from seqbench.reporting.plotting.views import View, spread, view, wider
from seqbench.reporting.plotting.words import (
    between,
    capital,
    counts,
    names,
    number,
    on,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 8
"""Lines in one picture."""

STRIP = 0.075
"""The share of the picture's height that a line of crosses takes."""

ROOM = 9
"""Ticks for which there is room."""


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
    seen = view(every, [], board.mode)
    for _, value in rules:
        seen = wider(seen, value)
    crosses: dict[float, list[tuple[Look, Tried]]] = {}
    for key, (_, line) in shown.items():
        for each in line:
            if each.failed:
                crosses.setdefault(each.rate, []).append((styles[key], each))
    levels = max(map(len, crosses.values()), default=0)
    _ticks(axes, sorted({t.rate for _, line in shown.values() for t in line}))
    show(axes, "y", seen)
    axes.set_ylim(_deeper(seen, STRIP * levels), seen.high)
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
        _caption(board, lines, rules, seen, bool(crosses)),
        figure,
    )


def _styles(rows: Mapping[str, Row], looks: Mapping[str, Look]) -> dict[str, Look]:
    """Of each line: its cell's colour and marker, dashes where a cell has several."""
    before: dict[str, int] = {}
    found = {}
    for key, row in rows.items():
        place = before[row.model] = before.get(row.model, -1) + 1
        found[key] = variant(looks[row.name].colour, looks[row.name].marker, place)
    return found


def _ticks(axes: "Axes", rates: Sequence[float]) -> None:
    """At the rates that were tried, where there is room."""
    along = spread(rates)
    show(axes, "x", along)
    room = math.log(along.high / along.low) / ROOM
    if all(math.log(after / before) > room for before, after in itertools.pairwise(rates)):
        axes.set_xticks(rates, [number(rate) for rate in rates])


def _deeper(seen: View, share: float) -> float:
    """Where an axis begins that has this share of it added below."""
    part = share / (1 - share)
    if seen.log:
        return float(seen.low / (seen.high / seen.low) ** part)
    return seen.low - part * (seen.high - seen.low)


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
    board: Leaderboard,
    lines: Mapping[str, tuple[Row, list[Tried]]],
    rules: Sequence[tuple[str, float]],
    seen: View,
    crosses: bool,
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
    far = [title for title, value in rules if not seen.holds(value)]
    if len(far) < len(rules):
        text += " Dashed: trivial baselines."
    if far:
        text += f" Outside the axis: {counts(far, 'trivial baseline')} ({', '.join(far)})."
    if crosses:
        text += " A cross at the bottom: how many seeds failed, of how many."
    if seen.cut:
        text += " Values far beyond the others lie outside the axis."
    if len(lines) > MOST:
        text += f" Of {len(lines)} lines the best {MOST} are shown."
    return text

"""Quality against what it costs: time and parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqbench.reporting.leaderboard import Estimate, Leaderboard, Row
from seqbench.reporting.plotting.labels import GAP, Dot, End, baseline, beside, column
from seqbench.reporting.plotting.looks import Look
from seqbench.reporting.plotting.paper import SMALL, Drawing, sheet, show
from seqbench.reporting.plotting.views import View, spread, view, wider
from seqbench.reporting.plotting.words import (
    amount,
    capital,
    counts,
    duration,
    finite,
    names,
    on,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.4
"""Inches."""

NAMED, LISTED = 12, 24
"""Rows that are named beside their dots, and in a column."""


@dataclass(frozen=True)
class Cost:
    """name: in the picture's. axis: what its axis says. told: what it is. of: a row; None where it
    is not known. text: of a tick."""

    name: str
    axis: str
    told: str
    of: Callable[[Row], float | None]
    text: Callable[[float], str]


TIME = Cost(
    "time",
    "training time",
    "the time that training took, validation included (median over seeds)",
    lambda row: row.costs.fit_seconds,
    duration,
)
PARAMETERS = Cost(
    "parameters",
    "parameters",
    "the number of parameters",
    lambda row: row.costs.parameters,
    amount,
)


def times(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """The board's metric against the seconds of training."""
    return _against(board, looks, name, TIME)


def parameters(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """The board's metric against the number of parameters."""
    return _against(board, looks, name, PARAMETERS)


def _against(
    board: Leaderboard, looks: Mapping[str, Look], name: str, cost: Cost
) -> Drawing | None:
    """A dot a row; None where there are no two that differ in the cost."""
    called = names(board)
    rows = {
        row.name: (x, row.estimate)
        for row in board.rows
        if row.kind != "trivial" and row.estimate and finite([row.estimate.mean])
        for x in finite([cost.of(row)])
        if x > 0
    }
    if len({x for x, _ in rows.values()}) < 2:
        return None
    figure, axes = sheet(HEIGHT)
    dots = {key: Dot(called[key], x, e.mean, *_bar(e)) for key, (x, e) in rows.items()}
    seen = view([v for dot in dots.values() for v in (dot.low, dot.high)], [], board.mode)
    rules = {
        called[row.name]: row.estimate.mean
        for row in board.rows
        if row.kind == "trivial" and row.estimate and finite([row.estimate.mean])
    }
    for value in rules.values():
        seen = wider(seen, value)
    show(axes, "x", spread([x for x, _ in rows.values()]), cost.text)
    show(axes, "y", seen)
    for title, value in rules.items():
        if seen.holds(value):
            axes.axhline(value, label=title, **baseline())
    for key, dot in dots.items():
        _dot(axes, dot, looks[key])
    axes.set(xlabel=cost.axis, ylabel=on(board.split, board.metric))
    several = any(e.low is not None for _, e in rows.values())
    made = "mean over seeds, bars: its 95 % interval" if several else "one seed each"
    axes.set_title(f"{short(board.task)}: {made}", fontsize=SMALL)
    held = {key: dot for key, dot in dots.items() if seen.holds(dot.y)}
    unnamed = _name(axes, held, looks, {k: v for k, v in rules.items() if seen.holds(v)})
    caption = _caption(board, cost, seen, rules, several)
    if any(row.kind == "baseline" for row in board.rows if row.name in rows):
        caption += " Stars: classical baselines."
    if len(held) < len(dots):
        outside = counts([*range(len(dots) - len(held))], "row")
        caption += f" Outside the axis, far beyond the others: {outside}."
    if unnamed:
        caption += f" The best {len(held) - unnamed} of {len(held)} rows are named."
    return Drawing(f"{name}-{cost.name}", f"{short(board.task)} by {cost.axis}", caption, figure)


def _dot(axes: "Axes", dot: Dot, look: Look) -> None:
    """With its bar, if it has one."""
    if dot.low < dot.high:
        bars = [[dot.y - dot.low], [dot.high - dot.y]]
        axes.errorbar(
            [dot.x], [dot.y], bars, fmt="none", ecolor=look.colour, elinewidth=1.2, capsize=2.5,
            label=f"_{dot.text}",
        )  # fmt: skip
    axes.plot([dot.x], [dot.y], linestyle="", label=dot.text, **look.dot)


def _name(
    axes: "Axes", dots: Mapping[str, Dot], looks: Mapping[str, Look], rules: Mapping[str, float]
) -> int:
    """Beside the dots where there is room, else in a column; how many have no name."""
    lines = [End(title, value) for title, value in rules.items()]
    boxes = column(axes, lines)
    if len(dots) <= NAMED and beside(axes, [*dots.values()], [*rules.values()]):
        return 0
    for box in boxes:
        box.remove()
    listed = [End(dot.text, dot.y, looks[key], line=False) for key, dot in dots.items()][:LISTED]
    figure = axes.get_figure(root=True)
    assert figure
    figure.set_size_inches(
        figure.get_figwidth(), max(HEIGHT, 0.8 + GAP / 72 * (len(listed) + len(lines)))
    )
    column(axes, [*listed, *lines])
    return len(dots) - len(listed)


def _caption(
    board: Leaderboard, cost: Cost, seen: View, rules: Mapping[str, float], several: bool
) -> str:
    text = f"{capital(on(board.split, board.metric))} against {cost.told}, "
    text += "logarithmic axes." if seen.log else "on a logarithmic axis."
    if several:
        text += (
            " Dots are means over seeds, bars their 95 % bootstrap intervals (none where there is"
            " one seed)."
        )
    far: Sequence[str] = [title for title, value in rules.items() if not seen.holds(value)]
    if len(far) < len(rules):
        text += " Dashed: trivial baselines."
    if far:
        text += f" Outside the axis: {counts(far, 'trivial baseline')} ({', '.join(far)})."
    return text


def _bar(estimate: Estimate) -> tuple[float, float]:
    """The interval's ends; the mean itself where there is none."""
    mean, ends = estimate.mean, finite([estimate.low, estimate.high])
    return (min(*ends, mean), max(*ends, mean)) if len(ends) == 2 else (mean, mean)

"""All rows under one another with their intervals: a forest plot."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from seqbench.reporting.leaderboard import Leaderboard
from seqbench.reporting.plotting.labels import baseline
from seqbench.reporting.plotting.looks import INK, Look
from seqbench.reporting.plotting.paper import SMALL, Drawing, sheet, show
from seqbench.reporting.plotting.views import View, view, wider
from seqbench.reporting.plotting.words import capital, finite, names, number, on, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 30
"""Rows in one picture."""


def forest(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """Each row's mean, interval and seeds; None where no row has the metric."""
    rows = [row for row in board.rows if row.estimate and finite([row.estimate.mean])]
    if not any(row.kind != "trivial" for row in rows):
        return None
    shown = rows[:MOST]
    figure, axes = sheet(0.75 + 0.21 * len(shown))
    called = names(board)
    known = [
        value
        for row in shown
        if row.kind != "trivial" and row.estimate
        for value in finite([row.estimate.low, row.estimate.high, *row.estimate.by_seed.values()])
    ]
    seen = view(known, [], board.mode)
    for row in shown:
        seen = wider(seen, row.estimate.mean) if row.kind == "trivial" and row.estimate else seen
    for place, row in enumerate(shown):
        estimate = row.estimate
        assert estimate
        if row.kind == "trivial":
            _rule(axes, called[row.name], estimate.mean, place, seen)
            continue
        look, title = looks[row.name], called[row.name]
        if not seen.holds(estimate.mean):
            _outside(axes, estimate.mean, place, seen)
            continue
        seeds = finite([*estimate.by_seed.values()])
        if len(seeds) > 1:
            axes.plot(
                seeds, [place] * len(seeds), linestyle="", marker="|", markersize=7,
                color=look.colour, alpha=0.7, markeredgewidth=0.9, label=f"_seeds {title}",
            )  # fmt: skip
        ends = finite([estimate.low, estimate.high])
        if len(ends) == 2:
            axes.plot(
                ends, [place, place], color=look.colour, linewidth=1.8, solid_capstyle="butt",
                label=f"_interval {title}",
            )  # fmt: skip
        axes.plot([estimate.mean], [place], linestyle="", label=title, **look.dot)
    show(axes, "x", seen)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [called[row.name] for row in shown])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(on(board.split, board.metric))
    some = f"; the best {MOST} of {len(rows)} rows" if len(rows) > MOST else ""
    axes.set_title(f"{short(board.task)}: mean, 95 % interval, each seed{some}", fontsize=SMALL)
    caption = (
        f"{capital(on(board.split, board.metric))} of each row, the best first"
        f"{', on a logarithmic axis' if seen.log else ''}: the mean over seeds, its 95 % bootstrap"
        " interval (a bar; none where there is one seed) and each seed (strokes)."
    )
    if any(row.kind == "baseline" for row in shown):
        caption += " Stars: classical baselines."
    if any(row.kind == "trivial" for row in shown):
        caption += " Dashed: trivial baselines."
    if any(row.estimate and not seen.holds(row.estimate.mean) for row in shown):
        caption += " An arrow: outside the axis, with its number."
    if len(rows) > MOST:
        caption += f" Of {len(rows)} rows the best {MOST} are shown."
    return Drawing(f"{name}-rows", f"{short(board.task)}, row by row", caption, figure)


def _rule(axes: "Axes", title: str, value: float, place: int, seen: View) -> None:
    """A trivial baseline: a line through all rows, and a small mark on its own."""
    if not seen.holds(value):
        _outside(axes, value, place, seen)
        return
    axes.axvline(value, label=title, **baseline())
    axes.plot([value], [place], marker=".", markersize=5, color=INK, label=f"_{title}")


def _outside(axes: "Axes", value: float, place: int, seen: View) -> None:
    """A number that is beyond the axis, at the side where it is."""
    left, told = value < seen.low, number(float(f"{value:.4g}"))
    axes.text(
        0.005 if left else 0.995, place, f"← {told}" if left else f"{told} →", fontsize=SMALL,
        transform=axes.get_yaxis_transform(), ha="left" if left else "right", va="center_baseline",
    )  # fmt: skip

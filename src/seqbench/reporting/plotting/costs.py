"""Quality against what it costs: time and parameters."""

from collections.abc import Callable, Mapping

from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.reporting.plotting.labels import Dot, End, baseline, beside, column
from seqbench.reporting.plotting.looks import Look
from seqbench.reporting.plotting.paper import (
    SMALL,
    Drawing,
    sheet,
    show,
    spread,
    view,
    wider,
)
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

NAMED = 16
"""Dots that have their names beside them."""


def times(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """The board's metric against the seconds of training."""
    return _against(
        board, looks, f"{name}-time", "training time", lambda row: row.costs.fit_seconds, duration,
        "the time that training took, validation included (median over seeds)",
    )  # fmt: skip


def parameters(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """The board's metric against the number of parameters."""
    return _against(
        board, looks, f"{name}-parameters", "parameters", lambda row: row.costs.parameters, amount,
        "the number of parameters",
    )  # fmt: skip


def _against(
    board: Leaderboard,
    looks: Mapping[str, Look],
    name: str,
    what: str,
    cost: Callable[[Row], float | None],
    text: Callable[[float], str],
    told: str,
) -> Drawing | None:
    """A dot a row; None where there are no two that differ in the cost."""
    called = names(board)
    rows = [
        (row, x, row.estimate)
        for row in board.rows
        if row.kind != "trivial" and row.estimate and finite([row.estimate.mean])
        for x in finite([cost(row)])
        if x > 0
    ]
    if len({x for _, x, _ in rows}) < 2:
        return None
    figure, axes = sheet(3.4)
    dots = [Dot(called[row.name], x, e.mean, *_bar(e.mean, e.low, e.high)) for row, x, e in rows]
    seen = view([v for dot in dots for v in (dot.low, dot.high)], [], board.mode)
    along = spread([x for _, x, _ in rows])
    ends, far = [], []
    for row in board.rows:
        if row.kind == "trivial" and row.estimate and finite([row.estimate.mean]):
            value = row.estimate.mean
            seen = wider(seen, value)
            if not seen.holds(value):
                far.append(called[row.name])
                continue
            axes.axhline(value, label=called[row.name], **baseline())
            ends.append(End(called[row.name], value))
    show(axes, "x", along, text)
    show(axes, "y", seen)
    for (row, x, e), dot in zip(rows, dots, strict=True):
        look = looks[row.name]
        if e.low is not None:
            bars = [[e.mean - dot.low], [dot.high - e.mean]]
            axes.errorbar(
                [x], [e.mean], bars, fmt="none", ecolor=look.colour, elinewidth=1.2, capsize=2.5,
                label=f"_{dot.text}",
            )  # fmt: skip
        size = 9 if row.kind == "baseline" else 6
        style = {**look.dot, "markersize": size}
        axes.plot([x], [e.mean], linestyle="", label=dot.text, **style)
    axes.set(xlabel=what, ylabel=on(board.split, board.metric))
    several = any(e.low is not None for _, _, e in rows)
    made = "mean over seeds, bars: its 95 % interval" if several else "one seed each"
    axes.set_title(f"{short(board.task)}: {made}", fontsize=SMALL)
    column(axes, ends)
    held = [dot for dot in dots if seen.holds(dot.y)]
    beside(axes, held[:NAMED], held, [end.height for end in ends])
    caption = f"{capital(on(board.split, board.metric))} against {told}, "
    caption += "logarithmic axes." if seen.log else "on a logarithmic axis."
    if several:
        caption += " Dots are means over seeds, bars their 95 % bootstrap intervals (none of one"
        caption += " seed)."
    if any(row.kind == "baseline" for row, _, _ in rows):
        caption += " Stars: classical baselines."
    if ends:
        caption += " Dashed: trivial baselines."
    if far:
        caption += f" Outside the axis: {counts(far, 'trivial baseline')} ({', '.join(far)})."
    if len(held) < len(dots):
        outside = counts([*range(len(dots) - len(held))], "row")
        caption += f" Outside the axis, far beyond the others: {outside}."
    if len(held) > NAMED:
        caption += f" The best {NAMED} of {len(held)} are named."
    return Drawing(name, f"{short(board.task)} by {what}", caption, figure)


def _bar(mean: float, low: float | None, high: float | None) -> tuple[float, float]:
    """The interval's ends; the mean itself where there is none."""
    ends = finite([low, high])
    return (min(*ends, mean), max(*ends, mean)) if len(ends) == 2 else (mean, mean)

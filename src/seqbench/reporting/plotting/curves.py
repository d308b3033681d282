"""How validation went while the networks were trained."""

import math
from collections.abc import Mapping, Sequence

from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.reporting.plotting.labels import End, baseline, column
from seqbench.reporting.plotting.looks import Look
from seqbench.reporting.plotting.paper import SMALL, Drawing, View, sheet, show, view
from seqbench.reporting.plotting.seeds import Course, baselines, courses
from seqbench.reporting.plotting.words import between, counts, finite, names, on, short

MOST = 8
"""Rows in one picture."""

POINTS = 300
"""Of a curve that are drawn."""


def curves(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """Validation over training, a line a row; None where no run has kept any."""
    rows = [row for row in board.rows if row.kind == "network"]
    found, unit = courses(rows, board.metric)
    if not found:
        return None
    shown = {name: found[name] for name in [*found][:MOST]}
    called = names(board)
    figure, axes = sheet(3.2)
    lines = baselines(board)
    seen = _seen(board, [*shown.values()], [value for row, value in lines if row.kind == "trivial"])
    ends = []
    for key, course in shown.items():
        look = looks[key]
        every = math.ceil(len(course.x) / POINTS)
        x, mean, low, high = (
            [*numbers[::every], *numbers[-1:]] if every > 1 else [*numbers]
            for numbers in (course.x, course.mean, course.low, course.high)
        )
        if course.seeds > 1:
            axes.fill_between(x, low, high, color=look.colour, alpha=0.18, linewidth=0)
        marked = max(1, len(x) // 8)
        axes.plot(x, mean, label=called[key], markevery=marked, **look.line)
        ends.append(End(called[key], seen.nearest(course.last), look))
    far = []
    for row, value in lines:
        if seen.holds(value):
            axes.axhline(value, label=called[row.name], **baseline())
            ends.append(End(called[row.name], value))
        else:
            far.append(called[row.name])
    last = max(course.x[-1] for course in shown.values())
    show(axes, "x", View(-0.015 * last, 1.015 * last or 1, False, False))
    show(axes, "y", seen)
    axes.set(xlabel=unit, ylabel=on("val", board.metric))
    few = all(course.seeds == 1 for course in shown.values())
    made = "one seed each" if few else "mean over seeds, band from the lowest to the highest"
    some = f"; the best {MOST} of {len(found)} rows" if len(found) > MOST else ""
    axes.set_title(f"{short(board.task)}: {made}{some}", fontsize=SMALL)
    column(axes, ends)
    return Drawing(
        f"{name}-curves",
        f"Learning curves of {short(board.task)}",
        _caption(board, shown, unit, len(found), seen, [row for row, _ in lines], far),
        figure,
    )


def _seen(board: Leaderboard, shown: Sequence[Course], trivial: Sequence[float]) -> View:
    starts = [value for course in shown for value in finite(course.mean)[:1]]
    bands = [v for course in shown for some in (course.low, course.high) for v in some]
    return view(bands, [*starts, *trivial], board.mode)


def _caption(
    board: Leaderboard,
    shown: Mapping[str, Course],
    unit: str,
    many: int,
    seen: View,
    rules: Sequence[Row],
    far: Sequence[str],
) -> str:
    what = on("val", board.metric)
    text = f"{what[0].upper()}{what[1:]} over {unit} of training"
    text += ", on a logarithmic axis." if seen.log else "."
    if any(course.x[0] == 0 for course in shown.values()):
        text += " At 0 nothing has been trained yet."
    many_seeds = [course.seeds for course in shown.values()]
    if max(many_seeds) > 1:
        text += (
            f" Lines are means over the seeds that ended well ({between(many_seeds)}), bands reach"
            " from the lowest seed to the highest."
        )
    else:
        text += " There is one seed a row, so no band."
    if any(max(course.ends) > course.x[-1] for course in shown.values()):
        text += " A line ends where the first of its seeds stopped."
    if any(course.gaps for course in shown.values()):
        text += " A gap: a seed had no finite number there."
    if any(len(course.x) > POINTS for course in shown.values()):
        text += f" Of long curves about {POINTS} points are drawn."
    if many > MOST:
        text += f" Of {many} rows the best {MOST} are shown."
    if seen.cut:
        text += " Values far beyond the others lie outside the axis."
    if len(rules) > len(far):
        text += " Dashed, without markers: baselines."
    if far:
        text += f" Outside the axis: {counts(far, 'baseline')} ({', '.join(far)})."
    return text

"""How validation went while the networks were trained."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seqbench.reporting.leaderboard import Leaderboard
from seqbench.reporting.plotting.labels import End, baseline, column
from seqbench.reporting.plotting.looks import INK, Look
from seqbench.reporting.plotting.paper import SMALL, Drawing, sheets, show
from seqbench.reporting.plotting.seeds import Course, baselines, courses
from seqbench.reporting.plotting.views import View, view
from seqbench.reporting.plotting.words import between, capital, counts, finite, names, on, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 8
"""Rows in one picture."""

POINTS = 300
"""Of a curve that are drawn."""

FLAT = 0.3
"""The share of the axis up to which the second half of training is shown once more, magnified."""


def curves(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """Validation over training, a line a row; None where no run has kept any."""
    found, unit = courses([row for row in board.rows if row.kind == "network"], board.metric)
    if not found:
        return None
    shown = {key: found[key] for key in [*found][:MOST]}
    every = [*shown.values()]
    called = names(board)
    rules = {called[row.name]: value for row, value in baselines(board)}
    trivial = [value for row, value in baselines(board) if row.kind == "trivial"]
    whole = _whole(every, trivial, board.mode)
    end = max(course.x[-1] for course in every)
    late = _late(every, end / 2, whole, board.mode)
    parts = [(0.0, whole), (end / 2, late)] if late else [(0.0, whole)]
    figure, panels = sheets(3.2, len(parts))
    for axes, (start, part) in zip(panels, parts, strict=True):
        for key, course in shown.items():
            _line(axes, course, called[key], looks[key])
        for title, value in rules.items():
            if part.holds(value):
                axes.axhline(value, label=title, **baseline())
        air = 0.02 * (end - start) or 1.0
        show(axes, "x", View(start - air, end + air, False, False))
        show(axes, "y", part)
        axes.set_xlabel(unit)
    panels[0].set_ylabel(on("val", board.metric))
    made = "mean over seeds, band from the lowest to the highest"
    made = "one seed each" if all(course.seeds == 1 for course in every) else made
    some = f"; the best {MOST} of {len(found)} rows" if len(found) > MOST else ""
    panels[0].set_title(f"{short(board.task)}: {made}{some}", fontsize=SMALL)
    last = parts[-1][1]
    ends = [End(called[key], last.nearest(each.last), looks[key]) for key, each in shown.items()]
    ends += [End(title, value) for title, value in rules.items() if last.holds(value)]
    if late:
        _magnified(panels[0], end / 2, end, late)
        _inside(panels[0], {k: v for k, v in rules.items() if whole.holds(v) and not late.holds(v)})
    column(panels[-1], ends)
    far = [title for title, value in rules.items() if not whole.holds(value)]
    text = _caption(board, every, unit, whole)
    if late:
        text += " Right: the second half, the frame at the left, magnified."
    if len(found) > MOST:
        text += f" Of {len(found)} rows the best {MOST} are shown."
    if len(rules) > len(far):
        text += " Dashed, without markers: baselines."
    if far:
        text += f" Outside the axis: {counts(far, 'baseline')} ({', '.join(far)})."
    return Drawing(f"{name}-curves", f"Learning curves of {short(board.task)}", text, figure)


def _whole(shown: Sequence[Course], trivial: Sequence[float], mode: str) -> View:
    """With where the networks begin, and the trivial baselines."""
    starts = [value for course in shown for value in finite(course.mean)[:1]]
    bands = [v for course in shown for some in (course.low, course.high) for v in some]
    return view(bands, [*starts, *trivial], mode)


def _late(shown: Sequence[Course], start: float, whole: View, mode: str) -> View | None:
    """Of the second half; None where the whole shows it well enough, or it has few points."""
    points = [
        (x, v)
        for course in shown
        for some in (course.low, course.high)
        for x, v in zip(course.x, some, strict=True)
        if x >= start
    ]
    values = finite([v for _, v in points])
    if len({x for x, _ in points}) < 4 or not values or min(values) == max(values):
        return None
    late = view(values, [], mode)
    low, high = whole.nearest(late.low), whole.nearest(late.high)
    if whole.log:
        share = math.log(high / low) / math.log(whole.high / whole.low)
    else:
        share = (high - low) / (whole.high - whole.low)
    return late if 0 < share < FLAT else None


def _line(axes: "Axes", course: Course, title: str, look: Look) -> None:
    """The mean, and a band where there are several seeds."""
    every = math.ceil(len(course.x) / POINTS)
    x, mean, low, high = (
        [*numbers[::every], *numbers[-1:]] if every > 1 else [*numbers]
        for numbers in (course.x, course.mean, course.low, course.high)
    )
    if course.seeds > 1:
        axes.fill_between(
            x, low, high, color=look.colour, alpha=0.18, linewidth=0, label=f"_{title}"
        )
    axes.plot(x, mean, label=title, markevery=max(1, len(x) // 8), **look.line)


def _magnified(axes: "Axes", start: float, end: float, late: View) -> None:
    """A frame around what the right panel shows."""
    from matplotlib.patches import Rectangle

    low, high = axes.get_ylim()
    bottom, top = max(late.low, low), min(late.high, high)
    frame = Rectangle((start, bottom), end - start, top - bottom, fill=False, edgecolor=INK)
    frame.set(alpha=0.6, linewidth=0.7)
    axes.add_patch(frame)
    axes.set_ylim(low, high)


def _inside(axes: "Axes", rules: Mapping[str, float]) -> None:
    """Names of lines upon them."""
    for title, value in rules.items():
        axes.annotate(
            title, (1, value), (-2, 1.5), xycoords=axes.get_yaxis_transform(), ha="right",
            textcoords="offset points", fontsize=SMALL,
        )  # fmt: skip


def _caption(board: Leaderboard, shown: Sequence[Course], unit: str, seen: View) -> str:
    text = f"{capital(on('val', board.metric))} over {unit} of training"
    text += ", on a logarithmic axis." if seen.log else "."
    if any(course.x[0] == 0 for course in shown):
        text += " At 0 nothing has been trained yet."
    seeds = [course.seeds for course in shown]
    if max(seeds) > 1:
        text += (
            f" Lines are means over the seeds that ended well ({between(seeds)}), bands reach"
            " from the lowest seed to the highest."
        )
    else:
        text += " There is one seed a row, so no band."
    text += " What counts elsewhere is each seed's best checkpoint, not its last."
    if any(max(course.ends) > course.x[-1] for course in shown):
        text += " A line ends where the first of its seeds stopped."
    if any(course.gaps for course in shown):
        text += " A gap: a seed had no finite number there."
    if any(len(course.x) > POINTS for course in shown):
        text += f" Of long curves about {POINTS} points are drawn."
    if seen.cut:
        text += " Values far beyond the others lie outside the axis."
    return text

"""Names beside what they name: in a column at the right of curves, and next to dots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqbench.reporting.plotting.looks import INK, Look
from seqbench.reporting.plotting.paper import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 10.5
"""Points between the middles of two names in a column."""

BASELINES = (0, (4, 2.5))
"""Dashes of the lines of baselines."""


@dataclass(frozen=True)
class End:
    """A name in a column. height: of what it names, on the y axis. look: None of a baseline.
    line: whether it names a line, or a dot alone."""

    text: str
    height: float
    look: Look | None = None
    line: bool = True


def column(axes: "Axes", ends: Sequence[End]) -> list[Any]:
    """Names at the right of the axes, each with its line and marker, as near to their heights as
    there is room; a key that covers nothing. Returns what was added."""
    from matplotlib.lines import Line2D
    from matplotlib.offsetbox import AnnotationBbox, DrawingArea, HPacker, TextArea

    boxes: list[Any] = []
    for end in ends:
        wide = 20 if end.line else 8
        key = DrawingArea(wide, 8)
        style = end.look.line if end.look else baseline()
        if end.line:
            key.add_artist(Line2D([0, wide], [4, 4], **style | {"marker": ""}))
        if end.look:
            size = (end.look.line if end.line else end.look.dot)["markersize"]
            key.add_artist(
                Line2D([wide / 2], [4], linestyle="", **end.look.dot | {"markersize": size})
            )
        packed = HPacker(
            children=[key, TextArea(end.text, textprops={"size": SMALL})], align="center", pad=0,
            sep=4,
        )  # fmt: skip
        box = AnnotationBbox(
            packed, (1, 0.5), xybox=(5, 0), xycoords="axes fraction", boxcoords="offset points",
            box_alignment=(0, 0.5), frameon=False, pad=0, annotation_clip=False,
        )  # fmt: skip
        axes.add_artist(box)
        boxes.append(box)
    extent = _laid_out(axes)
    back, left = axes.transAxes.inverted(), axes.get_xlim()[0]
    heights = [back.transform(axes.transData.transform((left, end.height)))[1] for end in ends]
    gap = GAP * axes.get_figure(root=True).dpi / 72 / extent.height  # type: ignore[union-attr]
    for box, height in zip(boxes, apart(heights, gap, 0.02, 0.98), strict=True):
        box.xy = (1, height)
    return boxes


def baseline() -> dict[str, Any]:
    """The style of a line that stands for what needs no network."""
    return {"color": INK, "alpha": 0.75, "linewidth": 0.9, "linestyle": BASELINES}


def apart(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The heights moved as little as may be (least squares) so that no two are nearer than
    ``gap``, all between ``low`` and ``high`` if there is room. Of equal ones the first is highest.

    Pools those that would cross, as isotonic regression does.
    """
    order = sorted(range(len(heights)), key=lambda i: (heights[i], -i))
    room = max(high - low - gap * (len(order) - 1), 0.0)
    pools: list[list[float]] = []  # sum and count of what stands together
    for place, i in enumerate(order):
        pools.append([heights[i] - place * gap, 1])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            total, count = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += count
    flat = [total / count for total, count in pools for _ in range(int(count))]
    moved = [min(max(value, low), low + room) + place * gap for place, value in enumerate(flat)]
    return [value for _, value in sorted(zip(order, moved, strict=True))]


@dataclass(frozen=True)
class Dot:
    """A dot that wants a name. low, high: ends of its bar."""

    text: str
    x: float
    y: float
    low: float
    high: float


def beside(axes: "Axes", dots: Sequence[Dot], rules: Sequence[float] = ()) -> bool:
    """Name each dot at its right or left, above or below, where the name covers nothing.

    rules: heights of lines across the axes. Returns whether there was room; if not none is named.
    """
    from matplotlib.transforms import Bbox

    figure: Any = axes.get_figure(root=True)
    extent = _laid_out(axes)
    pixel = figure.dpi / 72
    left = axes.get_xlim()[0]
    taken = []
    for rule in rules:
        height = axes.transData.transform((left, rule))[1]
        taken.append(Bbox([[extent.x0, height - pixel], [extent.x1, height + pixel]]))
    for dot in dots:
        (x, y), (_, low), (_, high) = (
            axes.transData.transform((dot.x, h)) for h in (dot.y, dot.low, dot.high)
        )
        taken.append(Bbox([[x - 4 * pixel, y - 4 * pixel], [x + 4 * pixel, y + 4 * pixel]]))
        taken.append(Bbox([[x - pixel, low], [x + pixel, high]]))
    notes = []
    for dot in dots:
        note = axes.annotate(
            dot.text, (dot.x, dot.y), (0, 0), textcoords="offset points", fontsize=SMALL,
            annotation_clip=False,
        )  # fmt: skip
        note.set_in_layout(False)
        notes.append(note)
        for across, up in PLACES:
            _move(note, across, up)
            box = note.get_window_extent()
            room = _overlap(box, extent) > 0.999 * box.width * box.height
            if room and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                break
        else:
            for each in notes:
                each.remove()
            return False
    return True


PLACES = tuple(
    (across, up)
    for far in (1, 2)
    for across, up in ((far, 0), (-far, 0), (far, far), (-far, far), (far, -far), (-far, -far),
                       (0, far), (0, -far))
)  # fmt: skip
"""Around a dot, the best first and the nearest."""


def _move(note: Any, across: int, up: int) -> None:
    """To a place around its dot, its nearest edge or corner towards it."""
    sideways = {0: "center", 1: "left", -1: "right"}[(across > 0) - (across < 0)]
    upright = {0: "center", 1: "bottom", -1: "top"}[(up > 0) - (up < 0)]
    far = 5 if up else 6
    note.xyann = (across * far if across else 0, up * (3 if across else 6))
    note.set(ha=sideways, va="center_baseline" if upright == "center" else upright)


def _overlap(one: Any, other: Any) -> float:
    """Pixels that both cover."""
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(wide * high) if wide > 0 and high > 0 else 0.0


def _laid_out(axes: "Axes") -> Any:
    """The extent of the axes in pixels, once all has found its place."""
    figure: Any = axes.get_figure(root=True)
    figure.draw_without_rendering()
    return axes.get_window_extent()

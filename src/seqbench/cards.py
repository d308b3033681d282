"""Pictures that can be read on a card of TensorBoard's IMAGES, drawn with matplotlib, an extra."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqbench.metrics import Report
from seqbench.terminal import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.2
"""Inches across: on a card eight points are eight pixels or more."""

COUNTED = 12
"""Classes up to which the cells of a confusion matrix have their counts."""

LETTERS = 16
"""Of a label that are shown; a longer one is cut."""

LETTER = 0.62 / 72
"""Inches that a letter is wide on average, a point of its size."""


COLOURS = ("#3b6ea5", "#c46a1b")


def confusion(report: Report) -> "Figure":
    """How often each class was taken for each: rows true, columns predicted.

    A cell is the darker, the larger its share of its row. Large counts are in thousands.
    """
    labels = [_cut(label) for label in report["classes"]]
    count, many = len(labels), len(labels) > COUNTED
    counts = np.asarray(report["confusion"])
    sums = counts.sum(1, keepdims=True)
    shares = np.divide(counts, sums, out=np.zeros(counts.shape), where=sums > 0)
    size = 8.5 if many else 10.0
    longest = max(map(len, labels)) * size * LETTER
    cell = (WIDTH - longest - 0.5) / count
    # Names that do not fit side by side stand upright.
    upright = longest > cell
    high = max(WIDTH - 0.9, count * size * 1.2 / 72)
    figure, axes = _axes(longest + 0.4, high, (longest if upright else 0.15) + 0.35)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(count), labels, rotation=90 if upright else 0, parse_math=False)
    axes.set_yticks(range(count), labels, parse_math=False)
    axes.tick_params(labelsize=size, length=0)
    axes.tick_params(axis="x", labelsize=min(size, 72 * cell) if upright else size)
    axes.set_xlabel("predicted", fontsize=10)
    axes.set_ylabel("true", fontsize=10)
    axes.set_title("colour: share of its row", fontsize=10)
    if not many:
        _numbers(axes, counts, shares, cell)
    return figure


def _numbers(axes: "Axes", counts: Any, shares: Any, cell: float) -> None:
    """Counts in cells of so many inches, as large as the longest leaves room for."""
    shown = [[_short(int(count)) for count in row] for row in counts]
    digits = max(2, *(len(text) for row in shown for text in row))
    size = min(12.0, 0.8 * cell / digits / LETTER)
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.5 else "black"
        style: Any = {"ha": "center", "va": "center", "fontsize": size, "color": colour}
        axes.text(column, row, shown[row][column], **style)


def _short(count: int) -> str:
    """A count in four letters at most: 9999, 10k, 999k, 1.0M."""
    if count < 10_000:
        return str(count)
    if count < 999_500:
        return f"{count / 1e3:.0f}k"
    return f"{count / 1e6:.1f}M" if count < 9_950_000 else f"{count / 1e6:.0f}M"


def by_length(slices: Mapping[str, Mapping[str, float]], titles: Sequence[str]) -> "Figure":
    """Accuracy of the rows of each slice of length, and how many these are.

    titles: of the slices. What else is measured of a slice (of whole rows) stands below it.
    """
    names = [name for name in next(iter(slices.values())) if name != "rows"]
    bar = 0.3 if len(names) > 1 else 0.42
    figure, axes = _axes(1.15, bar * len(slices) * len(names), 0.25)
    height, places = 0.8 / len(names), np.arange(len(slices))
    for number, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        values = [of[name] for of in slices.values()]
        at = places + (number - (len(names) - 1) / 2) * height
        axes.barh(at, values, height * 0.94, color=colour, label=name.replace("_", " "))
        for place, value in zip(at, values, strict=True):
            inside = value > 0.2
            style: Any = {"ha": "right" if inside else "left", "va": "center", "fontsize": 9}
            axes.text(
                value - 0.01 if inside else value + 0.01,
                place,
                f"{value:.3f}",
                color="white" if inside else "black",
                **style,
            )
    counts = [f"{int(of['rows']):,} rows" for of in slices.values()]
    below = [f"{title}\n{rows}" for title, rows in zip(titles, counts, strict=True)]
    axes.set_yticks(places, below, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.tick_params(axis="x", labelsize=9)
    axes.set_title(f"{names[0].replace('_', ' ')} by length", fontsize=10)
    if len(names) > 1:
        axes.set_title("")
        above: Any = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.2}
        axes.legend(ncols=len(names), fontsize=9, frameon=False, **above)
    return figure


def _axes(left: float, height: float, below: float) -> "tuple[Figure, Axes]":
    """Axes on a new figure, so many inches high, with room left and below them for words."""
    from matplotlib.figure import Figure

    whole, wide = below + height + 0.3, WIDTH - left - 0.15
    figure = Figure(figsize=(WIDTH, whole))
    place = (left / WIDTH, below / whole, wide / WIDTH, height / whole)
    return figure, figure.add_axes(place)


def _cut(label: str) -> str:
    """A label on one line, and not too long."""
    name = visible(" ".join(label.split()))
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"

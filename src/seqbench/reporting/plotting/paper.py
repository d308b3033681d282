"""What all pictures share: their size and type, and how an axis is marked."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqbench.figures import any_letter
from seqbench.reporting.plotting.looks import INK, Look
from seqbench.reporting.plotting.seeds import Span
from seqbench.reporting.plotting.views import View, log_ticks, time_ticks
from seqbench.reporting.plotting.words import duration, even, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.5
"""Inches: the text of a page."""

SMALL, TYPE = 8, 9
"""Points."""


@dataclass(frozen=True)
class Drawing:
    """A picture before it is written: see ``seqbench.reporting.picture.Picture``."""

    name: str
    title: str
    caption: str
    figure: "Figure"


@contextmanager
def paper() -> Iterator[None]:
    """Within it figures look the same whatever the user's own settings of matplotlib are, and
    names are no formulas."""
    import matplotlib.style

    own = {
        "font.family": "sans-serif",
        "font.size": SMALL,
        "axes.labelsize": TYPE,
        "axes.titlesize": TYPE,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "axes.facecolor": "none",
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": INK,
        "grid.alpha": 0.13,
        "grid.linewidth": 0.5,
        "text.parse_math": False,
        "hatch.color": INK,
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor"), INK),
        **dict.fromkeys(("axes.titlecolor", "xtick.color", "ytick.color"), INK),
    }
    with matplotlib.style.context(["default", own]), any_letter():
        yield


def sheet(height: float) -> tuple["Figure", "Axes"]:
    """An empty figure as wide as a page's text. height: in inches."""
    figure, (axes,) = sheets(height, 1)
    return figure, axes


def sheets(height: float, panels: int) -> tuple["Figure", list["Axes"]]:
    """The same with several panels side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, [*figure.subplots(1, panels, squeeze=False)[0]]


def show(axes: "Axes", which: str, seen: View, text: Callable[[float], str] = number) -> None:
    """Set the limits and ticks of an axis. which: x or y. text: what a tick says."""
    from matplotlib.ticker import MaxNLocator, NullLocator

    axis: Any = {"x": axes.xaxis, "y": axes.yaxis}[which]
    axes.set(**{f"{which}scale": "log" if seen.log else "linear"})
    axes.set(**{f"{which}lim": (seen.low, seen.high)})
    if seen.log:
        ticks = (
            time_ticks(seen.low, seen.high) if text is duration else log_ticks(seen.low, seen.high)
        )
        axis.set_minor_locator(NullLocator())
        axis.set_ticks(ticks, [text(tick) for tick in ticks])
        return
    some = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(seen.low, seen.high)
    ticks = [float(tick) for tick in some if seen.holds(tick)]
    axis.set_ticks(ticks, even(ticks))


def barred(axes: "Axes", points: Sequence[tuple[float, Span]], label: str, look: Look) -> None:
    """A line of means with markers, and a bar from the lowest to the highest at each."""
    x, mean = [x for x, _ in points], [s.mean for _, s in points]
    bars = [[s.mean - s.low for _, s in points], [s.high - s.mean for _, s in points]]
    axes.errorbar(
        x, mean, bars, fmt="none", ecolor=look.colour, elinewidth=1.1, capsize=2, label=f"_{label}"
    )
    axes.plot(x, mean, label=label, **look.line)

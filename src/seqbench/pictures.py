"""The picture of a gradient over time, drawn with matplotlib, which comes as an extra."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqbench.curves import Gradients, finite
from seqbench.terminal import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 5
"""Panels in a row at most."""
SHORT, LINE = 16, 30
"""Letters of a title up to which it shares its line with a number, and in any line."""
DECADES = 60
"""Powers of ten that an axis spans at most: float32 itself has not many more."""


@dataclass(frozen=True)
class Curve:
    """norms: by T - t. radius: of one step's Jacobian; nan where it is not known."""

    epoch: int
    norms: Sequence[float]
    radius: float


@dataclass(frozen=True)
class Panel:
    """The curves of one part of one network's state, in the order of training."""

    title: str
    part: str
    curves: Sequence[Curve]


def panels(title: str, content: Gradients, layer: int, parts: Sequence[str]) -> list[Panel]:
    """A panel for each of the named parts of a layer's state. layer: from 0."""
    many = len(content.parts(layer)) > 1
    return [
        Panel(
            visible(f"{title}, {part}" if many else title),
            part,
            [
                Curve(each.epoch, each.layers[layer].norms[part], each.layers[layer].step_radius)
                for each in content.measurements
            ],
        )
        for part in parts
    ]


def draw(shown: Sequence[Panel], relative: bool = False, across: int = ACROSS) -> "Figure":
    """Panels side by side with the same axes: norms over T - t, a curve an epoch, light to dark.

    relative: each curve divided by its first number. The dashed line is what the last epoch's
    gradient would be if every step multiplied it by the spectral radius. Numbers that are 0 or
    not finite leave a gap, and a note that says so. across: panels in a row at most.
    """
    from matplotlib.figure import Figure

    rows = math.ceil(len(shown) / across)
    columns = math.ceil(len(shown) / rows)
    figure = Figure(figsize=(1.5 + 2.4 * columns, 0.5 + 2.6 * rows), layout="constrained")
    grid: Any = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    epochs = sorted({curve.epoch for panel in shown for curve in panel.curves})
    colours = _colours(epochs)
    for place, axes in enumerate(grid.flat):
        axes.set_visible(place < len(shown))
        axes.tick_params(labelbottom=place + columns >= len(shown))
    end = max(1, max(len(curve.norms) for panel in shown for curve in panel.curves) - 1)
    grid[0, 0].set_xlim(-0.02 * end, 1.02 * end)
    grid[0, 0].set_yscale("log")
    grid[0, 0].set_ylim(*_limits(shown, relative))
    for axes, panel in zip(grid.flat, shown, strict=False):
        _panel(axes, panel, colours, relative)
    dashed = [axes for axes in grid.flat if axes.get_legend_handles_labels()[0]]
    for axes in dashed[:1]:
        axes.legend(loc="lower left", fontsize=8, frameon=False, handlelength=2.6)
    parts = {panel.part for panel in shown}
    part = parts.pop() if len(parts) == 1 and "".join(parts).isalpha() else "s"
    what = rf"$\|\partial L_T / \partial {part}_t\|$"
    figure.supylabel(f"{what}, as a share of that at $T$" if relative else what, fontsize=10)
    figure.supxlabel("steps back from the last,  T − t", fontsize=10)
    if len(epochs) > 1:
        _bar(figure, grid, colours)
    return figure


def _colours(epochs: Sequence[int]) -> dict[int, Any]:
    """A colour for each epoch by its place: light to dark, told apart by any eye and in grey."""
    import matplotlib as mpl
    import numpy as np

    places = np.linspace(0.12 if len(epochs) > 1 else 0.75, 1.0, len(epochs))
    return dict(zip(epochs, mpl.colormaps["viridis_r"](places), strict=True))


def _bar(figure: "Figure", grid: Any, colours: dict[int, Any]) -> None:
    """A bar of the epochs' colours, one field each."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    epochs = [*colours]
    bounds = [place - 0.5 for place in range(len(epochs) + 1)]
    fields = ScalarMappable(BoundaryNorm(bounds, len(epochs)), ListedColormap([*colours.values()]))
    every = math.ceil(len(epochs) / 12)
    ticks = sorted({*range(0, len(epochs), every), len(epochs) - 1})
    pad = 0.02 if grid.shape[1] > 1 else 0.06  # room for its title
    bar = figure.colorbar(fields, ax=grid, ticks=ticks, fraction=0.05, pad=pad, aspect=30)
    bar.ax.set_yticklabels([str(epochs[place]) for place in ticks], fontsize=8)
    bar.ax.minorticks_off()
    bar.ax.set_title("epoch", fontsize=9)


def _panel(axes: "Axes", panel: Panel, colours: dict[int, Any], relative: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.autoscale(enable=False)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, linewidth=0.5)
    notes = []
    for curve in panel.curves:
        norms = _scaled(curve, relative)
        notes.append(_note(norms))
        heights = [norm if 0 < norm < math.inf else math.nan for norm in norms]
        marker = "o" if len(finite(norms)) == 1 else ""
        style = {"color": colours[curve.epoch], "linewidth": 1.6, "marker": marker}
        axes.plot(range(len(heights)), heights, **style)
    last = panel.curves[-1]
    start = next(iter(finite(_scaled(last, relative)[:1])), math.nan)
    if 0 < last.radius < math.inf and not math.isnan(start):
        logs = [math.log10(start) + d * math.log10(last.radius) for d in range(len(last.norms))]
        line = [10.0**power if abs(power) < 300 else math.nan for power in logs]
        style = {"color": "0.35", "linewidth": 1.1, "linestyle": (0, (4, 2))}
        axes.plot(range(len(line)), line, label=r"$\rho^{\,T-t}$", **style)
    axes.set_title(_heading(panel.title, last.radius), fontsize=10, parse_math=False)
    told = dict.fromkeys(note for note in notes if note)
    if told:
        axes.text(0.97, 0.97, "\n".join(told), transform=axes.transAxes, ha="right", va="top",
                  fontsize=7, color="0.25")  # fmt: skip


def _heading(title: str, radius: float) -> str:
    """A title above its panel, in lines that fit."""
    told = "" if math.isnan(radius) else f"ρ = {radius:.3f}"
    if len(title) <= SHORT:
        return f"{title}   {told}".rstrip()
    return "\n".join([*textwrap.wrap(title, LINE), *([told] if told else [])])


def _scaled(curve: Curve, relative: bool) -> list[float]:
    """The norms, or their shares of the first; nan where there is nothing to have a share of."""
    if not relative:
        return [*curve.norms]
    first = curve.norms[0]
    usable = 0 < first < math.inf
    return [norm / first if usable else math.nan for norm in curve.norms]


def _note(norms: Sequence[float]) -> str:
    zeros = [d for d, norm in enumerate(norms) if norm == 0]
    if zeros and zeros == [*range(zeros[0], len(norms))]:
        return f"exactly 0 from T − t = {zeros[0]} on"
    if zeros:
        return f"exactly 0 at {len(zeros)} steps"
    if any(not math.isfinite(norm) for norm in norms):
        return "gap: not finite"
    return ""


def _limits(shown: Sequence[Panel], relative: bool) -> tuple[float, float]:
    """Around all that there is to see, at least two powers of ten high."""
    seen = finite(
        [n for panel in shown for curve in panel.curves for n in _scaled(curve, relative)]
    )
    low, high = (math.log10(min(seen)), math.log10(max(seen))) if seen else (-1.0, 0.0)
    low = max(low, high - DECADES)
    margin = max(0.06 * (high - low), (2 - (high - low)) / 2, 0.15)
    low = min(max(low - margin, -300), 298)
    return 10.0**low, 10.0 ** max(min(high + margin, 300), low + 2)

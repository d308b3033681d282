"""Colours, markers and dashes: a cell looks the same in all pictures; rows of one cell differ.

The colours can be read on white and on near-black (a contrast of 3 and more on both), and those of
the common cells can be told apart by eyes that miss one kind of cone (after Okabe and Ito,
"Color Universal Design", 2008). No two rows of a leaderboard differ in colour alone.
"""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seqbench.reporting.leaderboard import Leaderboard, Row

INK = "#000001"
"""Of text and axes: black on paper; HTML gets the colour of its text instead."""

KNOWN: dict[str, tuple[str, Any]] = {
    "rnn": ("#009e73", "o"),
    "irnn": ("#808080", "D"),
    "gru": ("#0072b2", "s"),
    "gru_v1": ("#3399dd", "d"),
    "mgu": ("#6a5acd", "P"),
    "lstm": ("#d55e00", "^"),
    "lstm_1997": ("#a67c00", "v"),
    "lstm_peephole": ("#c2559d", "<"),
    "lstm_layernorm": ("#cc3344", ">"),
}

COLOURS = ("#1b8a99", "#b8437f", "#8c6d1f", "#8a5fb5", "#c8503c", "#5f7f2a")
MARKERS: tuple[Any, ...] = ("p", (4, 1, 0), "H", (6, 1, 0), (3, 1, 0), "8")
"""Of cells that are not known."""

SMALL = ("*", (4, 1, 0), (6, 1, 0), (3, 1, 0))
"""Markers that are drawn larger, as stars have little in them."""

DASHES: tuple[Any, ...] = ("-", (0, (5, 1.8)), (0, (1.2, 1.4)), (0, (6, 1.6, 1.2, 1.6)))
FILLS = ("full", "none", "left", "bottom", "right", "top")
"""Of the rows of one cell: twelve that differ as lines, six as dots."""


@dataclass(frozen=True)
class Look:
    """How a row is drawn. dashes, marker, fill: as matplotlib's Line2D takes them."""

    colour: str
    marker: Any
    dashes: Any
    fill: str

    @property
    def line(self) -> dict[str, Any]:
        """For ``Axes.plot``: a line with markers."""
        size = 0.75 * self.dot["markersize"]
        return {**self.dot, "linestyle": self.dashes, "linewidth": 1.4, "markersize": size}

    @property
    def dot(self) -> dict[str, Any]:
        """A marker alone."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "fillstyle": self.fill,
            "markersize": 9 if self.marker in SMALL else 6,
            "markeredgewidth": 1.0,
        }


def looks(board: Leaderboard) -> dict[str, Look]:
    """The look of each row but the trivial ones, by the row's name."""
    rows = [row for row in board.rows if row.kind != "trivial"]
    networks = [row for row in rows if row.kind == "network"]
    found: dict[str, Look] = {}
    for model, (colour, marker) in _models(row.model for row in networks).items():
        own = sorted((row for row in networks if row.model == model), key=_order)
        for place, row in enumerate(own):
            found[row.name] = variant(colour, marker, place)
    classical = [row for row in rows if row.kind == "baseline"]
    for place, row in enumerate(sorted(classical, key=_order)):
        found[row.name] = variant(INK, "*", place)
    return found


def variant(colour: str, marker: Any, place: int) -> Look:
    """Of the row, or line, at this place among those of its model."""
    return Look(colour, marker, DASHES[place % len(DASHES)], FILLS[place % len(FILLS)])


def _models(names: Iterable[str]) -> dict[str, tuple[str, Any]]:
    """Colour and marker by model: an unknown one has those that its name gives, so that they are
    the same on another leaderboard, unless two of this one would look alike."""
    found: dict[str, tuple[str, Any]] = {}
    taken: set[int] = set()
    many = len(COLOURS)
    for name in sorted({*names}):
        if name in KNOWN:
            found[name] = KNOWN[name]
            continue
        start = zlib.crc32(name.encode("utf-8", "backslashreplace")) % many
        free = (
            lap * many + (start + step) % many
            for lap in range(len(taken) + 1)
            for step in range(many)
        )
        slot = next(slot for slot in free if slot not in taken)
        taken.add(slot)
        lap, place = divmod(slot, many)
        found[name] = (COLOURS[place], MARKERS[(place + lap) % len(MARKERS)])
    return found


def _order(row: Row) -> list[tuple[int, float, str]]:
    """To sort the rows of a model by their names, numbers by their size."""
    parts = re.split(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)", row.name)
    return [(1, float(p), "") if i % 2 else (0, 0.0, p) for i, p in enumerate(parts)]

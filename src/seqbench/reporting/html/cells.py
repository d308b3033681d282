"""What a column of a leaderboard's table is: how each cell reads, and by what it is sorted."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from seqbench.reporting import numbers
from seqbench.reporting.leaderboard import Leaderboard, Row

Direction = Literal["ascending", "descending"]


@dataclass(frozen=True)
class Cell:
    """text: as it is read. value: it is sorted by that; None where there is nothing to sort."""

    text: str
    value: float | None = None

    @property
    def key(self) -> str:
        """The value as JavaScript reads a number; empty for what is sorted last."""
        if self.value is None or math.isnan(self.value):
            return ""
        if math.isinf(self.value):
            return "Infinity" if self.value > 0 else "-Infinity"
        return repr(float(self.value))


@dataclass(frozen=True)
class Column:
    """name: of one word, for style sheets and tests. first: how the first click sorts it.
    cells: one a row of the leaderboard."""

    name: str
    title: str
    hint: str
    first: Direction
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Kind:
    """A column before its rows. shown: writes a value; told: instead, where that is not all."""

    name: str
    title: str
    hint: str
    value: Callable[[Row], float | None]
    shown: Callable[[float], str] = numbers.count
    told: Callable[[Row], str] | None = None
    first: Direction = "ascending"

    def column(self, board: Leaderboard) -> Column:
        cells = tuple(self._cell(row) for row in board.rows)
        return Column(self.name, self.title, self.hint, self.first, cells)

    def _cell(self, row: Row) -> Cell:
        value = self.value(row)
        if self.told:
            return Cell(self.told(row), value)
        return Cell(numbers.NONE if value is None else self.shown(value), value)

"""Time series: columns of numbers in a file, or generated ones."""

import csv
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.lines import check_encoding
from seqbench.datamodules.times import Gaps, Places, places
from seqbench.errors import UserError, nearest, place

if TYPE_CHECKING:
    import pandas as pd

Numbers = npt.NDArray[np.float64]

SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Series:
    """names: of the K columns. values: ``(S, K)``, a row a step of time. filled, added: empty cells
    and missing rows, which took the values before them. times: where the rows stood."""

    names: tuple[str, ...]
    values: Numbers
    filled: int = 0
    added: int = 0
    times: Places = field(default_factory=lambda: Places(np.arange(0)))


@dataclass(frozen=True)
class SeriesFile:
    """How a file of columns under a header is read.

    columns: those to be read; None: all but the time. time_column: dates or numbers that must
    rise by equal steps. time_format: of dates, see ``places``. delimiter: between fields; None: by
    the file's suffix. decimal: the mark before a number's fraction. gaps: ``refuse`` empty cells
    and missing times, put the ``previous`` row's values there, or ``ignore`` that times are
    uneven, and take the rows as even.
    """

    columns: Sequence[str] | None = None
    time_column: str | None = None
    time_format: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    decimal: str = "."
    gaps: Gaps = "refuse"

    def read(self, path: str) -> Series:
        """The series of a .csv, .tsv or .parquet file.

        Raises UserError for a file that cannot be read, a column that is not there or holds
        other than numbers, and for gaps that are to be refused; it names the line.
        """
        file = place(path)
        frame = self._table(file)
        names = list(self.columns or (name for name in frame.columns if name != self.time_column))
        for name in [*names, *([self.time_column] if self.time_column else [])]:
            if name not in frame.columns:
                raise UserError(f"{file}: no column {name!r}{nearest(name, frame.columns)}")
        if len(set(names)) < len(names):
            raise UserError("task.columns: a column stands there twice; name it once")
        if not names:
            raise UserError(f"{file}: no column of numbers beside the time")
        if not len(frame):
            raise UserError(f"{file}: no row under the header")
        numbers = frame[names].apply(lambda column: self._numbers(file, column))
        found = Places(np.arange(len(frame)))
        if self.time_column:
            found = places(file, frame[self.time_column], self.gaps, self.time_format)
            numbers = numbers.set_axis(found.rows).reindex(range(found.rows[-1] + 1))
        missing = numbers.isna()
        if missing.to_numpy().any() and self.gaps != "previous":
            row, column = np.argwhere(missing.to_numpy())[0]
            raise UserError(
                f"{file}: line {row + 2}: nothing in the column {names[column]!r}; fill it, or set "
                "task.gaps=previous"
            )
        numbers = numbers.ffill()
        if numbers.isna().to_numpy().any():
            raise UserError(f"{file}: line 2 has a gap, and no row stands before it; fill it")
        added = len(numbers) - len(frame)
        filled = int(missing.to_numpy().sum()) - added * len(names)
        values = numbers.to_numpy(np.float64)
        return Series(tuple(names), values, filled, added, found)

    def _table(self, file: Path) -> "pd.DataFrame":
        """All cells as they are, as text but for a parquet file's."""
        import pandas as pd

        suffix = file.suffix.lower()
        try:
            if suffix == ".parquet":
                return pd.read_parquet(file).rename(columns=str)
            if suffix not in SEPARATORS and self.delimiter is None:
                raise UserError(
                    f"{file}: what can be read is .csv, .tsv and .parquet; for other text files "
                    "set task.delimiter"
                )
            check_encoding(file, self.encoding)
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # of too many fields
                frame = pd.read_csv(
                    file,
                    sep=self.delimiter or SEPARATORS[suffix],
                    encoding=self.encoding,
                    dtype=str,
                    skip_blank_lines=False,
                    index_col=False,
                )
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror or error}") from error
        except UnicodeError as error:
            raise UserError(
                f"{file}: not in the encoding {self.encoding}; set task.encoding, for instance to "
                "cp1251"
            ) from error
        # pandas' and pyarrow's own are ValueErrors
        except (ValueError, csv.Error, pd.errors.ParserWarning) as error:
            raise UserError(
                f"{file}: malformed: {' '.join(str(error).split())}{_other_delimiter(file)}"
            ) from error
        if len(frame.columns) == 1 and (hint := _other_delimiter(file)):
            raise UserError(f"{file}: one column in all{hint}")
        if not pd.to_numeric(frame.columns.to_series(), errors="coerce").isna().any():
            raise UserError(f"{file}: line 1 holds numbers; the columns' names should stand there")
        filled = np.flatnonzero(frame.notna().any(axis=1))
        return frame.iloc[: filled[-1] + 1 if len(filled) else 0]  # less empty lines at its end

    def _numbers(self, file: Path, column: "pd.Series[str]") -> "pd.Series[float]":
        import pandas as pd

        text = column
        if self.decimal != "." and pd.api.types.is_string_dtype(column):
            # A point is then no decimal mark: it would make a thousandth of a thousand.
            text = column.where(~column.str.contains(".", regex=False, na=False), "no number")
            text = text.str.replace(self.decimal, ".", regex=False)
        if column.dtype.kind in "mMb":  # of a parquet file, whose cells are no text
            raise UserError(
                f"{file}: the column {column.name!r} holds {column.dtype}, where numbers are "
                "needed; choose others by task.columns, or set task.time_column"
            )
        numbers = pd.to_numeric(text, errors="coerce")
        wrong = (numbers.isna() & column.notna()) | np.isinf(numbers.astype(float))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise UserError(
                f"{file}: line {row + 2}: {str(column.iloc[row])[:80]!r} in the column "
                f"{column.name!r} should be a number; choose others by task.columns, or set "
                "task.decimal or task.time_column"
            )
        return numbers.astype(float)


def _other_delimiter(file: Path) -> str:
    """What to set where the first line of a text file has another mark than commas."""
    with file.open("rb") as opened:
        first = opened.readline(10_000)
    found = next((mark for mark in (";", "|", "\t") if mark.encode() in first), None)
    if found is None or (file.suffix.lower() == ".tsv" and found == "\t"):
        return ""
    shown = "\\t" if found == "\t" else found
    return f"; did you mean 'task.delimiter={shown}'?"


def sine(steps: int, seed: int) -> Series:
    """A sine in noise whose period wanders between 10 and 40 steps, to and fro in about 700.

    A fixed linear rule predicts a sine of one period; here the period is to be read off the
    window. Noise: normal, standard deviation 0.1.
    """
    random = np.random.default_rng(seed)
    wander = np.cumsum(random.normal(2 * np.pi / 700, 0.02, steps))
    phase = np.cumsum(2 * np.pi / (20 * 2 ** np.sin(wander)))
    values = np.sin(phase) + random.normal(0, 0.1, steps)
    return Series(("x",), values[:, None])


def henon(steps: int, seed: int) -> Series:
    """The first coordinate of Hénon's map, which is chaotic: ``x' = 1 - 1.4 x^2 + y, y' = 0.3 x``.

    Hénon 1976, "A two-dimensional mapping with a strange attractor", eq. 4, with his a and b.
    """
    x, y = np.random.default_rng(seed).uniform(-0.1, 0.1, 2)
    values = np.empty((steps + 100, 1))
    for t in range(len(values)):
        x, y = 1 - 1.4 * x**2 + y, 0.3 * x
        values[t] = x
    return Series(("x",), values[100:])  # the first steps only lead to the attractor


BUILT_IN: dict[str, Callable[[int, int], Series]] = {"sine": sine, "henon": henon}

"""Time series: columns of numbers in a file, or generated ones."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.lines import check_encoding
from seqbench.errors import UserError, nearest, place

if TYPE_CHECKING:
    import pandas as pd

Gaps = Literal["refuse", "previous"]
Numbers = npt.NDArray[np.float64]

SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Series:
    """names: of the K columns. values: ``(S, K)``, a row a step of time. filled: cells that took
    the value before them."""

    names: tuple[str, ...]
    values: Numbers
    filled: int = 0


@dataclass(frozen=True)
class SeriesFile:
    """How a file of columns under a header is read.

    columns: those to be read; None: all but the time. time_column: dates or numbers that must
    rise by equal steps. delimiter: between fields; None: by the file's suffix. decimal: the mark
    before a number's fraction. gaps: ``refuse`` missing cells and steps, or put the ``previous``
    row's values there.
    """

    columns: Sequence[str] | None = None
    time_column: str | None = None
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
        if not names:
            raise UserError(f"{file}: no column of numbers beside the time")
        if not len(frame):
            raise UserError(f"{file}: no row under the header")
        numbers = frame[names].apply(lambda column: self._numbers(file, column))
        if self.time_column:
            numbers = self._in_time(file, frame[self.time_column], numbers)
        missing = numbers.isna()
        if missing.to_numpy().any() and self.gaps == "refuse":
            row, column = np.argwhere(missing.to_numpy())[0]
            raise UserError(
                f"{file}: line {row + 2}: nothing in the column {names[column]!r}; fill it, or set "
                "task.gaps=previous"
            )
        numbers = numbers.ffill()
        if numbers.isna().to_numpy().any():
            raise UserError(f"{file}: line 2 has a gap, and no row stands before it; fill it")
        filled = int(missing.to_numpy().sum())
        return Series(tuple(names), numbers.to_numpy(np.float64), filled)

    def _table(self, file: Path) -> "pd.DataFrame":
        """All cells as they are, as text but for a parquet file's."""
        import pandas as pd

        suffix = file.suffix.lower()
        try:
            if suffix == ".parquet":
                return pd.read_parquet(file)
            if suffix not in SEPARATORS and self.delimiter is None:
                raise UserError(
                    f"{file}: what can be read is .csv, .tsv and .parquet; for other text files "
                    "set task.delimiter"
                )
            check_encoding(file, self.encoding)
            return pd.read_csv(
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
        except (ValueError, csv.Error) as error:  # pandas' and pyarrow's own are ValueErrors
            raise UserError(f"{file}: malformed: {' '.join(str(error).split())}") from error

    def _numbers(self, file: Path, column: "pd.Series[str]") -> "pd.Series[float]":
        import pandas as pd

        text = column
        if self.decimal != "." and column.dtype.kind not in "iuf":
            text = column.str.replace(self.decimal, ".", regex=False)
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

    def _in_time(
        self, file: Path, column: "pd.Series[str]", numbers: "pd.DataFrame"
    ) -> "pd.DataFrame":
        """The rows, evenly spaced; steps that lack are rows of nothing."""
        import pandas as pd

        times = min(
            (
                pd.to_numeric(column, errors="coerce"),
                pd.to_datetime(column, errors="coerce", format="mixed"),
            ),
            key=lambda read: int(read.isna().sum()),
        )
        if times.isna().any():
            row = int(np.flatnonzero(times.isna())[0])
            raise UserError(
                f"{file}: line {row + 2}: {str(column.iloc[row])[:80]!r} in the column "
                f"{column.name!r} is no time"
            )
        steps = times.diff().iloc[1:]
        if times.dtype.kind != "M":
            steps = steps.round(9)  # 0.3 - 0.2 is not quite 0.1
        back = np.flatnonzero(steps <= 0 * steps)
        if len(back):
            raise UserError(
                f"{file}: line {back[0] + 3}: {column.iloc[back[0] + 1]} does not come after "
                f"{column.iloc[back[0]]}; sort the rows by {column.name!r}"
            )
        if steps.nunique() < 2 or _monthly(times):
            return numbers
        step = steps.mode().iloc[0]
        uneven = int(np.flatnonzero(steps != step)[0])
        short = str(step).removesuffix(" 00:00:00")
        leave = "leave task.time_column out to take the rows as even"
        if self.gaps == "refuse":
            raise UserError(
                f"{file}: line {uneven + 3}: a gap: {column.iloc[uneven + 1]} comes after "
                f"{column.iloc[uneven]}, where a step is {short}; fill it, set task.gaps=previous, "
                f"or {leave}"
            )
        places = np.cumsum(np.append(0, steps / step))
        if np.abs(places - places.round()).max() > 1e-6:
            raise UserError(
                f"{file}: line {uneven + 3}: {column.iloc[uneven + 1]} is no whole number of steps "
                f"of {short} after {column.iloc[uneven]}; {leave}"
            )
        rows = places.round().astype(np.int64)
        return numbers.set_axis(rows).reindex(range(rows[-1] + 1))


def _monthly(times: "pd.Series[float]") -> bool:
    """Whether times are the same number of months apart, on the same day or the last ones."""
    if times.dtype.kind != "M":
        return False
    days = times.dt
    months = (days.year * 12 + days.month).diff().iloc[1:]
    return bool(months.nunique() == 1 and (days.day.nunique() == 1 or days.is_month_end.all()))


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

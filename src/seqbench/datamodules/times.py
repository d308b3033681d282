"""The times of a series' rows: read from text, and checked to be evenly spaced."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seqbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Gaps = Literal["refuse", "previous", "ignore"]
Ints = npt.NDArray[np.int64]

ROUNDING = 0.05
"""Of a step: by so much one step may be longer or shorter, for times are rounded, and some days
have 23 hours."""


class Axis(NamedTuple):
    """values: ``(S,)`` times as numbers. unit: ``second``, ``month``; empty for plain numbers."""

    values: npt.NDArray[np.float64]
    unit: str

    @property
    def step(self) -> float:
        """The step between most rows."""
        steps, counts = np.unique(np.diff(self.values).round(9), return_counts=True)
        return float(steps[counts.argmax()]) or float(np.median(np.diff(self.values)))

    def is_even(self) -> bool:
        steps = np.diff(self.values)
        return len(steps) == 0 or bool(np.ptp(steps) <= ROUNDING * np.median(steps))


class Places(NamedTuple):
    """rows: ``(S,)`` the place of each row among even steps, from 0; missing ones leave numbers
    out. step, unit: how far apart, as in ``Axis``; 0 where nothing can be said."""

    rows: Ints
    step: float = 0.0
    unit: str = ""

    def differs(self, step: float, unit: str) -> bool:
        """Whether another series' step is known to be another one."""
        known = step and self.step
        return bool(known and (unit != self.unit or abs(step - self.step) > ROUNDING * step))


def places(file: Path, column: "pd.Series[str]", gaps: Gaps, form: str | None) -> Places:
    """Where the rows stand in time.

    Times are numbers, or dates in the form that ``form`` gives (as ``datetime.strptime``; None:
    ISO 8601 or, whichever makes the times even, day before month or month before day).

    Raises UserError, which names the line, for what is no time, for times that do not rise and,
    unless they are to be ignored, for gaps that are to be refused and steps that are uneven.
    """
    read = _read(column, form)
    whole = [_axis(times) for times in read if not times.isna().any()]
    if not whole:
        raise UserError(_no_time(file, column, read, form))
    rising = [axis for axis in whole if (np.diff(axis.values) > 0).all()]
    for axis in rising:
        if axis.is_even():
            return Places(np.arange(len(column)), axis.step if len(column) > 1 else 0.0, axis.unit)
    if rising and gaps == "ignore":
        return Places(np.arange(len(column)))
    if len(whole) > 1 and len(rising) != 1:
        digits = str(column.iloc[0]).isdigit()
        example = "%Y%m%d" if digits else "%d.%m.%Y"
        raise UserError(
            f"{file}: {str(column.iloc[0])!r} in the column {column.name!r} can be read in more "
            f"than one way; set task.time_format, for instance to {example}"
        )
    if not rising:
        line = int(np.flatnonzero(np.diff(whole[0].values) <= 0)[0]) + 1
        raise UserError(
            f"{file}: line {line + 2}: {column.iloc[line]} does not come after "
            f"{column.iloc[line - 1]}; sort the rows by {column.name!r}"
        )
    return _with_gaps(file, column, rising[0], gaps)


def _read(column: "pd.Series[str]", form: str | None) -> list[Any]:
    """All ways to read a column, those that differ; a cell that cannot be read is NaN or NaT."""
    import pandas as pd

    ways: list[dict[str, Any]] = [{"format": "ISO8601"}, {"dayfirst": True}, {"dayfirst": False}]
    found: list[Any] = []
    if pd.api.types.is_string_dtype(column):
        column = column.str.strip()
    if form is not None:
        ways = [{"format": form}]
    elif column.dtype.kind != "M":
        numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
        found = [numbers.where(np.isfinite(numbers))]
        if not found[0].isna().any():
            ways = [{"format": "%Y%m%d"}, {"format": "%Y%m"}]
            column = column.astype(str)
    for way in ways:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a form that pandas cannot guess
            try:
                times = pd.to_datetime(column, errors="coerce", utc=True, **way)
            except ValueError:  # a form that is none
                continue
        if not any(times.equals(other) for other in found):
            found.append(times)
        if way == {"format": "ISO8601"} and not times.isna().any():
            break  # it leaves no doubt
    return found


def _axis(times: Any) -> Axis:
    """Dates count by months where they are of other months, on the same day or the last ones."""
    if times.dtype.kind != "M":
        return Axis(times.to_numpy(np.float64), "")
    days = times.dt
    months = (days.year * 12 + days.month).to_numpy(np.float64)
    of_day = (times - days.normalize()).nunique()
    rising = len(months) > 1 and of_day == 1 and bool((np.diff(months) >= 1).all())
    if rising and (days.day.nunique() == 1 or days.is_month_end.all()):
        return Axis(months, "month")
    seconds = (times - times.iloc[0]).dt.total_seconds().to_numpy(np.float64)
    return Axis(seconds, "second")


def _no_time(file: Path, column: "pd.Series[str]", read: list[Any], form: str | None) -> str:
    """The message on the first cell that cannot be read, in the way that most of them can."""
    missing = min((times.isna() for times in read), key=sum, default=column.notna())
    line = int(np.flatnonzero(missing)[0])
    return (
        f"{file}: line {line + 2}: {str(column.iloc[line])[:80]!r} in the column {column.name!r} "
        f"is no time{f' in the form {form}' if form else '; set task.time_format if it is'}"
    )


def _with_gaps(file: Path, column: "pd.Series[str]", axis: Axis, gaps: Gaps) -> Places:
    steps, step = np.diff(axis.values), axis.step
    shown = described(step, axis.unit)
    leave = "task.gaps=ignore takes the rows as even"
    counts = (steps / step).round()
    broken = (np.abs(steps / step - counts) > ROUNDING) | (counts < 1)
    wrong = broken if gaps == "previous" else broken | (counts > 1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 1
        where = f"{file}: line {row + 2}: {column.iloc[row]} comes after {column.iloc[row - 1]}"
        if gaps == "previous":
            raise UserError(f"{where}, which is no whole number of steps of {shown}; {leave}")
        raise UserError(
            f"{where}, a gap: a step is {shown}; fill it, or set task.gaps=previous, or {leave}"
        )
    rows = np.cumsum(np.append(0, counts)).astype(np.int64)
    if rows[-1] + 1 > 2 * len(column):
        raise UserError(
            f"{file}: with a step of {shown}, more times are missing than the {len(column)} that "
            f"are there; are they read as they should be? task.time_format says how, or {leave}"
        )
    return Places(rows, step, axis.unit)


def described(step: float, unit: str) -> str:
    """A step in words: ``1 day``, ``3 months``, ``0.5``."""
    if not unit:
        return f"{step:g}"
    sizes = {"month": 1.0} if unit == "month" else {"day": 86400.0, "hour": 3600.0, "minute": 60.0}
    name, size = next(((n, s) for n, s in sizes.items() if step % s == 0), (unit, 1.0))
    count = step / size
    return f"{count:g} {name}{'' if count == 1 else 's'}"

"""The times of a series' rows: read from text, and checked to be evenly spaced."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from seqbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Gaps = Literal["refuse", "previous", "ignore"]
Ints = npt.NDArray[np.int64]

ROUNDING = 1e-3
"""Of a step: by so much a time that was rounded may be off."""


def places(file: Path, column: "pd.Series[str]", gaps: Gaps, form: str | None) -> Ints:
    """The place ``(S,)`` of each row among even steps, from 0; missing steps leave numbers out.

    Times are numbers, or dates in the form that ``form`` gives (as ``datetime.strptime``; None:
    ISO 8601 or, if only one of them makes all times even, day before month or month before day).

    Raises UserError, which names the line, for what is no time, for times that do not rise and,
    unless they are to be ignored, for gaps that are to be refused and steps that are uneven.
    """
    read = _read(column, form)
    candidates = [times for times in read if not times.isna().any()]
    if not candidates:
        raise UserError(_no_time(file, column, read, form))
    rising = [times for times in candidates if _line_back(times) is None]
    if any(_is_even(times) for times in rising):
        return np.arange(len(column))
    if len(candidates) > 1 and len(rising) != 1:
        raise UserError(
            f"{file}: {str(column.iloc[0])!r} in the column {column.name!r} can be read in more "
            "than one way; set task.time_format, for instance to %d.%m.%Y"
        )
    if not rising:
        line = _line_back(candidates[0])
        assert line is not None
        raise UserError(
            f"{file}: line {line + 2}: {column.iloc[line]} does not come after "
            f"{column.iloc[line - 1]}; sort the rows by {column.name!r}"
        )
    if gaps == "ignore":
        return np.arange(len(column))
    return _with_gaps(file, column, rising[0], gaps)


def _read(column: "pd.Series[str]", form: str | None) -> list[Any]:
    """All ways to read a column, those that differ; a cell that cannot be read is NaN or NaT."""
    import pandas as pd

    ways: list[dict[str, Any]] = [{"format": "ISO8601"}, {"dayfirst": True}, {"dayfirst": False}]
    found: list[Any] = []
    if form is not None:
        ways = [{"format": form}]
    elif column.dtype.kind != "M":
        found = [pd.to_numeric(column, errors="coerce")]
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


def _no_time(file: Path, column: "pd.Series[str]", read: list[Any], form: str | None) -> str:
    """The message on the first cell that cannot be read, in the way that most of them can."""
    missing = min((times.isna() for times in read), key=sum, default=column.notna())
    line = int(np.flatnonzero(missing)[0])
    return (
        f"{file}: line {line + 2}: {str(column.iloc[line])[:80]!r} in the column {column.name!r} "
        f"is no time{f' in the form {form}' if form else '; set task.time_format if it is'}"
    )


def _steps(times: Any) -> Any:
    return times.diff().iloc[1:]


def _line_back(times: Any) -> int | None:
    """The first row that does not come after the one before; None where there is none."""
    steps = _steps(times)
    back = np.flatnonzero(steps <= 0 * steps)
    return int(back[0]) + 1 if len(back) else None


def _is_even(times: Any) -> bool:
    """Whether times are the same step apart, but for rounding, or the same number of months."""
    steps = _steps(times)
    if not len(steps) or steps.max() - steps.min() <= ROUNDING * steps.median():
        return True
    if times.dtype.kind != "M":
        return False
    days = times.dt
    months = (days.year * 12 + days.month).diff().iloc[1:]
    return bool(months.nunique() == 1 and (days.day.nunique() == 1 or days.is_month_end.all()))


def _with_gaps(file: Path, column: "pd.Series[str]", times: Any, gaps: Gaps) -> Ints:
    steps = _steps(times)
    step = steps.mode().iloc[0]
    row = int(np.flatnonzero(abs(steps - step) > ROUNDING * step)[0]) + 1
    where = f"{file}: line {row + 2}: {column.iloc[row]} comes after {column.iloc[row - 1]}"
    short = str(step).removesuffix(" 00:00:00")
    leave = "task.gaps=ignore takes the rows as even"
    if gaps == "refuse":
        raise UserError(
            f"{where}, a gap: a step is {short}; fill it, or set task.gaps=previous, or {leave}"
        )
    found = np.cumsum(np.append(0, steps / step))
    rows = found.round().astype(np.int64)
    if np.abs(found - rows).max() > ROUNDING * len(rows):
        raise UserError(f"{where}, which is no whole number of steps of {short}; {leave}")
    if rows[-1] + 1 > 2 * len(column):
        raise UserError(
            f"{file}: with a step of {short}, more times are missing than the {len(column)} that "
            f"are there; are they read as they should be? task.time_format says how, or {leave}"
        )
    return rows

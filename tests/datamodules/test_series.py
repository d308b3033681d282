"""Files of columns, and the built-in series."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seqbench.datamodules.series import Series, SeriesFile, henon, sine
from seqbench.errors import UserError


def read(folder: Path, text: str, **settings: Any) -> Series:
    file = folder / "a.csv"
    file.write_text(text, "utf-8")
    return SeriesFile(**settings).read(str(file))


def test_all_columns_but_the_time(tmp_path: Path) -> None:
    series = read(tmp_path, "день,x,y\n2020-01-01,1,2\n2020-01-02,3,4e1\n", time_column="день")
    assert series.names == ("x", "y")
    assert series.values.tolist() == [[1, 2], [3, 40]]


def test_columns_in_the_order_asked_for(tmp_path: Path) -> None:
    series = read(tmp_path, "a,b,c\n1,2,x\n3,4,y\n", columns=["b", "a"])
    assert (series.names, series.values.tolist()) == (("b", "a"), [[2, 1], [4, 3]])


def test_other_marks_and_formats(tmp_path: Path) -> None:
    comma = read(tmp_path, "a;b\n1,5;2\n-2,5;3\n", delimiter=";", decimal=",")
    assert comma.values.tolist() == [[1.5, 2], [-2.5, 3]]
    (tmp_path / "a.tsv").write_text("a\tb\n1\t2\n")
    assert SeriesFile().read(str(tmp_path / "a.tsv")).values.tolist() == [[1, 2]]
    pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}).to_parquet(tmp_path / "a.parquet")
    assert SeriesFile().read(str(tmp_path / "a.parquet")).values.tolist() == [[1, 0.5], [2, 1.5]]
    (tmp_path / "b.csv").write_text("имя\n1\n", "cp1251")
    assert SeriesFile(encoding="cp1251").read(str(tmp_path / "b.csv")).names == ("имя",)


DAYS = "d,x\n2020-01-01,1\n2020-01-02,2\n2020-01-04,4\n2020-01-05,5\n"


def test_gaps_take_the_value_before_them(tmp_path: Path) -> None:
    cells = read(tmp_path, "a,b\n1,2\n,3\n4,NA\n", gaps="previous")
    assert (cells.values.tolist(), cells.filled) == ([[1, 2], [1, 3], [4, 3]], 2)
    times = read(tmp_path, DAYS, time_column="d", gaps="previous")
    assert times.values[:, 0].tolist() == [1, 2, 2, 4, 5]
    assert (times.filled, times.added) == (0, 1)
    both = read(tmp_path, DAYS.replace(",2\n", ",\n"), time_column="d", gaps="previous")
    assert both.values[:, 0].tolist() == [1, 1, 1, 4, 5]
    assert (both.filled, both.added) == (1, 1)


def test_months_are_filled_as_months(tmp_path: Path) -> None:
    text = "d,x\n2020-01-31,1\n2020-02-29,2\n2020-04-30,4\n2020-05-31,5\n"
    found = read(tmp_path, text, time_column="d", gaps="previous")
    assert found.values[:, 0].tolist() == [1, 2, 2, 4, 5]


@pytest.mark.parametrize("rows", [30, 2000])
def test_a_shift_is_no_gap_however_long_the_series(tmp_path: Path, rows: int) -> None:
    """A row 20 minutes after the one before is none of those of the hours."""
    minutes = [60 * i for i in range(rows)]
    minutes.insert(rows // 2, minutes[rows // 2 - 1] + 20)
    text = "d,x\n" + "".join(f"{minute / 60},1\n" for minute in minutes)
    with pytest.raises(UserError, match=rf"line {rows // 2 + 2}: .* no whole number of steps of 1"):
        read(tmp_path, text, time_column="d", gaps="previous")


def test_uneven_times_may_be_taken_as_even(tmp_path: Path) -> None:
    as_even = read(tmp_path, DAYS, time_column="d", gaps="ignore")
    assert as_even.values[:, 0].tolist() == [1, 2, 4, 5]
    with pytest.raises(UserError, match=r"line 3: nothing in the column 'x'"):
        read(tmp_path, DAYS.replace(",2\n", ",\n"), time_column="d", gaps="ignore")


@pytest.mark.parametrize(
    "times",
    [
        [*(f"01.{month:02}.2020" for month in range(1, 13)), "01.01.2021"],
        [f"{day:02}.01.2020" for day in range(1, 20)],  # days; no month is the 13th
        ["30/12/2019", "31/12/2019", "01/01/2020", "02/01/2020"],
        ["12/30/2019", "12/31/2019", "01/01/2020", "01/02/2020"],
    ],
)
def test_day_and_month_are_read_so_that_times_are_even(tmp_path: Path, times: list[str]) -> None:
    rows = "".join(f"{time},{i}\n" for i, time in enumerate(times))
    assert len(read(tmp_path, f"d,x\n{rows}", time_column="d").values) == len(times)


def test_a_form_of_times(tmp_path: Path) -> None:
    text = "d,x\n3.4.20,1\n4.4.20,2\n"
    assert len(read(tmp_path, text, time_column="d", time_format="%d.%m.%y").values) == 2
    with pytest.raises(UserError, match=r"line 2: '3\.4\.20' .* no time in the form %Y-%m-%d"):
        read(tmp_path, text, time_column="d", time_format="%Y-%m-%d")


def test_summer_time_is_no_gap(tmp_path: Path) -> None:
    text = "d,x\n2020-03-29T01:00+01:00,1\n2020-03-29T03:00+02:00,2\n2020-03-29T04:00+02:00,3\n"
    assert len(read(tmp_path, text, time_column="d").values) == 3


@pytest.mark.parametrize(
    "times",
    [
        ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"],
        ["2020-01-31", "2020-02-29", "2020-03-31"],
        ["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00"],
        ["1", "3", "5"],
        ["0.1", "0.2", "0.3"],
        ["0", "1e-10", "2e-10"],
        ["0.3333", "0.6667", "1.0"],
        ["20200130", "20200131", "20200201"],
        ["202011", "202012", "202101"],
    ],
)
def test_even_times(tmp_path: Path, times: list[str]) -> None:
    rows = "".join(f"{time},{i}\n" for i, time in enumerate(times))
    assert len(read(tmp_path, f"d,x\n{rows}", time_column="d").values) == len(times)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "text": ("a,b\n1,2\n3,x\n", {}, r"line 3: 'x' in the column 'b' should be a number"),
    "infinite": ("a\n1\ninf\n", {}, "line 3: 'inf'"),
    "gap": ("a,b\n1,2\n3,\n", {}, r"line 3: nothing in the column 'b'.*task\.gaps=previous"),
    "empty line": ("a,b\n1,2\n\n3,4\n", {}, "line 3: nothing in the column 'a'"),
    "first gap": ("a\nNA\n1\n", {"gaps": "previous"}, "line 2 has a gap"),
    "lost day": (
        DAYS,
        {"time_column": "d"},
        "line 4: 2020-01-04 comes after 2020-01-02, a gap: a step is 1 day",
    ),
    "backwards": ("d,x\n2,1\n1,2\n", {"time_column": "d"}, "line 3: 1 does not come after 2"),
    "day or month": (
        "d,x\n1/2/2020,1\n2/2/2020,1\n4/2/2020,1\n",
        {"time_column": "d"},
        r"'1/2/2020' in the column 'd' can be read in more than one way; set task\.time_format",
    ),
    "hours of a day": (
        "d,x\n2020-01-01 00:00,1\n2020-01-01 01:00,1\n2020-01-01 02:00,1\n2020-01-01 05:00,1\n",
        {"time_column": "d"},
        "line 5: 2020-01-01 05:00 comes after 2020-01-01 02:00, a gap: a step is 1 hour;",
    ),
    "a lost month": (
        "d,x\n2020-01-01,1\n2020-02-01,1\n2020-04-01,1\n2020-05-01,1\n",
        {"time_column": "d"},
        "line 4: 2020-04-01 comes after 2020-02-01, a gap: a step is 1 month;",
    ),
    "infinite time": ("d,x\n1,1\n2,1\ninf,1\n", {"time_column": "d"}, "line 4: 'inf' .* no time"),
    "mostly gaps": (
        "d,x\n1,1\n2,1\n3,1\n90,1\n",
        {"time_column": "d", "gaps": "previous"},
        "with a step of 1, more times are missing than the 4",
    ),
    "semicolons": ("a;b\n1;2\n", {}, "one column in all; did you mean 'task.delimiter=;'"),
    "semicolons and commas": (
        "a;b\n1,5;2\n2,5;2\n",
        {},
        "malformed: .*; did you mean 'task.delimiter=;'",
    ),
    "two ways": (
        "d,x\n20200130,1\n20200131,1\n20200203,1\n20200204,1\n",
        {"time_column": "d", "gaps": "previous"},
        "'20200130' in the column 'd' can be read in more than one way",
    ),
    "thousands": ("a\n1,000\n2,000\n", {}, "malformed"),
    "a point": (
        "a;b\n1,5;1.000\n",
        {"delimiter": ";", "decimal": ","},
        r"line 2: '1\.000' in the column 'b' should be a number",
    ),
    "no header": ("1,2\n3,4\n", {}, "line 1 holds numbers; the columns' names"),
    "twice": ("d,x\n1,1\n1,2\n", {"time_column": "d"}, "line 3: 1 does not come after 1"),
    "no time": ("d,x\n1,1\nfoo,2\n", {"time_column": "d"}, "line 3: 'foo' .* is no time"),
    "uneven": (
        "d,x\n1,1\n2,2\n3,3\n3.7,4\n5,5\n",
        {"time_column": "d", "gaps": "previous"},
        r"line 5: 3\.7 comes after 3, which is no whole number of steps of 1",
    ),
    "ragged": ("a,b\n1,2\n3,4,5\n", {}, "malformed: .*line 3"),
    "no column": ("a,b\n1,2\n", {"columns": ["c"]}, "no column 'c'"),
    "no time column": ("a,b\n1,2\n", {"time_column": "t"}, "no column 't'"),
    "only time": ("d\n1\n", {"time_column": "d"}, "no column of numbers"),
    "header alone": ("a,b\n", {}, "no row under the header"),
    "nothing": ("", {}, "malformed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(tmp_path: Path, case: str) -> None:
    text, settings, message = REFUSED[case]
    with pytest.raises(UserError, match=f"^{tmp_path}/a.csv: {message}") as error:
        read(tmp_path, text, **settings)
    assert "\n" not in str(error.value)


def test_files_that_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("имя\n1\n".encode("cp1251"))
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "a.dat").write_text("1 2")
    (tmp_path / "folder.csv").mkdir()
    for name, message in {
        "a.csv": r"not in the encoding utf-8; set task\.encoding",
        "a.parquet": "malformed",
        "a.dat": r"set task\.delimiter",
        "none.csv": "cannot be read: No such file",
        "folder.csv": "cannot be read: Is a directory",
    }.items():
        with pytest.raises(UserError, match=f"{name}: .*{message}|{name}: {message}"):
            SeriesFile().read(str(tmp_path / name))


def test_the_built_in_series() -> None:
    for series in (sine(3000, 0), henon(3000, 0)):
        assert series.values.shape == (3000, 1)
        assert np.abs(series.values).max() < 1.6
    assert np.array_equal(sine(50, 3).values, sine(50, 3).values)
    assert not np.array_equal(sine(50, 3).values, sine(50, 4).values)
    assert not np.array_equal(henon(50, 3).values, henon(50, 4).values)


def test_the_map_is_henon_s() -> None:
    """x'' = 1 - 1.4 x'^2 + 0.3 x, from the values themselves."""
    x = henon(1000, 0).values[:, 0]
    np.testing.assert_allclose(x[2:], 1 - 1.4 * x[1:-1] ** 2 + 0.3 * x[:-2], atol=1e-12)


def test_the_sine_s_period_wanders() -> None:
    x = sine(20000, 0).values[:, 0]
    smooth = np.convolve(x, np.ones(5) / 5, "valid")
    zeros = np.flatnonzero((smooth[:-1] < 0) & (smooth[1:] >= 0))
    periods = np.diff(zeros)
    periods = periods[periods > 5]  # noise may cross zero again at once
    assert periods.min() < 13
    assert periods.max() > 33


def test_a_parquet_file_s_own_types(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    months = pd.date_range("2020-01-31", periods=5, freq="ME")
    frame = pd.DataFrame({"t": months, "x": [Decimal(i) for i in range(5)], 3: range(5)})
    frame.rename(columns=str).to_parquet(file)
    found = SeriesFile(time_column="t", decimal=",").read(str(file))
    assert (found.names, found.values[4].tolist()) == (("x", "3"), [4, 4])
    for columns in (None, ["t"]):
        with pytest.raises(UserError, match=r"column 't' holds datetime64.*task\.time_column"):
            SeriesFile(columns).read(str(file))
    pd.DataFrame({"t": [months[0], None], "x": [1, 2]}).to_parquet(file)
    with pytest.raises(UserError, match="line 3: 'NaT' in the column 't' is no time"):
        SeriesFile(time_column="t").read(str(file))
    pd.DataFrame({"x": [[1], [2]]}).to_parquet(file)
    with pytest.raises(UserError, match=r"line 2: '\[1\]' in the column 'x' should be a"):
        SeriesFile().read(str(file))


def test_empty_lines_at_the_end_are_no_gap(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n1,2\n3,4\n\n\n").values.tolist() == [[1, 2], [3, 4]]


def test_falling_times_of_a_type_without_a_sign(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pd.DataFrame({"t": np.array([30, 20, 10], np.uint8), "x": [1, 2, 3]}).to_parquet(file)
    with pytest.raises(UserError, match="line 3: 20 does not come after 30"):
        SeriesFile(time_column="t").read(str(file))
    with pytest.raises(UserError, match=r"task\.columns: a column stands there twice"):
        SeriesFile(["x", "x"]).read(str(file))

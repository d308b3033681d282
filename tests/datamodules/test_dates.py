"""Dates in many forms."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.datamodules.dates import DAYS, FORMATS, LABELS, Dates
from seqbench.errors import UserError


def made(**settings: Any) -> Dates:
    data = Dates(**({"train_size": 2000, "val_size": 200, "test_size": 200} | settings))
    data.setup()
    return data


def texts(data: Dates, split: str) -> list[tuple[str, str]]:
    pairs = data.splits[split]
    batch = pairs[np.arange(len(pairs))]
    return [
        (
            "".join(data.spec.vocabulary[i] for i in source[:n].tolist()),
            "".join(LABELS[i] for i in target[:10].tolist()),
        )
        for source, target, n in zip(batch.inputs, batch.targets, batch.lengths, strict=True)
    ]


def test_forms_of_one_day() -> None:
    day = date(1999, 3, 3)
    assert [form(day) for form in FORMATS] == [
        "3 March 1999",
        "3 Mar 1999",
        "03 MAR 99",
        "March 3, 1999",
        "Mar 3rd, 1999",
        "3rd of March, 1999",
        "Wednesday, 3 March 1999",
        "Wed, 3rd of March 1999",
        "Wed 3.3.1999",
        "03/03/99",
        "3/3/1999",
        "3.3.99",
        "03-03-1999",
        "1999/03/03",
        "19990303",
    ]


@pytest.mark.parametrize(
    ("day", "ordinal"),
    [
        *[(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th")],
        *[(13, "13th"), (21, "21st"), (22, "22nd"), (23, "23rd"), (30, "30th"), (31, "31st")],
    ],
)
def test_ordinals(day: int, ordinal: str) -> None:
    assert FORMATS[5](date(2001, 1, day)) == f"{ordinal} of January, 2001"


def test_every_day_is_a_day_and_every_weekday_its_own() -> None:
    data = made()
    named = 0
    for split in data.splits:
        for text, iso in texts(data, split):
            day = date.fromisoformat(iso)
            assert 1970 <= day.year <= 2069
            if text[:3] in {name[:3] for name in DAYS}:
                assert text[:3] == DAYS[day.weekday()][:3]
                named += 1
            assert text in {form(day) for form in FORMATS}
    assert named > 100


def test_no_day_is_in_two_splits() -> None:
    data = made(first_year=2000, last_year=2001)
    days = {split: {iso for _, iso in texts(data, split)} for split in data.splits}
    assert len(set.union(*days.values())) == sum(map(len, days.values()))
    assert len(days["train"]) > 400


def test_two_digits_mean_one_year() -> None:
    """Over a whole century no text has two answers."""
    answers: dict[str, set[str]] = {}
    data = made(train_size=20000)
    for split in data.splits:
        for text, iso in texts(data, split):
            answers.setdefault(text, set()).add(iso)
    assert all(len(found) == 1 for found in answers.values())


@pytest.mark.parametrize(
    "years", [(1900, 2000), (2000, 1999)], ids=["more than a century", "backwards"]
)
def test_ranges_that_are_refused(years: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=r"^task\.first_year=\d+ task\.last_year=\d+: should be"):
        made(first_year=years[0], last_year=years[1])


def test_a_range_may_begin_with_the_calendar() -> None:
    data = made(first_year=1, last_year=3)
    assert all(iso[:3] == "000" for _, iso in texts(data, "train"))


def test_a_file_of_dates(tmp_path: Path) -> None:
    data = made()
    file = tmp_path / "more.tsv"
    file.write_text("3 March 1999\t1999-03-03\n1.2.03\t2003-02-01\n")
    assert len(data.from_file(str(file), data.spec)) == 2
    for line, what in {
        "30 February 1999\t1999-02-30": r"line 2: '1999-02-30': .*range",
        "3 March 1999": "line 2: no tab",
        "\t1999-03-03": "line 2: no tab",
        "3 March 1999\tMarch": r"line 2: 'March'.*; a line is a date",
    }.items():
        file.write_text(f"1.2.03\t2003-02-01\n{line}\n")
        with pytest.raises(UserError, match=what):
            data.from_file(str(file), data.spec)

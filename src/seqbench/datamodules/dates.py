"""Dates as people write them into dates as machines do."""

from collections.abc import Callable, Sequence
from datetime import MINYEAR, date
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PositiveInt

from seqbench.datamodules.base import TaskData
from seqbench.datamodules.pairs import END, Pairs, commonest, fingerprint
from seqbench.datamodules.texts.encoder import (
    PADDING_ID,
    TextEncoder,
    TextSplitter,
    choose_vocabulary,
    plain,
)
from seqbench.datamodules.texts.lines import filled_lines
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

LABELS = (*"0123456789-", END)
END_ID = len(LABELS) - 1
LONGEST = len("1999-03-03") + 1
CENTURY = 100
"""Years that two digits tell apart."""

Year = Annotated[int, Field(ge=MINYEAR, le=9999)]


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 11 <= number <= 13 else endings.get(number % 10, 'th')}"


FORMATS: tuple[Callable[[date], str], ...] = (
    lambda d: f"{d.day} {MONTHS[d.month - 1]} {d.year:04}",  # 3 March 1999
    lambda d: f"{d.day} {MONTHS[d.month - 1][:3]} {d.year:04}",
    lambda d: f"{d.day:02} {MONTHS[d.month - 1][:3].upper()} {d.year % 100:02}",
    lambda d: f"{MONTHS[d.month - 1]} {d.day}, {d.year:04}",  # March 3, 1999
    lambda d: f"{MONTHS[d.month - 1][:3]} {_ordinal(d.day)}, {d.year:04}",
    lambda d: f"{_ordinal(d.day)} of {MONTHS[d.month - 1]}, {d.year:04}",
    lambda d: f"{DAYS[d.weekday()]}, {d.day} {MONTHS[d.month - 1]} {d.year:04}",
    lambda d: f"{DAYS[d.weekday()][:3]}, {_ordinal(d.day)} of {MONTHS[d.month - 1]} {d.year:04}",
    lambda d: f"{DAYS[d.weekday()][:3]} {d.day}.{d.month}.{d.year:04}",
    lambda d: f"{d.day:02}/{d.month:02}/{d.year % 100:02}",  # 03/03/99
    lambda d: f"{d.day}/{d.month}/{d.year:04}",
    lambda d: f"{d.day}.{d.month}.{d.year % 100:02}",
    lambda d: f"{d.day:02}-{d.month:02}-{d.year:04}",
    lambda d: f"{d.year:04}/{d.month:02}/{d.day:02}",
    lambda d: f"{d.year:04}{d.month:02}{d.day:02}",
)
"""Ways to write a date; the day stands before the month where both are numbers."""


class Dates(TaskData):
    """Dates in many forms, letter by letter, into ISO 8601: ``Wed, 3rd of March 1999 ->
    1999-03-03``.

    Every day of the calendar from ``first_year`` to ``last_year`` is in one split alone, and is
    written there in one or more of ``FORMATS``; weekdays are right. Two digits of a year stand for
    the only such year in that range, so the range is no longer than a century.

    first_year, last_year: of the dates, both included.
    train_size, val_size, test_size: dates, each in a form drawn at random.

    Raises ``UserError`` for a range that is empty or longer than a century, and for splits that
    the range has too few days for.
    """

    unit = "dates"
    splits: dict[str, Pairs]

    def __init__(
        self,
        *,
        first_year: Year = 1970,
        last_year: Year = 2069,
        train_size: PositiveInt = 30000,
        val_size: PositiveInt = 1000,
        test_size: PositiveInt = 2000,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        years = last_year - first_year + 1
        if not 1 <= years <= CENTURY:
            raise UserError(
                f"task.first_year={first_year} task.last_year={last_year}: should be 1 to "
                f"{CENTURY} years, the first before the last, for two digits to mean one year"
            )
        self.sizes = {"train": train_size, "val": val_size, "test": test_size}
        self.first, self.last = date(first_year, 1, 1), date(last_year, 12, 31)

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "spec"):
            return
        written = self._write()
        splitter = TextSplitter(level="char", lowercase=False, strip_html=False)
        counts: dict[str, int] = {}
        for text, _ in written["train"]:
            for letter in splitter.pieces(text):
                counts[letter] = counts.get(letter, 0) + 1
        vocabulary = choose_vocabulary(counts, size=len(counts) + 2, min_count=1)
        self.spec = TaskSpec(
            kind="transduce",
            input_size=len(vocabulary),
            output_size=len(LABELS),
            padding_id=PADDING_ID,
            metric="exact_match",
            labels=LABELS,
            vocabulary=vocabulary,
            encoding=plain("char") | {"longest_output": LONGEST},
            start_id=len(LABELS),
            end_id=END_ID,
            length_bounds=(8, 12, 16, 20, 24),
            synthetic=True,
        )
        self.splits = {split: _pairs(rows, self.spec) for split, rows in written.items()}
        self.fingerprint = fingerprint(self.splits)
        self.baselines = {"commonest": commonest(self.splits)}

    def _write(self) -> dict[str, list[tuple[str, date]]]:
        """Of each split texts and their dates, drawn with replacement from days of its own."""
        random = np.random.default_rng(self.data_seed)
        first = self.first.toordinal()
        days = first + random.permutation(self.last.toordinal() - first + 1)
        # An eighth of the days each for val and test.
        ends = len(days) * 6 // 8, len(days) * 7 // 8
        parts = dict(zip(self.sizes, np.split(days, ends), strict=True))
        written = {}
        for split, size in self.sizes.items():
            chosen = random.choice(parts[split], size)
            forms = random.integers(len(FORMATS), size=size)
            dates = [date.fromordinal(int(day)) for day in chosen]
            written[split] = [(FORMATS[i](d), d) for i, d in zip(forms, dates, strict=True)]
        return written

    def from_file(self, path: str, spec: TaskSpec) -> Pairs:
        """Lines of a date as it is written, a tab, and the date as YYYY-MM-DD."""
        rows = []
        for name, line in filled_lines(Path(path).expanduser(), "dates"):
            text, tab, iso = line.rstrip("\n").rpartition("\t")
            form = "a line is a date as it is written, a tab, and YYYY-MM-DD"
            if not tab or not text.strip():
                raise UserError(f"{name}: no tab between two texts; {form}")
            try:
                rows.append((text, date.fromisoformat(iso)))
            except ValueError as error:
                raise UserError(f"{name}: {iso[:80]!r}: {error}; {form}") from error
        return _pairs(rows, spec)


def _pairs(rows: Sequence[tuple[str, date]], spec: TaskSpec) -> Pairs:
    encoded = TextEncoder.from_spec(spec).encode([text for text, _ in rows])
    targets = [[LABELS.index(letter) for letter in day.isoformat()] for _, day in rows]
    return Pairs(encoded, targets, padding_id=PADDING_ID, end_id=END_ID)

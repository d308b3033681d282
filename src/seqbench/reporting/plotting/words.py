"""Names and numbers as the pictures say them."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.terminal import visible

LETTERS = 30
"""Of a name that are shown; letters of East Asia count for two."""

HUGE = 1e100
"""A number of this size is none that a picture could show; it counts as infinite."""

SPLITS = {"val": "validation", "train": "training"}


def names(board: Leaderboard) -> dict[str, str]:
    """What each row is called in a picture, by its name; no two are the same."""
    found: dict[str, str] = {}
    for row in board.rows:
        letter = f" · {row.data}" if row.data and f"data {row.data}" not in row.name else ""
        title = name = short(row.name, LETTERS - len(letter)) + letter
        number = 2
        while title in found.values():
            title = f"{name} ({number})"
            number += 1
        found[row.name] = title
    return found


def short(name: str, letters: int = LETTERS) -> str:
    """A name that fits, its middle left out: rows of one model differ at their ends."""
    name = "".join(
        "\ufffd" if ord(c) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(c) <= 0xFDEF else c
        for c in visible(name)
    )
    if _width(name) <= letters:
        return name
    end = ""
    for letter in reversed(name):
        if _width(letter + end) > letters * 2 // 5:
            break
        end = letter + end
    start = ""
    for letter in name:
        if _width(start + letter) > letters - 1 - _width(end):
            break
        start += letter
    return f"{start}…{end}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def metric(name: str) -> str:
    """``bits per character`` of ``bits_per_character``."""
    return short(name.replace("_", " "))


def on(split: str, name: str) -> str:
    """``validation accuracy``: a metric of a split."""
    return f"{SPLITS.get(split, short(split))} {metric(name)}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def number(value: float) -> str:
    """Of a tick or a line, with a sign that is as wide as a plus."""
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        mantissa, _, power = f"{value:.3g}".partition("e")
        text = f"{mantissa}e{int(power)}" if power else mantissa
    else:
        text = f"{value:.6g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return text.replace("-", "−")


def even(ticks: Sequence[float]) -> list[str]:
    """All with as many digits behind the point as one of them needs."""
    texts = [number(tick) for tick in ticks]
    if any("e" in text or "," in text for text in texts):
        return texts
    digits = max((len(text.partition(".")[2]) for text in texts), default=0)
    return [f"{tick:.{digits}f}".replace("-", "−") for tick in ticks]


def amount(value: float) -> str:
    """Of parameters: 500, 20k, 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.6g}{unit}"
    return f"{value:.6g}"


def duration(seconds: float) -> str:
    """Of a tick: 0.5 s, 20 s, 5 min, 2 h, 3 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def counts(rows: Sequence[Any], what: str) -> str:
    """``15 rows``, or ``1 row``."""
    return f"{len(rows):,} {what}{'' if len(rows) == 1 else 's'}"


def seeds(rows: Sequence[Row]) -> str:
    """How many seeds the networks among them have: ``5 seeds``, ``2 to 5 seeds``, ``one seed``."""
    return between([len(row.runs) for row in rows if row.kind == "network" and row.runs])


def between(many: Sequence[int]) -> str:
    """``5 seeds`` of counts of seeds, ``2 to 5 seeds`` where they differ, ``one seed``."""
    low, high = min(many, default=1), max(many, default=1)
    if low == high:
        return "one seed" if high == 1 else f"{high} seeds"
    return f"{low} to {high} seeds"


def finite(values: Sequence[float | None]) -> list[float]:
    """Those that a picture can show."""
    return [value for value in values if value is not None and abs(value) < HUGE]

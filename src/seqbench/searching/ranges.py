"""The words of a search: those of a training, some of whose values are ranges. Needs no torch.

``uniform(a,b)`` and ``loguniform(a,b)`` are numbers from a to b, ``int(a,b)`` and ``logint(a,b)``
whole ones, both ends among them; ``log...`` spreads them evenly over the orders of magnitude.
``a,b,c`` or ``choice(a,b,c)`` are values, or names of a group, of which none is nearer to another.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep
from hydra.errors import HydraException

from seqbench.errors import UserError, short
from seqbench.words import quote

FUNCTIONS = ("uniform", "loguniform", "int", "logint")
EXAMPLE = '"optimizer.lr=loguniform(1e-4,1e-1)"'
ALL = "uniform(a,b), loguniform(a,b), int(a,b), logint(a,b) or a list a,b,c"

CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)

MOST = 2**53
"""Beyond it not every whole number is a float."""

Value = float | int | str


@dataclass(frozen=True)
class Numbers:
    """All numbers from low to high; whole: integers. log: even over the orders of magnitude."""

    key: str
    low: float
    high: float
    whole: bool
    log: bool

    def probes(self) -> list[Value]:
        return [self.low, self.high]

    def describe(self) -> list[Any]:
        name = ("log" if self.log else "") + ("int" if self.whole else "uniform")
        return [name, self.low, self.high]


@dataclass(frozen=True)
class Choices:
    """Some values, as words that Hydra reads."""

    key: str
    words: tuple[str, ...]

    def probes(self) -> list[Value]:
        return list(self.words)

    def describe(self) -> list[Any]:
        return ["choice", *self.words]


Range = Numbers | Choices


@dataclass(frozen=True)
class Line:
    """A search's words in their order. fixed: of a key without range the whole word, of one with a
    range what stands before its value, as ``optimizer.lr=``; ranges: by their places.
    """

    fixed: tuple[str, ...]
    ranges: Mapping[int, Range]

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.ranges.values()]

    def words(self, values: Mapping[str, Value]) -> list[str]:
        """The words of a training with these values, by key."""
        return [
            f"{word}{values[self.ranges[i].key]}" if i in self.ranges else word
            for i, word in enumerate(self.fixed)
        ]

    def probes(self) -> list[dict[str, Value]]:
        """A few settings, among which is each end and each choice of every range."""
        tried = {each.key: each.probes() for each in self.ranges.values()}
        count = max(map(len, tried.values()))
        return [
            {key: some[min(i, len(some) - 1)] for key, some in tried.items()} for i in range(count)
        ]

    def describe(self) -> dict[str, list[Any]]:
        return {each.key: each.describe() for each in self.ranges.values()}


def read(words: Iterable[str]) -> Line:
    """The words of a command line, taken apart; UserError for what is no range, or is none."""
    parts = [(word, *word.partition("=")) for word in words]
    keys = [name.lstrip("+~") for _, name, _, _ in parts]
    fixed: list[str] = []
    ranges: dict[int, Range] = {}
    for i, (word, name, equals, value) in enumerate(parts):
        found = _range(word, keys[i], value) if equals else None
        if found and keys.count(found.key) > 1:
            raise UserError(f"{short(word)}: {found.key} is given twice; leave one out")
        if found:
            ranges[i] = found
        fixed.append(f"{name}=" if found else word)
    if not ranges:
        raise UserError(f"nothing to search: give a key a range, as {EXAMPLE}")
    return Line(tuple(fixed), ranges)


def _range(word: str, key: str, value: str) -> Range | None:
    """The range that a value is, or None."""
    if word.startswith("~"):
        return None
    call = CALL.fullmatch(value)
    if call and call[1] in FUNCTIONS:
        numbers = [part.strip() for part in call[2].split(",")]
        if call[1] != "int" or len(numbers) > 1:  # int(3.0) is Hydra's, and a number
            return _numbers(word, key, call[1], numbers)
    try:
        override = OverridesParser.create().parse_override(quote(word))
        sweeps = override.is_sweep_override()
    except (HydraException, ValueError):
        sweeps = False
    near = get_close_matches(call[1], (*FUNCTIONS, "choice"), 1) if call else []
    if not sweeps:
        if call and near and call[1] != near[0]:
            raise UserError(f"{short(word)}: no such range; did you mean {near[0]!r}?")
        if call and call[1] == "glob":
            raise UserError(f"{short(word)}: a search takes {ALL}")
        return None
    sweep = override.value()
    if not isinstance(sweep, ChoiceSweep) or sweep.shuffle or sweep.tags:
        raise UserError(f"{short(word)}: a search takes {ALL}")
    choices = [str(choice) for choice in override.sweep_string_iterator()]
    twice = [choice for choice in choices if choices.count(choice) > 1]
    if twice:
        raise UserError(f"{short(word)}: {short(twice[0])} is given twice")
    return Choices(key, tuple(choices))


def _numbers(word: str, key: str, function: str, parts: list[str]) -> Numbers:
    whole, log = function.endswith("int"), function.startswith("log")
    example = f"{function}(8,256)" if whole else f"{function}(1e-4,1e-1)"
    if len(parts) != 2:
        raise UserError(f"{short(word)}: should have two ends, as {example}")
    ends = [_number(part, whole) for part in parts]
    low, high = ends
    if low is None or high is None:
        kind = "whole numbers" if whole else "numbers"
        raise UserError(f"{short(word)}: its ends should be {kind}, as {example}")
    if low >= high:
        raise UserError(f"{short(word)}: its first end should be below its second")
    if not isfinite(high - low):
        raise UserError(f"{short(word)}: its ends lie too far from each other; bring them nearer")
    if log and low <= 0:
        raise UserError(
            f"{short(word)}: its ends should be above 0, as orders of magnitude are; "
            f"or write {function.removeprefix('log') or function}({parts[0]},{parts[1]})"
        )
    return Numbers(key, low, high, whole, log)


def _number(text: str, whole: bool) -> float | None:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return None
    return number if abs(number) < (MOST if whole else float("inf")) else None  # nor is nan

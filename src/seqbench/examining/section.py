"""A section of the doctor's report: what was found, and what is wrong with it. Needs no torch."""

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from seqbench.errors import short


@dataclass(frozen=True)
class Problem:
    """what: is wrong. do: against it."""

    what: str
    do: str

    @classmethod
    def of(cls, line: str) -> Self:
        """What a UserError tells: what is wrong, and behind its last semicolon what to do."""
        what, _, do = line.rpartition("; ")
        return cls(what or line, do if what else "see there")


@dataclass
class Section:
    """content: plain values for JSON; ``error`` alone where the examination itself failed."""

    content: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, what: str, do: str) -> None:
        self.problems.append(Problem(what, do))

    @property
    def error(self) -> str | None:
        """Why there is nothing else in it."""
        return self.content.get("error") if [*self.content] == ["error"] else None


def examined(name: str, examine: Callable[[], Section]) -> Section:
    """What ``examine`` finds; where it fails, a section of that name that tells why.

    What the libraries that it meets warn of is theirs, and not told.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return examine()
    except Exception as error:  # a broken package may raise anything, and the rest shall be told
        line = one_line(error)
        what = f"the section {name} could not be examined: {line}"
        return Section({"error": line}, [Problem(what, "mend that and ask again")])


def one_line(error: BaseException) -> str:
    """Its kind and message, for whoever has to guess what broke."""
    text = " ".join(str(error).split())
    return short(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def homeless(value: Any) -> Any:
    """Plain values in which the home directory is ``~``: nobody's name goes into a bug report."""
    homes = {os.path.expanduser("~"), os.path.realpath(os.path.expanduser("~"))}  # noqa: PTH111
    told = [re.escape(home.rstrip("/\\")) for home in homes if len(Path(home).parts) > 1]
    if not told:
        return value
    pattern = re.compile(
        rf"(?<![\w.-])(?:{'|'.join(sorted(told, key=len, reverse=True))})(?![\w.-])"
    )

    def cleaned(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub("~", value)
        if isinstance(value, dict):
            return {cleaned(key): cleaned(inner) for key, inner in value.items()}
        return [cleaned(inner) for inner in value] if isinstance(value, list) else value

    return cleaned(value)

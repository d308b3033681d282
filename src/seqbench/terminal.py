"""What others have written, shown so that it moves no cursor and forges no line. Needs no torch."""

import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, ends of lines and paragraphs, what turns the direction of writing, and half letters.
Marks that scripts need, as joiners and spaces of other widths, are none of these."""


def visible(text: str, keep: str = "") -> str:
    r"""A text whose steering characters can be read: ``\u001b`` for an escape, as JSON writes it.

    keep: those to leave as they are.
    """
    return STEERING.sub(lambda m: m[0] if m[0] in keep else f"\\u{ord(m[0]):04x}", text)


def say(text: str, end: str = "\n", flush: bool = False, file: TextIO | None = None) -> None:
    """Print to a file or a pipe a text as it is, to a terminal ``visible`` but for its lines."""
    file = file or sys.stdout
    print(visible(text, "\n\t") if file.isatty() else text, end=end, flush=flush, file=file)


def tell(text: str, end: str = "\n") -> None:
    """Say on standard error what may get lost: where nobody listens any more, work goes on."""
    with suppress(OSError):
        say(text, end=end, flush=True, file=sys.stderr)


def plain_console() -> "Console":
    """For tables: words are no markup and no names of pictures."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise

    return Plain(highlight=False, markup=False, emoji=False)


def span(seconds: float) -> str:
    """A time as one says it: 8 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"

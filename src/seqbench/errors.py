"""What ends a run and is told in one line."""

import sys
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class UserError(Exception):
    """A mistake in what the user gave: a key, a file, a device.

    The message is one line that names what is wrong and what to do. Entry points print it and
    exit with status 2.
    """


class RunError(Exception):
    """What ends a run that was well begun: a full disk, too little memory, numbers that are none.

    The message is one line that names what happened and what to do. The run's status is
    ``failed``, the exit status 1.
    """


class ToldError(UserError):
    """What another process of the same training tells; this one ends with the same ``status``."""

    status = 2


def complain(error: UserError | RunError, show_traceback: bool = False) -> int:
    """Print the one line to standard error, with the way to it if asked for; the exit status."""
    if isinstance(error, ToldError):
        return error.status
    if show_traceback:
        traceback.print_exception(error)
    line = " ".join(str(error).splitlines())
    # No character of a file's name may move the cursor, or be half of a letter.
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    print(f"seqbench: {shown}", file=sys.stderr)
    return 2 if isinstance(error, UserError) else 1


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` or, where nothing is near, the known names."""
    names = sorted(known)
    match = get_close_matches(word, names, 1)
    if match:
        return f"; did you mean {match[0]!r}?"
    return f"; there are: {', '.join(names)}" if names else ""


def short(text: object, most: int = 200) -> str:
    """A text for a message, cut where it is very long."""
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[:most]} ..."


def place(path: str | Path) -> Path:
    """A path of the user's, ``~`` resolved.

    UserError for what no file can be named: a NUL, a name too long, the home of nobody.
    """
    try:
        found = Path(path).expanduser()
        found.lstat() if "\0" in str(path) else found.exists()
    except (OSError, ValueError, RuntimeError) as error:
        cause = getattr(error, "strerror", None) or error
        raise UserError(f"{short(path)}: no usable path: {cause}; give another") from error
    return found

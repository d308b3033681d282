"""The one exception that means: the user can mend this."""

import sys
from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in what the user gave: a key, a file, a device.

    The message is one line that names what is wrong and what to do. Entry points print it and
    exit with status 2.
    """


def complain(error: UserError) -> int:
    """Print the one line to standard error; the exit status that goes with it."""
    print(f"seqbench: {error}", file=sys.stderr)
    return 2


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` or, where nothing is near, the known names."""
    names = sorted(known)
    match = get_close_matches(word, names, 1)
    if match:
        return f"; did you mean {match[0]!r}?"
    return f"; there are: {', '.join(names)}" if names else ""

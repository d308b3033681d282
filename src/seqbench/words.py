"""The words of a command line, as Hydra's grammar and its options take them."""

import re

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from seqbench.commands import Parser
from seqbench.errors import UserError, short

PATH_KEY = re.compile(r"(^|[._])(path|dir|file)$")

LIST_WORD = re.compile(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,])+""")
"""A word of a list: no comma, but within quotes."""


RERUN = "--experimental-rerun"

LONGEST_KEY = 200
"""Longer than any; Hydra would look for a file of that name."""


def quote(argument: str) -> str:
    """One command-line argument as Hydra's grammar takes it.

    Hydra's lexer stumbles over Cyrillic, apostrophes, ``=`` and other free text in values. A value
    of a path key is always quoted, any other only where the parser refuses it as it stands; of a
    refused ``[list]`` the words that are refused.
    """
    key, equals, value = argument.partition("=")
    if not key.strip("+~ "):
        raise UserError(f"cannot read {argument!r}: write KEY=VALUE")
    if len(key) > LONGEST_KEY:
        raise UserError(f"unknown {short(key)}: is not a key here")
    if not equals or key.startswith("-") or value[:1] in ("'", '"'):
        return argument
    if not PATH_KEY.search(key) or value in ("", "null"):
        if _parses(argument):
            return argument
        if value.startswith("[") and value.endswith("]"):
            words = [word.strip() for word in LIST_WORD.findall(value[1:-1])]
            listed = ",".join(w if _parses(f"{key}={w}") else _quoted(w) for w in words)
            if _parses(f"{key}=[{listed}]"):
                return f"{key}=[{listed}]"
    return f"{key}={_quoted(value)}"


def unquoted(argument: str) -> str:
    """The argument that ``quote`` has made this of, as one would type it."""
    key, equals, value = argument.partition("=")
    plain = f"{key}={value[1:-1]}"
    return plain if equals and value[:1] == "'" and quote(plain) == argument else argument


def _parses(argument: str) -> bool:
    try:
        OverridesParser.create().parse_override(argument)
    except (HydraException, ValueError):  # an integer of thousands of digits
        return False
    return True


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _quoted(text: str) -> str:
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
    return f"'{escaped}'"


def arranged(argv: list[str]) -> list[str]:
    """Options with their values, ``--``, and the overrides quoted: Hydra takes no mixture.

    UserError for an option that there is not, or that lacks its value.
    """
    options: list[str] = []
    overrides: list[str] = []
    actions = {name: act for act in get_args_parser()._actions for name in act.option_strings}
    for argument in argv:
        if "\0" in argument or not _encodable(argument):
            raise UserError(f"cannot read {short(ascii(argument))}: it is no valid text")
        before = actions.get(options[-1]) if options else None
        follows = before and (before.nargs is None or (before.nargs == "?" and "=" not in argument))
        (options if follows or argument.startswith("-") else overrides).append(argument)
    if RERUN in options:
        raise UserError(f"{RERUN}: a run is repeated by its overrides; leave the option out")
    Parser("python -m seqbench.train", parents=[get_args_parser()], add_help=False).parse_args(
        [*options, "--"]
    )
    return [*options, "--", *map(quote, overrides)]

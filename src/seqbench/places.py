"""Where configs are found: seqbench's own conf, and the folders that a command line adds."""

import re
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from seqbench.errors import UserError

PACKAGE = Path(__file__).parent
CONF = next(p for p in (PACKAGE / "conf", PACKAGE.parents[1] / "conf") if p.is_dir())
"""The installed wheel's own conf, or the checkout's."""


def is_group(key: str) -> bool:
    return re.fullmatch(r"[\w/]{1,99}", key) is not None and (CONF / key).is_dir()


def searched(arguments: list[str]) -> list[str]:
    """Where a command line lets Hydra search beside conf; UserError for what is not there."""
    found: list[str] = []
    for before, argument in pairwise(["", *arguments]):
        option, equals, value = argument.partition("=")
        if option.startswith("hydra.searchpath"):
            places = OverridesParser.create().parse_override(argument).value()
            if not isinstance(places, list):
                raise UserError(f"{option}: should be a list, as [pkg://my_package.conf]")
            found += places
        elif before in ("--config-dir", "-cd"):
            found.append(f"file://{Path(argument).absolute()}")
        elif option == "--config-dir" and equals:
            found.append(f"file://{Path(value).absolute()}")
    for place in found:
        try:
            there = folder(place).is_dir()
        except (ImportError, ValueError, TypeError):
            there = False
        if not there:
            shown = place.removeprefix("file://")
            raise UserError(f"there is no {shown} to search for configs; mend it")
    return found


def folder(place: str) -> Traversable:
    """The one that is searched: of an installed package, or any other."""
    scheme, _, path = place.rpartition("://")
    return files(path) if scheme == "pkg" else Path(path)


def choices(folders: Iterable[Traversable], group: str = "") -> dict[str, set[str]]:
    """The names to choose from, by group; those below ``group`` if these are its folders."""
    found: dict[str, set[str]] = {}
    for file in (file for each in folders for file in each.iterdir()):
        if file.is_dir():
            for within, names in choices([file], f"{group}/{file.name}".lstrip("/")).items():
                found.setdefault(within, set()).update(names)
        elif group and file.name.endswith(".yaml"):
            found.setdefault(group, set()).add(file.name.removesuffix(".yaml"))
    return found

"""What this machine and this installation can do: ``python -m seqbench.doctor``, for bug reports.

With ``--json`` it prints one object, described in docs/doctor.md. Nothing is left behind, nothing
asked of a network but of a Ray cluster that RAY_ADDRESS names. The home directory is shown as
``~``, and of the environment only variables that are named here.

Exit status: 0 done, whatever was found, 2 the user's mistake, 130 ended by Ctrl-C.
"""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

from seqbench.commands import TRACEBACK, Parser, guarded
from seqbench.errors import UserError, place
from seqbench.examining.section import Section, examined, homeless
from seqbench.terminal import say, tell

VERSION = 1
"""Of the object that --json prints."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(partial(_doctor, "GOMP_SPINCOUNT" in os.environ), argv)


def _doctor(spincount_given: bool, arguments: list[str], show_traceback: bool) -> int:
    chosen = command().parse_args(arguments)
    if chosen.quick and chosen.cell:
        raise UserError("--quick and --cell: the cells are what --quick leaves out; give one")
    if chosen.outputs is not None:
        place(chosen.outputs)
    for name in chosen.cell:
        _require_cell(name)
    if sys.stderr.isatty():
        tell("seqbench: looking around; this takes some ten seconds")
    sections = examine(chosen, spincount_given)
    problems = [
        {"section": name, "problem": problem.what, "remedy": problem.do}
        for name, section in sections.items()
        for problem in section.problems
    ]
    content = {name: section.content for name, section in sections.items()}
    report = homeless({"version": VERSION, **content, "problems": problems})
    if chosen.json:
        text = json.dumps(report, ensure_ascii=False, indent=1)
        say(text.encode("utf-8", "backslashreplace").decode())  # half a letter as JSON writes it
    else:
        from seqbench.examining.tables import show

        show(report)
    return 0


def command() -> Parser:
    """Of this verb."""
    made = Parser(
        "python -m seqbench.doctor",
        description="Tell what this machine and this installation can do, and what is wrong: to "
        "be looked at first where something fails, and to be put into bug reports.",
        allow_abbrev=False,
    )
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.add_argument("--quick", action="store_true", help="try no cells and connect no processes")
    made.add_argument(
        "--cell",
        action="append",
        default=[],
        metavar="PACKAGE.CELL",
        help="try this cell too, in all precisions, built with its defaults",
    )
    made.add_argument("--outputs", metavar="DIR", help="where the runs are; default: outputs")
    made.add_argument(TRACEBACK, action="store_true", help="show where a mistake was found")
    return made


def _require_cell(name: str) -> None:
    from seqbench.config import locate

    if "." not in name:
        raise UserError(f"--cell {name}: give its full name, as my_package.cells.{name}")
    try:
        found = locate(name)
    except UserError as error:
        raise UserError(f"--cell: {error}") from error

    from seqbench.models.cells.base import Cell

    if not isinstance(found, type) or not issubclass(found, Cell):
        raise UserError(f"--cell {name}: is no seqbench.Cell; derive it from that")


def examine(chosen: Namespace, spincount_given: bool) -> dict[str, Section]:
    """All sections, by name, each whatever has become of those before it."""
    found: dict[str, Section] = {}

    def look(name: str, examination: Callable[[], Section]) -> None:
        found[name] = examined(name, examination)

    look("versions", _versions)
    look("devices", _devices)
    look("threads", partial(_threads, not spincount_given))
    gpus = _working(found["devices"].content)
    if not chosen.quick:
        look("precision", partial(_precision, gpus, chosen.cell))
    look("launchers", partial(_launchers, len(gpus), chosen.quick))
    look("data", _data)
    look("folders", partial(_folders, chosen.outputs))
    return found


def _working(devices: dict[str, Any]) -> list[int]:
    """The numbers of the GPUs that compute."""
    there = devices.get("cuda", {}).get("devices", [])
    return [number for number, device in enumerate(there) if device["why"] is None]


# What a section needs is imported within it, so that a broken package breaks that section alone.


def _versions() -> Section:
    from seqbench.examining import versions

    return versions.examine()


def _devices() -> Section:
    from seqbench.examining import devices

    return devices.examine()


def _threads(own_spincount: bool) -> Section:
    from seqbench.examining import threads

    return threads.examine(own_spincount)


def _precision(gpus: list[int], own: list[str]) -> Section:
    import torch

    from seqbench.examining import precision

    by_name = {torch.cuda.get_device_name(number): number for number in reversed(gpus)}
    devices = [torch.device("cpu"), *(torch.device("cuda", n) for n in by_name.values())]
    if torch.backends.mps.is_available():
        devices.append(torch.device("mps"))
    return precision.examine(devices, own)


def _launchers(gpus: int, quick: bool) -> Section:
    from seqbench.examining import launchers

    return launchers.examine(gpus, quick)


def _data() -> Section:
    from seqbench.examining import data

    return data.examine()


def _folders(outputs: str | None) -> Section:
    from seqbench.examining import folders

    return folders.examine(outputs)


if __name__ == "__main__":
    sys.exit(main())

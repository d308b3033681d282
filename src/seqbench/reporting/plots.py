"""The pictures of a report, drawn with matplotlib, which comes as an extra. Needs no torch."""

import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqbench.errors import UserError, nearest
from seqbench.figures import FORMATS, require_matplotlib, save
from seqbench.reporting.leaderboard import Leaderboard
from seqbench.reporting.picture import Picture
from seqbench.reporting.plotting.costs import parameters, times
from seqbench.reporting.plotting.curves import curves
from seqbench.reporting.plotting.forest import forest
from seqbench.reporting.plotting.inline import inline
from seqbench.reporting.plotting.looks import looks
from seqbench.reporting.plotting.paper import Drawing, paper
from seqbench.reporting.plotting.rates import rates
from seqbench.reporting.plotting.slices import slices

KINDS = (forest, curves, slices, rates, times, parameters)
"""In the order in which a report shows them."""


def pictures(board: Leaderboard) -> list[Picture]:
    """Of one leaderboard, each kind for which it has the data.

    Raises UserError where matplotlib is missing.
    """
    require_matplotlib()
    with paper():
        return [
            Picture(each.name, each.title, each.caption, inline(each.figure, each.name, each.title))
            for each in drawings(board)
        ]


def save_pictures(
    boards: Sequence[Leaderboard], folder: Path, formats: Sequence[str] = ("svg",)
) -> list[Path]:
    """Write ``NAME.FORMAT`` for each picture of each board, black on white; returns the files.

    folder: made if it is missing. formats: of svg, png, pdf. Each file is written whole or not at
    all, in place of one that stood there. Raises UserError for a format that there is not, where
    matplotlib is missing or where there is no writing; RunError where the disk is full.
    """
    kinds = [each.lower().removeprefix(".") for each in formats]
    known = [each.removeprefix(".") for each in FORMATS]
    for each in kinds:
        if each not in known:
            raise UserError(f"{each!r} is no format of pictures{nearest(each, known)}")
    require_matplotlib()
    written = []
    with paper():
        for drawing in (drawing for board in boards for drawing in drawings(board)):
            _make(folder)
            for kind in dict.fromkeys(kinds):
                path = folder / f"{drawing.name}.{kind}"
                save(drawing.figure, path)
                written.append(path)
    return written


def drawings(board: Leaderboard) -> Iterator[Drawing]:
    """The figures themselves; to be used within ``paper()``."""
    dressed, name = looks(board), stem(board.task)
    for kind in KINDS:
        if (drawing := kind(board, dressed, name)) is not None:
            yield drawing


def stem(task: str) -> str:
    """What the names of a task's pictures begin with: small letters, digits, - and _ alone.

    No other task has it: that of a name which had to be changed ends in its checksum.
    """
    name = re.sub(r"[^a-z0-9_]+", "-", task.lower()).strip("-")[:40]
    if name == task:
        return name
    return f"{name or 'task'}-{zlib.crc32(task.encode('utf-8', 'backslashreplace')):08x}"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UserError(f"{folder} is a file; name a folder for the pictures") from None
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}") from error

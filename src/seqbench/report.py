"""What a set of runs says: ``python -m seqbench.report OUTPUTS``. Needs no torch.

Exit status: 0 done, 2 the user's mistake, 130 ended by Ctrl-C.
"""

import math
import os
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from seqbench.commands import TRACEBACK, Parser, guarded
from seqbench.errors import UserError, place, short
from seqbench.figures import FORMATS as DRAWN
from seqbench.figures import has_matplotlib, require_matplotlib
from seqbench.files import room, write_whole
from seqbench.locks import STATUS
from seqbench.reporting import texts
from seqbench.reporting.boards import Wanted, report
from seqbench.reporting.leaderboard import Report
from seqbench.reporting.picture import Picture
from seqbench.reporting.reading import entries
from seqbench.reporting.statistics import require_scipy
from seqbench.terminal import plain_console, say

FORMATS = ("table", "markdown", "csv", "json", "html")
ENDINGS = {".md": "markdown", ".csv": "csv", ".json": "json", ".html": "html"}

Pictures = Mapping[str, Sequence[Picture]]
"""By task."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_report, argv)


def _report(arguments: list[str], show_traceback: bool) -> int:
    chosen = _parser().parse_intermixed_args(arguments)
    require_scipy()
    outputs = [_output(name, chosen.overwrite) for name in chosen.output]
    for path in outputs:
        if outputs.count(path) > 1:
            raise UserError(f"--output {path}: is given twice; name it once")
    folder = _folder(chosen)
    wanted = Wanted(chosen.metric, chosen.baseline, chosen.threshold)
    runs, unread = entries(chosen.folder)
    found = report(runs, chosen.folder, wanted, unread)
    drawn: Pictures = {}
    if folder or "html" in [chosen.format, *(ENDINGS[path.suffix.lower()] for path in outputs)]:
        drawn = _pictures(found)
    written = _save(drawn, found, folder, chosen) if folder else []
    for path in outputs:
        text = _text(ENDINGS[path.suffix.lower()], found, drawn, _way(folder, path.parent), chosen)
        _write(path, text)
        written.append(path)
    if chosen.format == "table" or (chosen.format is None and not written):
        console = plain_console()
        if not console.is_terminal:
            console.width = 1000  # a table takes what it needs
        texts.show(found, console)
    elif chosen.format:
        say(_text(chosen.format, found, drawn, _way(folder, Path()), chosen), end="")
    for path in written:
        print(f"wrote {path}", file=sys.stderr if chosen.format else sys.stdout)
    return 0


def _parser() -> Parser:
    made = Parser(
        "python -m seqbench.report",
        description="Tables, pictures and a page from run directories: a leaderboard a task, with "
        "intervals over seeds, and whether rows can be told apart.",
        allow_abbrev=False,
    )
    made.add_argument("folder", metavar="FOLDER", nargs="+", help="of runs, as outputs")
    made.add_argument(
        "--metric",
        metavar="SPLIT/NAME",
        help="to sort and compare by, as test/macro_f1; default: each task's own",
    )
    made.add_argument(
        "--baseline", metavar="ROW", help="compare all with it, as lstm; default: the best"
    )
    made.add_argument(
        "--threshold",
        type=_number,
        metavar="X",
        help="of the metric on validation; tells time and steps until it was reached; default: 90 "
        "%% of the way from the trivial baseline to the best network",
    )
    made.add_argument(
        "--format", choices=FORMATS, help="to print; default: the table, if nothing is written"
    )
    made.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help=f"write a {', '.join(ENDINGS)} file; may be given several times",
    )
    made.add_argument(
        "--pictures", metavar="FOLDER", help="write the pictures; Markdown then shows them"
    )
    made.add_argument(
        "--picture-type",
        action="append",
        choices=[ending[1:] for ending in DRAWN],
        help="default: svg; may be given several times",
    )
    made.add_argument("--overwrite", action="store_true", help="replace files that are there")
    made.add_argument(TRACEBACK, action="store_true", help="show where a mistake was found")
    return made


def _number(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ArgumentTypeError(f"{short(word)!r} is no number")
    return number


def _output(name: str, overwrite: bool) -> Path:
    """UserError before any work is done for nothing."""
    path = place(name)
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"--output {name}: give a file that ends in {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise UserError(f"--output {name}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise UserError(f"--output {name}: a folder; name a file in it")
    if path.exists() and not overwrite:
        raise UserError(f"{path} is there already; --output names another, --overwrite replaces it")
    if (path.parent / STATUS).exists():
        raise UserError(f"--output {name}: {path.parent} is a run's own folder; name another")
    return path


def _folder(chosen: Namespace) -> Path | None:
    if chosen.pictures is None:
        if chosen.picture_type:
            raise UserError("--picture-type wants --pictures FOLDER, where they are written")
        return None
    require_matplotlib()
    if not chosen.pictures.strip():
        raise UserError("--pictures names no folder; . is this one")
    folder = place(chosen.pictures)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--pictures {folder}: is no folder; name another")
    if (folder / STATUS).exists():
        raise UserError(f"--pictures {folder}: is a run's own folder; name another")
    return folder


def _pictures(found: Report) -> Pictures:
    """None without matplotlib: a page is of use without them, too."""
    if not has_matplotlib():
        say(
            "seqbench: no pictures without matplotlib: pip install 'seqbench[report]'",
            file=sys.stderr,
        )
        return {}
    from seqbench.reporting.plots import pictures

    return {board.task: pictures(board) for board in found.leaderboards}


def _types(chosen: Namespace) -> list[str]:
    return chosen.picture_type or ["svg"]


def _save(drawn: Pictures, found: Report, folder: Path, chosen: Namespace) -> list[Path]:
    """Write the pictures, none of them where one is there already."""
    from seqbench.reporting.plots import save_pictures

    types = _types(chosen)
    names = [picture.name for pictures in drawn.values() for picture in pictures]
    paths = [folder / f"{name}.{kind}" for name in names for kind in types]
    there = [path for path in paths if path.exists()]
    if there and not chosen.overwrite:
        raise UserError(
            f"{there[0]} is there already; --pictures names another, --overwrite replaces it"
        )
    try:
        with room(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--pictures {folder}: cannot be made: {error.strerror}") from error
    save_pictures(found.leaderboards, folder, types)
    return paths


def _way(folder: Path | None, beside: Path) -> str | None:
    """From one folder to that of the pictures, as a link."""
    return quote(Path(os.path.relpath(folder, beside)).as_posix()) if folder else None


def _text(kind: str, found: Report, drawn: Pictures, way: str | None, chosen: Namespace) -> str:
    """The report in one of the formats. way: to the folder of the pictures, if they are written."""
    if kind == "csv":
        return texts.as_csv(found)
    if kind == "json":
        return texts.as_json(found)
    if kind == "html":
        from seqbench.reporting.page import page

        return page(found, drawn)
    shown = {}
    shows = [each for each in ("svg", "png") if each in _types(chosen)]  # no browser shows a PDF
    if way and shows:
        shown = {
            task: [(f"{way}/{picture.name}.{shows[0]}", picture) for picture in pictures]
            for task, pictures in drawn.items()
        }
    return texts.markdown(found, shown)


def _write(path: Path, text: str) -> None:
    try:
        with room(path):
            write_whole(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())

"""A report as one HTML page that needs nothing besides itself."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from seqbench.reporting import numbers
from seqbench.reporting.entries import STATES
from seqbench.reporting.html.cells import Cell, Column
from seqbench.reporting.html.columns import columns
from seqbench.reporting.html.details import Details, details
from seqbench.reporting.html.dots import Dots, Scale, dots, scale
from seqbench.reporting.lead import lead
from seqbench.reporting.leaderboard import FEW, Leaderboard, Report, Row
from seqbench.reporting.picture import Picture
from seqbench.terminal import visible

KINDS = {"network": "", "baseline": "classical baseline", "trivial": "trivial rule"}


@dataclass(frozen=True)
class Line:
    """A row as the page shows it."""

    row: Row
    kind: str
    cells: Sequence[Cell]
    dots: Dots | None
    details: Details


@dataclass(frozen=True)
class Section:
    """A leaderboard as the page shows it. anchor: its id. sorted_by: the column in whose order
    the rows stand, empty if in none's. drawings: pictures and their ``<svg>`` elements."""

    board: Leaderboard
    anchor: str
    metric: str
    better: str
    lead: Sequence[str]
    columns: Sequence[Column]
    scale: Scale | None
    sorted_by: str
    lines: Sequence[Line]
    drawings: Sequence[tuple[Picture, Markup]]


def page(report: Report, pictures: Mapping[str, Sequence[Picture]]) -> str:
    """The whole page, to be written as UTF-8 with its ends of lines as they are.

    pictures: by the task of the leaderboard that they belong to, this program's own drawings.
    """
    folder = files(__package__)
    script = (folder / "page.js").read_text("utf-8")
    template = _environment().from_string((folder / "page.html.jinja").read_text("utf-8"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return template.render(
        report=report,
        sections=[
            _section(board, number, pictures.get(board.task, ()))
            for number, board in enumerate(report.leaderboards, start=1)
        ],
        counts=[(state, report.counts[state]) for state in STATES if state in report.counts],
        runs=numbers.counted(sum(report.counts.values()), "run"),
        few=FEW,
        style=Markup((folder / "page.css").read_text("utf-8")),
        script=Markup(script),
        digest=digest,
    )


def _environment() -> Environment:
    """Templates in which whatever is not a template's own text is escaped, and steers nothing."""
    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, Markup) else visible(str(value)),
    )
    made.filters["number"] = numbers.count
    made.filters["lines"] = _lines
    return made


def _lines(text: str) -> Markup:
    return Markup(escape(visible(text, "\n\t")))


def _section(board: Leaderboard, number: int, pictures: Sequence[Picture]) -> Section:
    made = columns(board)
    over = scale(board)
    drawn = dots(board, over) if over else [None] * len(board.rows)
    slug = re.sub(r"[^a-z0-9]+", "-", board.task.lower()).strip("-")
    return Section(
        board=board,
        anchor=f"task-{number}-{slug}".rstrip("-"),
        metric=f"{board.split} {numbers.name_of(board.metric)}",
        better=numbers.better(board.mode),
        lead=lead(board),
        columns=made,
        scale=over,
        sorted_by=_sorted_by(made, board),
        lines=[
            Line(
                row,
                KINDS[row.kind],
                [column.cells[i] for column in made],
                drawn[i],
                details(row, board),
            )
            for i, row in enumerate(board.rows)
        ],
        drawings=[(picture, Markup(picture.svg)) for picture in pictures],
    )


def _sorted_by(made: Sequence[Column], board: Leaderboard) -> str:
    """``mean`` where the rows stand in its order, as they do unless there are several data."""
    mean = next((column for column in made if column.name == "mean"), None)
    values = [float(cell.key) for cell in mean.cells if cell.key] if mean else []
    return "mean" if values and values == sorted(values, reverse=board.mode == "max") else ""

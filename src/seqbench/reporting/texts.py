"""A report as text: on a terminal, as Markdown, CSV and JSON."""

import csv
import html
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from seqbench.reporting import numbers
from seqbench.reporting.entries import Entry
from seqbench.reporting.lead import lead
from seqbench.reporting.leaderboard import Leaderboard, Report, Row
from seqbench.reporting.picture import Picture
from seqbench.reporting.tables import LEGEND, Column, tables
from seqbench.terminal import visible

GAP = 2
"""Spaces between the columns of a table."""

SCHEMA_VERSION = 1
"""Of the JSON object and the columns of the CSV."""


def show(report: Report, console: Console) -> None:
    """Print it: two tables a task, and what must be told of them."""
    for board in report.leaderboards:
        console.print(visible(heading(board)), style="bold", soft_wrap=True)
        for sentence in lead(board):
            console.print(visible(sentence))
        for columns, rows in tables(board):
            for fitting in _fitting(columns, rows, console.width):
                console.print(_table(fitting, rows), "")
        for note in board.notes:
            console.print(visible(f"- {note}"))
        console.print()
    for note in report.notes:
        console.print(visible(note))
    console.print(LEGEND, style="dim")
    console.print(visible(counts(report)), soft_wrap=True)


def heading(board: Leaderboard) -> str:
    name = numbers.name_of(board.metric)
    return f"{board.task}: {name} on {board.split}, {numbers.better(board.mode)}"


def counts(report: Report) -> str:
    """``20 runs: 18 ok, 2 failed; outputs``"""
    states = ", ".join(f"{count} {state}" for state, count in report.counts.items())
    total = numbers.counted(sum(report.counts.values()), "run")
    return f"{total}: {states}; {', '.join(report.folders)}"


def _fitting(columns: Sequence[Column], rows: Sequence[Row], width: int) -> Iterator[list[Column]]:
    """The columns in as many tables as it takes, each begun by the first: no number is folded."""
    first, *others = columns
    table, used = [first], _width(first, rows)
    for column in others:
        if len(table) > 1 and used + GAP + _width(column, rows) > width:
            yield table
            table, used = [first], _width(first, rows)
        table.append(column)
        used += GAP + _width(column, rows)
    yield table


def _width(column: Column, rows: Sequence[Row]) -> int:
    texts = [column.heading, *(column.cell(row) for row in rows)]
    return max(cell_len(visible(text)) for text in texts)


def _table(columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(
            visible(column.heading), justify="left" if column.left else "right", overflow="fold"
        )
    for row in rows:
        style = None if row.kind == "network" else "dim"
        table.add_row(*(visible(column.cell(row)) for column in columns), style=style)
    return table


def markdown(report: Report, pictures: Mapping[str, Sequence[tuple[str, Picture]]]) -> str:
    """Sections with tables, notes, commands, and pictures that lie where their paths say.

    pictures: by task, each with its path as the text is to name it.
    """
    parts = ["# Results", _plain(counts(report)), _plain(LEGEND)]
    parts += [_plain(note) for note in report.notes]
    for board in report.leaderboards:
        parts.append(f"## {_plain(heading(board))}")
        parts += [_plain(sentence) for sentence in lead(board)]
        parts += [_grid(columns, rows) for columns, rows in tables(board)]
        if board.notes:
            parts.append("\n".join(f"- {_plain(note)}" for note in board.notes))
        lines = list(dict.fromkeys(row.command for row in board.rows if row.command))
        if lines:
            parts.append("\n".join(["```sh", *map(visible, lines), "```"]))
        for path, picture in pictures.get(board.task, ()):
            parts.append(f"![{_plain(picture.title)}]({path})\n\n{_plain(picture.caption)}")
    return "\n\n".join(parts) + "\n"


def _grid(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    lines = [
        [_plain(column.heading) for column in columns],
        ["---" if column.left else "---:" for column in columns],
        *([_cell(column, row) for column in columns] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(column: Column, row: Row) -> str:
    """Numbers as they are: the brackets of an interval are no link."""
    return _plain(column.cell(row)) if column.left else column.cell(row)


def _plain(text: str) -> str:
    """Words that Markdown shows as they are, on one line."""
    escaped = html.escape(visible(" ".join(text.split())), quote=False)
    return re.sub(r"([\\`*_{}\[\]#|])", r"\\\1", escaped)


def as_csv(report: Report) -> str:
    """A line a row, numbers in full; times in seconds, memory in bytes."""
    lines = [
        {key: _words(value) for key, value in _record(board, row).items()}
        for board in report.leaderboards
        for row in board.rows
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(key for line in lines for key in line)))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _record(board: Leaderboard, row: Row) -> dict[str, Any]:
    """What stands of a row in CSV and, with more, in JSON."""
    states = [each.state for each in row.others]
    estimate, difference = row.estimate, row.difference
    return {
        "task": board.task,
        "row": row.name,
        "model": row.model,
        "kind": row.kind,
        "data": row.data,
        "split": board.split,
        "metric": board.metric,
        "mode": board.mode,
        "mean": estimate and estimate.mean,
        "low": estimate and estimate.low,
        "high": estimate and estimate.high,
        "std": estimate and estimate.std,
        "median": estimate and estimate.median,
        "seeds": row.seeds if row.kind != "trivial" else 0,
        "by_seed": _by_seed(row),
        **{state: states.count(state) for state in ("failed", "interrupted", "running", "torn")},
        "verdict": row.verdict,
        "compared_with": difference and difference.other,
        "difference": difference and difference.mean,
        "difference_low": difference and difference.low,
        "difference_high": difference and difference.high,
        "common_seeds": difference and difference.seeds,
        "p": difference and difference.p,
        "p_holm": difference and difference.corrected,
        **asdict(row.costs),
        "threshold": board.threshold,
        "command": row.command,
    }


def _by_seed(row: Row) -> str:
    """``0=0.8824 1=0.8876``, numbers in full."""
    if row.kind != "network" or row.estimate is None:
        return ""
    return " ".join(f"{seed}={value!r}" for seed, value in sorted(row.estimate.by_seed.items()))


def _words(value: Any) -> Any:
    """What a spreadsheet takes for words, and not for a formula."""
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def as_json(report: Report) -> str:
    """One object: all of the CSV, and each run with its seed, state, path and metrics."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "made": report.made,
        "folders": list(report.folders),
        "counts": dict(report.counts),
        "notes": list(report.notes),
        "leaderboards": [
            {
                "task": board.task,
                "split": board.split,
                "metric": board.metric,
                "mode": board.mode,
                "threshold": board.threshold,
                "lead": lead(board),
                "notes": list(board.notes),
                "rows": [
                    _record(board, row)
                    | {
                        "settings": dict(row.settings),
                        "further": dict(row.further),
                        "runs": [_run(each) for each in [*row.runs, *row.others]],
                    }
                    for row in board.rows
                ],
            }
            for board in report.leaderboards
        ],
    }
    text = json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()  # half a letter as JSON writes it


def _run(each: Entry) -> dict[str, Any]:
    return {
        "path": str(each.path),
        "seed": each.seed,
        "state": each.state,
        "group": each.group,
        "data": each.fingerprint,
        "error": each.error or None,
        "metrics": (each.result or {}).get("metrics", {}),
    }


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: they are null."""
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""What a reader must be told beside the numbers, each in a sentence."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqbench.reporting.entries import Entry
from seqbench.reporting.leaderboard import FEW, Leaderboard, Row
from seqbench.reporting.numbers import counted
from seqbench.reporting.numbers import metric as number
from seqbench.reporting.reading import settings_key
from seqbench.reporting.statistics import SIGNIFICANT, least, least_p

SOME = 8
"""Rows that a note names."""


def of_report(entries: Sequence[Entry]) -> list[str]:
    """Of runs that could not be used as they are."""
    told = []
    newer = sum(each.state == "newer" for each in entries)
    if newer:
        told.append(
            f"{counted(newer, 'run')} of a newer version of seqbench; use that to read them."
        )
    torn = [each for each in entries if each.state == "torn"]
    if torn:
        first = torn[0]
        told.append(f"{len(torn)} torn: {first.path}: {first.error}{_more(torn)}.")
    return told


def of_board(board: Leaderboard, baseline: str | None) -> list[str]:
    """baseline: the row that was asked for, if one was."""
    rows = board.rows
    networks = [row for row in rows if row.kind == "network" and row.runs]
    told = [*_data(rows), *_code(rows)]
    if baseline is not None and not any(baseline in (row.name, row.model) for row in rows):
        told.append(f"It has no {baseline}: the differences are not there.")
    told += _baselines(board)
    told += _few(networks)
    told += [
        f"{row.name}: {row.failures} of {row.failures + len(row.runs)} runs failed; its numbers "
        "are those of the others."
        for row in networks
        if row.failures
    ]
    missing = [row for row in rows if row.kind != "trivial" and row.runs and not row.estimate]
    if missing:
        told.append(f"No {board.split}/{board.metric} yet of: {_names(missing)}.")
    told += _rows(board, networks)
    told += _machines(networks)
    return told


def _data(rows: Sequence[Row]) -> list[str]:
    letters = sorted({row.data for row in rows if row.data})
    if not letters:
        return []
    told = [
        f"There are {len(letters)} sets of data ({', '.join(letters)}); rows are compared within "
        "one alone."
    ]
    told += [
        f"These differ in nothing but the data: {_names(alike)}."
        for alike in _alike(rows)
        if len({row.data for row in alike}) == len(alike)
    ]
    return told


def _code(rows: Sequence[Row]) -> list[str]:
    """Groups of the same settings and the same data are of other code."""
    return [
        f"These differ in nothing but the code of their cell or task: {_names(alike)}."
        for letter in dict.fromkeys(row.data for row in rows)
        for alike in _alike([row for row in rows if row.data == letter])
    ]


def _alike(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows of the same settings, where there are several."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.runs:
            found.setdefault(settings_key(row.runs[0]), []).append(row)
    return [alike for alike in found.values() if len(alike) > 1]


def _baselines(board: Leaderboard) -> list[str]:
    """Those below the best network that it is not clearly better than."""
    told = []
    sign = 1 if board.mode == "max" else -1
    for letter in dict.fromkeys(row.data for row in board.rows):
        here = [row for row in board.rows if row.data == letter and row.estimate]
        networks = [row for row in here if row.kind == "network"]
        best = next((row for row in networks if not row.few), next(iter(networks), None))
        if best is None or best.estimate is None:
            continue
        worst = best.estimate.low if board.mode == "max" else best.estimate.high
        worst = best.estimate.mean if worst is None else worst
        for row in here:
            if row.kind == "network" or row.estimate is None:
                continue
            if sign * worst <= sign * row.estimate.mean <= sign * best.estimate.mean:
                told.append(
                    f"The best network, {best.name}, is not clearly better than {row.name} "
                    f"({number(row.estimate.mean, board.metric)})."
                )
    return told


def _few(networks: Sequence[Row]) -> list[str]:
    told = []
    few = [row for row in networks if row.few]
    if few:
        told.append(f"Fewer than {FEW} seeds: {_names(few)}; what differs there may be chance.")
    compared = [row for row in networks if row.difference and row.difference.p is not None]
    if compared:
        seeds = min(row.difference.seeds for row in compared if row.difference)
        if least([row.difference for row in compared if row.difference]) >= SIGNIFICANT:
            needed = next(n for n in range(seeds, 20) if least_p(n) * len(compared) < SIGNIFICANT)
            told.append(
                f"With {seeds} seeds and {counted(len(compared), 'comparison')} no difference, "
                f"however large, could be told from chance; {needed} seeds can."
            )
    return told


def _rows(board: Leaderboard, networks: Sequence[Row]) -> list[str]:
    """How sure an accuracy can be on so many labels, however many seeds there are."""
    first = next((row for row in networks if row.estimate and 0 < row.estimate.mean < 1), None)
    if first is None or first.estimate is None or board.metric != "accuracy":
        return []
    report = ((first.runs[0].result or {}).get("reports") or {}).get(board.split) or {}
    labels = sum(each["support"] for each in report.get("classes", {}).values())
    if not labels:  # a label a step: they come together
        return []
    share = first.estimate.mean
    margin = 1.96 * math.sqrt(share * (1 - share) / labels)
    return [
        f"{board.split} has {counted(labels, 'row')}, so that an accuracy of "
        f"{number(share, 'accuracy')} is sure to ±{number(margin, 'accuracy')} (95 %, binomial), "
        "however many the seeds; intervals over seeds do not tell that."
    ]


def _machines(networks: Sequence[Row]) -> list[str]:
    """What the times depend on."""
    places = dict.fromkeys(_machine(each) for row in networks for each in row.runs)
    known = [place for place in places if place]
    if len(known) > 1:
        return [f"Times are of {len(known)} kinds of machine: {'; '.join(known)}."]
    return [f"Times: {known[0]}."] if known else []


def _machine(each: Entry) -> str:
    about: Mapping[str, Any] = (each.result or {}).get("environment") or {}
    device = about.get("device")
    if not device:
        return ""
    processor = about.get("processor") if device == "cpu" else device
    threads = counted(int(about.get("threads") or 0), "thread")
    return f"{processor}, {threads}, {about.get('precision')}"


def _names(rows: Sequence[Row]) -> str:
    names = [row.name for row in rows]
    return ", ".join(names if len(names) <= SOME else [*names[:SOME], f"{len(names) - SOME} more"])


def _more(found: Sequence[Entry]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""

"""From entries to a report: which metric counts, what is compared with what, what must be told."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from string import ascii_uppercase
from typing import Literal

from seqbench.errors import UserError, nearest
from seqbench.reporting import notes
from seqbench.reporting.entries import Entry
from seqbench.reporting.leaderboard import Difference, Leaderboard, Report, Row, Verdict
from seqbench.reporting.reading import states
from seqbench.reporting.rows import (
    fingerprint,
    first_at,
    grouped,
    network_rows,
    trivial_rows,
)
from seqbench.reporting.statistics import SIGNIFICANT, Sample, differences

LOWER = ("loss", "perplexity", "bits_per_character", "rmse", "mae")
"""Metrics that are better the lower, beside those of which a run says so itself."""

FAR = 0.9
"""The share of the way from the trivial baseline to the best row that a run is timed to."""

Mode = Literal["max", "min"]

NOTHING: tuple[str, str, Mode] = "test", "accuracy", "max"
"""Where no run has ended well."""


@dataclass(frozen=True)
class Wanted:
    """What the user asked for.

    metric: ``split/name`` or a name; None is each task's own. baseline: a row's name or model, with
    which all others are compared; None is the best. threshold: of the metric on validation.
    """

    metric: str | None = None
    baseline: str | None = None
    threshold: float | None = None


def report(
    entries: Sequence[Entry], folders: Sequence[str], wanted: Wanted, unread: Sequence[str] = ()
) -> Report:
    """A leaderboard a task. UserError for a metric or a baseline that there is nowhere.

    unread: folders in which there may be more.
    """
    tasks: dict[str, list[Entry]] = {}
    for each in sorted(entries, key=lambda e: (e.task, e.model, e.seed or 0, str(e.path))):
        tasks.setdefault(each.task, []).append(each)
    measured = {task: found for task, found in tasks.items() if _metric(found, wanted)}
    if wanted.metric is not None and not measured:
        known = {f"{s}/{n}" for e in entries for s, names in _metrics(e).items() for n in names}
        raise UserError(
            f"--metric {wanted.metric}: no run has it{nearest(wanted.metric, known)}"
            if known
            else f"--metric {wanted.metric}: no run has ended well yet"
        )
    boards = [leaderboard(task, found, wanted) for task, found in tasks.items()]
    if wanted.baseline is not None and not any(
        named(board.rows, wanted.baseline) for board in boards
    ):
        known = {name for board in boards for row in board.rows for name in (row.name, row.model)}
        raise UserError(f"--baseline {wanted.baseline}: no row{nearest(wanted.baseline, known)}")
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(boards, states(entries), [*folders], made, notes.of_report(entries, unread))


def leaderboard(task: str, entries: Sequence[Entry], wanted: Wanted) -> Leaderboard:
    """The rows of one task, compared and sorted."""
    split, metric, mode = _metric(entries, wanted) or _metric(entries, Wanted()) or NOTHING
    groups = grouped(entries)
    letters = _letters(groups)
    rows = network_rows(groups, split, metric, letters)
    taken = {row.name for row in rows}
    for row in trivial_rows(entries, split, metric, letters):
        rows.append(replace(row, name=f"{row.name} (rule)") if row.name in taken else row)
    rows = sorted(rows, key=lambda row: _rank(row, mode))
    threshold = wanted.threshold
    if threshold is None and not letters:
        threshold = _threshold(rows, metric, mode)
    rows = [_timed(row, metric, mode, threshold) for row in rows]
    for letter in {row.data for row in rows}:
        rows = _judged(rows, letter, mode, wanted.baseline)
    board = Leaderboard(task, split, metric, mode, rows, threshold)
    return replace(board, notes=notes.of_board(board, wanted.baseline))


def _letters(groups: Sequence[Sequence[Entry]]) -> dict[str, str]:
    """Letters for the data's fingerprints, if there are several."""
    prints = dict.fromkeys(fingerprint(group) for group in groups)
    several = [each for each in prints if each]
    names = [*ascii_uppercase, *(f"{a}{b}" for a in ascii_uppercase for b in ascii_uppercase)]
    return dict(zip(several, names, strict=False)) if len(several) > 1 else {}


def _metric(entries: Iterable[Entry], wanted: Wanted) -> tuple[str, str, Mode] | None:
    """Split, name and mode of the metric that counts, if any of the runs has it."""
    ok = [each for each in entries if each.result]
    if not ok:
        return None
    own = max(ok, key=lambda each: each.kind == "network").result or {}
    splits = dict.fromkeys(split for each in ok for split in _metrics(each))
    tests = [split for split in splits if split not in ("train", "val")]
    asked = str(own["metric"]) if wanted.metric is None else wanted.metric
    split, _, name = asked.rpartition("/")
    split = split or [*tests, "val"][0]
    if not any(each.metric(split, name) is not None for each in ok):
        return None
    mode: Mode = "min" if name in LOWER else "max"
    if name == own["metric"] and own.get("mode") in ("min", "max"):
        mode = own["mode"]
    return split, name, mode


def _metrics(each: Entry) -> Mapping[str, Mapping[str, float]]:
    metrics: Mapping[str, Mapping[str, float]] = (each.result or {}).get("metrics", {})
    return metrics


def _rank(row: Row, mode: Mode) -> tuple[int, float, str]:
    """To sort by: the best first, what has no number last."""
    if row.estimate is None or math.isnan(row.estimate.mean):
        return 1, 0.0, row.name
    return 0, -row.estimate.mean if mode == "max" else row.estimate.mean, row.name


def _threshold(rows: Sequence[Row], metric: str, mode: Mode) -> float | None:
    """``FAR`` of the way from the best trivial baseline to the best network, on validation."""

    def best(kind: str) -> float | None:
        values = [row.further.get(f"val/{metric}") for row in rows if row.kind == kind]
        known = [value for value in values if value is not None and math.isfinite(value)]
        return (max(known) if mode == "max" else min(known)) if known else None

    start, end = best("trivial"), best("network")
    return None if start is None or end is None else start + FAR * (end - start)


def _timed(row: Row, metric: str, mode: Mode, threshold: float | None) -> Row:
    """The row with what it took to reach the threshold."""
    if threshold is None or row.kind != "network":
        return row
    points = [first_at(each.history.get(("val", metric), ()), threshold, mode) for each in row.runs]
    reached = [point for point in points if point]
    times = replace(
        row.costs,
        reached=len(reached),
        seconds_to=median(p.seconds for p in reached) if reached else None,
        steps_to=median(p.step for p in reached) if reached else None,
    )
    return replace(row, costs=times)


def _judged(rows: Sequence[Row], letter: str, mode: Mode, baseline: str | None) -> list[Row]:
    """The rows, those on the data of this letter with their differences and verdicts."""
    here = [row for row in rows if row.data == letter and row.estimate]
    best = _best(here)
    if best is None:
        lost = [row for row in here if row.kind == "network"]
        return [replace(row, verdict="unsure") if row in lost else row for row in rows]
    samples = {row.name: _sample(row) for row in here}
    to_best = differences(samples, best.name)
    other = best if baseline is None else named(here, baseline)
    top = next(row for row in here if row.kind == "network" and is_number(row)) is best
    verdicts: dict[str, Verdict] = {
        row.name: _verdict(to_best.get(row.name), mode, top)
        for row in here
        if row.kind == "network" and not row.few and not best.few
    }
    told = {"tied", "worse"} & {*verdicts.values()}
    if top and best.name in verdicts and (told or len(verdicts) == 1):
        verdicts[best.name] = "best"
    shown = to_best if other is best else differences(samples, other.name) if other else {}
    return [
        replace(
            row,
            verdict=verdicts.get(row.name, "unsure" if row.kind == "network" else ""),
            difference=shown.get(row.name),
        )
        if row in here
        else row
        for row in rows
    ]


def _best(rows: Sequence[Row]) -> Row | None:
    """The first network that has seeds enough to be compared with, or at least the first."""
    networks = [row for row in rows if row.kind == "network" and is_number(row)]
    return next((row for row in networks if not row.few), networks[0] if networks else None)


def is_number(row: Row) -> bool:
    return row.estimate is not None and math.isfinite(row.estimate.mean)


def _sample(row: Row) -> Sample:
    assert row.estimate
    return row.estimate.by_seed if row.kind == "network" else row.estimate.mean


def _verdict(difference: Difference | None, mode: Mode, top: bool) -> Verdict:
    """Of a row with seeds enough by its difference to the best that has, too. top: that one has the
    best mean of all."""
    if difference is None or difference.corrected is None:
        return "unsure"
    behind = difference.mean < 0 if mode == "max" else difference.mean > 0
    if difference.corrected < SIGNIFICANT and behind:
        return "worse"
    return "tied" if top and difference.could else "unsure"


def named(rows: Iterable[Row], name: str) -> Row | None:
    """The row of this name or, the best of them, of this model."""
    found = [*rows]
    return next((row for key in ("name", "model") for row in found if vars(row)[key] == name), None)

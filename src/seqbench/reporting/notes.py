"""What a reader must be told beside the numbers, each in a sentence."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seqbench.errors import short
from seqbench.reporting.entries import Entry
from seqbench.reporting.leaderboard import FEW, Leaderboard, Row
from seqbench.reporting.numbers import counted
from seqbench.reporting.numbers import metric as number
from seqbench.reporting.reading import settings_key
from seqbench.reporting.statistics import SIGNIFICANT, least_p

SOME = 8
"""Rows that a note names."""

MANY = 1000
"""Rows of a split from which on they are not counted among what is unsure."""


def of_report(entries: Sequence[Entry], unread: Sequence[str] = ()) -> list[str]:
    """Of runs that could not be used as they are, and folders that could not be read."""
    told = []
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        told.append(f"Not counted, since it could not be read: {unread[0]}{more}.")
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
    told = [*_data(board), *_code(rows)]
    if baseline is not None and not any(baseline in (row.name, row.model) for row in rows):
        told.append(f"It has no {baseline}: the differences are not there.")
    told += _baselines(board)
    told += _chosen(networks, board)
    told += _few(board)
    for row in rows:
        told += _runs(row, board)
    told += _test(board, networks)
    told += _machines(networks)
    return told


def _data(board: Leaderboard) -> list[str]:
    rows = board.rows
    letters = sorted({row.data for row in rows if row.data})
    if not letters:
        return []
    told = [
        f"There are {len(letters)} sets of data ({', '.join(letters)}); rows are compared within "
        "one alone."
        + ("" if board.threshold is not None else " --threshold tells the time to one.")
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


def _chosen(networks: Sequence[Row], board: Leaderboard) -> list[str]:
    """The best of many settings on test data is chosen on test data."""
    models = [row.model for row in networks]
    keys = sorted({key for row in networks if models.count(row.model) > 1 for key in row.settings})
    if not keys or board.split == "val" or any(row.data for row in networks):
        return []
    return [
        f"Rows of one model differ in {_some(keys)}: choose such a setting on validation "
        f"(--metric val/{board.metric}, or choose= in a sweep), not by this order."
    ]


def _few(board: Leaderboard) -> list[str]:
    told = []
    networks = [row for row in board.rows if row.kind == "network" and row.runs]
    few = [row for row in networks if row.few]
    if few:
        told.append(f"Fewer than {FEW} seeds: {_names(few)}; what differs there may be chance.")
    compared = {row.name: row.difference for row in networks if row.difference}
    tested = {name: each for name, each in compared.items() if each.p is not None}
    blind = {name: each for name, each in tested.items() if not each.could}
    if blind:
        seeds = min(each.seeds for each in blind.values())
        other = next(iter(blind.values())).other
        rule = other not in compared and other not in [row.name for row in networks]
        enough = (n for n in range(seeds, 40) if least_p(n, rule) * len(tested) < SIGNIFICANT)
        needed = next(enough, None)
        told.append(
            f"With {counted(seeds, 'seed')} and {counted(len(tested), 'comparison')} this test can "
            f"tell no difference, however large, from chance: {_some([*blind])}; "
            + (f"{needed} seeds could." if needed else "with so many no number of seeds could.")
        )
    return told


def _runs(row: Row, board: Leaderboard) -> Iterator[str]:
    """What became of a row's runs that its numbers do not tell."""
    failed = [each for each in row.others if each.state in ("failed", "torn")]
    if failed:
        why = next((each.error for each in failed if each.error), "no reason is kept")
        numbers = "; its numbers are those of the others" if row.runs else ""
        yield (
            f"{row.name}: {len(failed)} of {len(failed) + len(row.runs)} runs failed"
            f"{numbers} ({short(why, 400)})."
        )
    waiting = sum(each.state == "interrupted" for each in row.others)
    if waiting:
        yield f"{row.name}: {waiting} interrupted; the command that made them goes on with them."
    without = len(row.runs) - row.seeds if row.estimate else len(row.runs)
    if row.kind != "trivial" and without:
        runs = counted(len(row.runs), "run")
        yield f"{row.name}: {without} of {runs} without {board.split}/{board.metric}."
    if row.left_out:
        yield f"{row.name}: {row.left_out} left out, of seeds that have a later run."
    values = row.estimate.by_seed.values() if row.estimate else ()
    none = sum(not math.isfinite(value) for value in values)
    if none:
        yield f"{row.name}: of {counted(none, 'seed')} the number is none, or infinite."
    for key in ("seqbench", "torch", "device", "precision"):
        found = {str(((e.result or {}).get("environment") or {}).get(key)) for e in row.runs}
        if len(found) > 1:
            yield f"{row.name}: its runs differ in {key}: {_some(sorted(found))}."


def _test(board: Leaderboard, networks: Sequence[Row]) -> list[str]:
    """How sure a number can be on so many rows, however many seeds there are."""
    first = next((row for row in networks if row.estimate), None)
    if first is None or first.estimate is None:
        return []
    result = first.runs[0].result or {}
    report = (result.get("reports") or {}).get(board.split) or {}
    labels = sum(each["support"] for each in report.get("classes", {}).values())
    share = first.estimate.mean
    if board.metric == "accuracy" and labels and 0 < share < 1:  # one label a row
        margin = 1.96 * math.sqrt(share * (1 - share) / labels)
        near = [
            row.name
            for row in board.rows
            if row.data == first.data
            and row is not first
            and row.estimate
            and abs(row.estimate.mean - share) < margin
        ]
        within = f" Within that of {first.name}: {_some(near)}." if near else ""
        return [
            f"{board.split} has {counted(labels, 'row')}: whatever the seeds, an accuracy of "
            f"{number(share, 'accuracy')} has a margin of error of ±{number(margin, 'accuracy')} "
            f"(95 %, binomial).{within}"
        ]
    sizes = (result.get("data") or {}).get("sizes") or {}
    rows = sizes.get(board.split) if isinstance(sizes, dict) else None
    if not isinstance(rows, int) or rows >= MANY:
        return []
    return [
        f"{board.split} has {counted(rows, 'row')} only; what others would give, intervals over "
        "seeds do not tell."
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
    threads = about.get("threads")
    told = counted(threads, "thread") if isinstance(threads, int) else f"threads {threads}"
    return f"{processor}, {told}, {about.get('precision')}"


def _names(rows: Sequence[Row]) -> str:
    return _some([row.name for row in rows])


def _some(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) <= SOME else [*names[:SOME], f"{len(names) - SOME} more"])


def _more(found: Sequence[Entry]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""

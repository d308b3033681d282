"""Measures rows, each in a process of its own."""

import datetime
import multiprocessing
import os
import statistics
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from typing import Any

from benchmarks.profiling import profiled
from benchmarks.row import SkippedError
from benchmarks.rows import rows
from seqbench.machine import processor

Result = dict[str, Any]


def measured(name: str, repeats: int | None, profile: bool = False) -> Result:
    """The row's result, a plain dict: measured in a fresh process, which no other row has warmed.

    A row that cannot be measured here has ``skipped``, the reason, and no numbers.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_measure, name, repeats, profile).result()


def _measure(name: str, repeats: int | None, profile: bool) -> Result:
    row = rows()[name]
    result: Result = {
        "what": row.what,
        "own": row.own,
        "other": row.other,
        "unit": row.unit,
        "target": str(row.target) if row.target else None,
        "measured": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    try:
        with profiled(profile):
            turns = list(row.turns(1 if profile else repeats or row.repeats))
    except SkippedError as reason:
        return result | {"skipped": str(reason)}
    ratios = [row.ratio(turn) for turn in turns]
    ratio = statistics.median(ratios)
    facts = {name: [turn.facts[name] for turn in turns] for name in turns[0].facts}
    return result | {
        "ratio": short(ratio),
        "ratios": [*map(short, ratios)],
        "own_values": [short(turn.own) for turn in turns],
        "other_values": [short(turn.other) for turn in turns],
        "facts": {name: short(statistics.median(values)) for name, values in facts.items()},
        "reached": row.target.reached(ratio) if row.target else None,
    }


def short(value: float) -> float:
    """As many digits as tell something."""
    return float(f"{value:.6g}")


def machine() -> dict[str, Any]:
    """What one must know to compare a ratio with another machine's."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        **{name: version(name) for name in ("torch", "lightning", "seqbench")},
    }

"""Reports made by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, Literal

from seqbench.reporting.entries import Entry
from seqbench.reporting.leaderboard import (
    Costs,
    Difference,
    Estimate,
    Kind,
    Leaderboard,
    Report,
    Row,
    Verdict,
)


def estimate(*values: float) -> Estimate:
    """By seed 0, 1, ...; the interval is as wide as the values."""
    low, high = (min(values), max(values)) if len(values) > 1 else (None, None)
    return Estimate(mean(values), median(values), low, high, dict(enumerate(values)))


def run(model: str, seed: int, value: float, **config: Any) -> Entry:
    result = {
        "metrics": {"test": {"accuracy": value}},
        "environment": {"seqbench": "0.1.0", "torch": "2.9.0", "processor": "Z80"},
    }
    settings = {"seed": seed, "model": {"hidden_size": 16}, "optimizer": {"lr": 0.001}, **config}
    path = Path("outputs/pets") / model / f"seed-{seed}-0123456789"
    return Entry(path, "ok", "pets", model, seed, "a group", config=settings, result=result)


def failed(model: str, seed: int, state: str = "failed", error: str = "") -> Entry:
    path = Path("outputs/pets") / model / f"seed-{seed}-0123456789"
    return Entry(path, state, "pets", model, seed, "a group", error=error)


def row(
    name: str,
    values: Sequence[float],
    verdict: Verdict = "",
    kind: Kind = "network",
    others: Sequence[Entry] = (),
    other: str = "",
    costs: Costs | None = None,
    data: str = "",
    further: Mapping[str, float] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Row:
    trained = kind != "trivial"
    first = values[0] if values else 0.0
    compared = Difference(other, first - 0.5, first - 0.6, first - 0.4, 0.004, 0.008, len(values))
    return Row(
        name,
        name,
        kind,
        [run(name, seed, value) for seed, value in enumerate(values)] if trained else (),
        others,
        settings or {},
        data,
        estimate(*values) if values else None,
        further or {},
        compared if other else None,
        verdict,
        costs or Costs(),
        f"python -m seqbench.train -m task=pets model={name}" if trained else "",
    )


def board(
    *rows: Row,
    task: str = "pets",
    metric: str = "accuracy",
    mode: Literal["max", "min"] = "max",
    threshold: float | None = None,
    notes: Sequence[str] = (),
) -> Leaderboard:
    return Leaderboard(task, "test", metric, mode, rows, threshold, notes)


def report(*boards: Leaderboard, notes: Sequence[str] = ()) -> Report:
    return Report(boards, {"ok": 12, "failed": 1}, ["outputs"], "2026-01-02 03:04 UTC", notes)

"""Run directories as they are found, whatever state they are in."""

import csv
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

STATES = ("ok", "failed", "interrupted", "running", "torn", "newer")
"""How a run may be found. torn: neither how it ended nor what it was can be read. newer: of a
schema that this version of seqbench does not know."""


class Point(NamedTuple):
    """One number over time. epoch: of training, from 0. seconds: since the run began."""

    step: int
    epoch: int
    seconds: float
    value: float


@dataclass(frozen=True)
class Entry:
    """One run directory.

    state: one of ``STATES``. group: the identity less the seed, or what comes nearest. fingerprint:
    of its data. result: of a run that ended well, ``result.json``. error: why it ended otherwise.
    kind: ``network``, or ``baseline`` of a classical model.
    """

    path: Path
    state: str
    task: str
    model: str
    seed: int | None
    group: str
    fingerprint: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    error: str = ""
    kind: str = "network"

    def metric(self, split: str, name: str) -> float | None:
        value = (self.result or {}).get("metrics", {}).get(split, {}).get(name)
        return None if value is None else float(value)

    @cached_property
    def history(self) -> Mapping[tuple[str, str], list[Point]]:
        """Validation and times of ``metrics.csv``, by split and name; what cannot be read of it is
        left out."""
        found: dict[tuple[str, str], list[Point]] = {}
        try:
            with (self.path / "metrics.csv").open(encoding="utf-8", newline="") as file:
                for row in csv.reader(line.replace("\0", "") for line in file):
                    try:
                        step, epoch, seconds, split, name, value = row
                        if split not in ("val", "time"):  # of a long training these are few
                            continue
                        point = Point(int(step), int(epoch), float(seconds), float(value))
                    except ValueError:  # the heading, or a line that was being written
                        continue
                    found.setdefault((split, name), []).append(point)
        except (OSError, ValueError, csv.Error):  # no letters, no such name, no table
            return found
        return found

    @property
    def words(self) -> list[str]:
        """Of the command line that it came from; none of a run of an earlier version."""
        words = self.config.get("command")
        return [str(word) for word in words] if isinstance(words, list) else []

    @property
    def verb(self) -> str:
        return "baseline" if self.kind == "baseline" else "train"


def command(entries: Iterable[Entry]) -> str:
    """The line, shell-quoted, that makes the runs of a group again; empty where it is not known."""
    entries = sorted((e for e in entries if e.words), key=lambda e: e.seed or 0)
    if not entries:
        return ""
    first = entries[0]
    words = [word for word in first.words if word.partition("=")[0].lstrip("+") not in ASIDE]
    seeds = list(dict.fromkeys(str(e.seed) for e in entries if e.seed is not None))
    if first.verb == "train" and seeds != ["0"]:
        words.append(f"seed={','.join(seeds)}")
    many = ["-m"] if len(seeds) > 1 else []
    return shlex.join(["python", "-m", f"seqbench.{first.verb}", *many, *words])


ASIDE = (
    "seed",
    "progress",
    "test",
    "force",
    "on_failure",
    "retries",
    "choose",
    "logger",
    "paths.output_dir",
    "paths.cache_dir",
    "task.num_workers",
)
"""Words of a command line that change nothing of what is trained, or that a group has many of."""

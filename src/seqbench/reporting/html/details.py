"""What a row of a leaderboard opens to: how its runs are made again, and what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from seqbench.errors import short
from seqbench.identity import NOT_IDENTITY, without
from seqbench.reporting import numbers
from seqbench.reporting.entries import Entry
from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.titles import flat

ERROR, CONFIG, DIFFERENCES = 1000, 60_000, 20
"""Letters of an error and of a config, and settings in which the runs of a row differ, that are
shown."""


@dataclass(frozen=True)
class RunLine:
    """One run. metric: as it is written."""

    seed: str
    state: str
    metric: str
    path: str
    error: str


@dataclass(frozen=True)
class Details:
    """settings, further: names and values as they are written. config: of the run with ``seed``,
    as YAML. differing: in what the runs differ but for the seed, with the seeds of each value."""

    command: str
    settings: Sequence[tuple[str, str]]
    further: Sequence[tuple[str, str]]
    runs: Sequence[RunLine]
    config: str
    seed: str
    differing: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    made_with: str

    def __bool__(self) -> bool:
        return bool(self.command or self.settings or self.further or self.runs)


def details(row: Row, board: Leaderboard) -> Details:
    """Of a rule, which has no runs of its own, only what other metrics say."""
    entries = [] if row.kind == "trivial" else _in_order([*row.runs, *row.others])
    shown = next((entry for entry in entries if entry.config), None)
    return Details(
        command=row.command,
        settings=[(key, numbers.setting(value)) for key, value in row.settings.items()],
        further=[
            (key, numbers.metric(value, key.rpartition("/")[2]))
            for key, value in row.further.items()
        ],
        runs=[_line(entry, board) for entry in entries],
        config=_yaml(shown.config) if shown else "",
        seed=_seed(shown) if shown else "",
        differing=_differing(entries),
        made_with=_made_with(entries),
    )


def _in_order(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda e: (e.seed is None, e.seed or 0, str(e.path)))


def _seed(entry: Entry) -> str:
    return numbers.NONE if entry.seed is None else str(entry.seed)


def _line(entry: Entry, board: Leaderboard) -> RunLine:
    value = numbers.metric(entry.metric(board.split, board.metric), board.metric)
    return RunLine(_seed(entry), entry.state, value, str(entry.path), short(entry.error, ERROR))


def _yaml(config: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    if len(text) <= CONFIG:
        return text
    return f"{text[:CONFIG]}\n# and {len(text) - CONFIG:,} characters more, in config.yaml"


def _differing(entries: Sequence[Entry]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Settings that decide something, and surroundings, of which the runs have several values."""
    if len(entries) < 2:
        return []
    values: dict[str, dict[str, list[str]]] = {}
    told = [(entry, dict(_facts(entry))) for entry in entries if entry.config or entry.result]
    for key in dict.fromkeys(key for _, facts in told for key in facts):
        for entry, facts in told:
            # What a run that didn't end well does not say is no difference.
            if key in facts:
                value = short(numbers.setting(facts[key]), 80)
                values.setdefault(key, {}).setdefault(value, []).append(_seed(entry))
    differing = [(key, by) for key, by in values.items() if len(by) > 1][:DIFFERENCES]
    return [
        (key, [(value, short(", ".join(seeds), 80)) for value, seeds in by.items()])
        for key, by in differing
    ]


def _facts(entry: Entry) -> Iterator[tuple[str, Any]]:
    yield from flat(without(dict(entry.config), "seed", *NOT_IDENTITY))
    yield from flat(_environment(entry), "environment.")


def _environment(entry: Entry) -> Mapping[str, Any]:
    found = (entry.result or {}).get("environment")
    return found if isinstance(found, Mapping) else {}


def _made_with(entries: Sequence[Entry]) -> str:
    """Where the first of the runs ran that says so."""
    found = next(filter(None, map(_environment, entries)), {})
    versions = [f"{k} {found[k]}" for k in ("seqbench", "torch", "python") if found.get(k)]
    machine = [str(found[k]) for k in ("device", "processor", "precision") if found.get(k)]
    return ", ".join([*versions, *machine])

"""Finding run directories below folders, and reading what they say of themselves."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError

from seqbench import locks
from seqbench.errors import UserError, place
from seqbench.identity import NOT_IDENTITY, identity, without
from seqbench.locks import STATUS
from seqbench.reporting.entries import Entry
from seqbench.runs import Run, is_newer

Numbers = dict[str, float]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Class(BaseModel):
    support: int


class _Report(BaseModel):
    classes: dict[str, _Class] = {}


class _Result(BaseModel):
    """What a report reads of ``result.json``."""

    task: str
    model: str
    seed: Count
    group: str
    metric: str
    config: dict[str, Any]
    metrics: dict[str, Numbers]
    mode: Literal["max", "min"] = "max"
    kind: str = "network"
    data: dict[str, Any] = {}
    slices: dict[str, dict[str, dict[str, Numbers]]] = {}
    baselines: dict[str, dict[str, Numbers]] = {}
    reports: dict[str, _Report] = {}
    epochs: Count | None = None
    parameters: Count | None = None
    state_size: Count | None = None
    peak_memory_bytes: Count | None = None
    throughput: dict[str, float | None] = {}
    seconds: dict[str, float | None] = {}
    environment: dict[str, Any] = {}


LARGEST = 1_000_000
"""Bytes of a config.yaml beyond which it is none of a run's."""

ENDED = ("failed", "interrupted")


def entries(folders: Sequence[str]) -> tuple[list[Entry], list[str]]:
    """All runs below the folders, each once, and the folders that could not be read.

    UserError where there are no runs.
    """
    paths: dict[Path, Path] = {}
    unread: list[str] = []
    for folder in folders:
        top = place(folder)
        if not top.is_dir():
            what = "is no directory" if top.exists() else "is not there"
            raise UserError(f"{folder}: {what}; name the folder that holds the runs, as outputs")
        found = dict.fromkeys(run_directories(top, unread))
        if not found and unread:
            raise UserError(f"{folder}: no runs in it that can be read; {unread[0]} cannot be")
        if not found:
            raise UserError(
                f"{folder}: no runs in it: no folder below it has a {STATUS} of seqbench's"
            )
        for path in found:
            paths.setdefault(path.resolve(), path)
    return settled([entry(path) for path in paths.values()]), unread


def run_directories(top: Path, unread: list[str]) -> Iterator[Path]:
    """Those below a folder, itself included, in the order of their names.

    unread: takes the folders that cannot be read.
    """
    seen: set[str] = set()  # or a link to a folder above would go round
    took = unread.append
    for folder, below, files in os.walk(
        top, onerror=lambda error: took(str(error.filename)), followlinks=True
    ):
        if (real := os.path.realpath(folder)) in seen:
            below.clear()
            continue
        seen.add(real)
        if STATUS in files:
            below.clear()
            yield Path(folder)
        below[:] = sorted(name for name in below if not name.startswith("."))


def entry(path: Path) -> Entry:
    """One run directory; whatever it holds, there is an entry for it."""
    content = locks.read(path)
    state, result, error = _state(path, content)
    config = _plain(result["config"] if result else _config(path))
    if result and config is None:
        state, result, error = "torn", None, "its result.json holds no config of a run"
    config = config or {}
    names = result or config.get("names")
    names = names if isinstance(names, dict) else {}
    group = str((result or {}).get("group") or content.get("group") or "")
    data = result.get("data") if result else None
    return Entry(
        path=path,
        state=state,
        task=str(names.get("task", path.parent.parent.name)),
        model=str(names.get("model", path.parent.name)),
        seed=_seed(result or config, path),
        group=group,
        fingerprint=str(data.get("fingerprint", "")) if isinstance(data, dict) else "",
        config=config,
        result=result,
        error=error,
        kind=str((result or content).get("kind", "network")),
    )


def _state(path: Path, content: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None, str]:
    """How the run is, its result if it has ended well, and why not if it has not."""
    status, error = content.get("status"), str(content.get("error") or "")
    if is_newer(content):
        return "newer", None, "a newer version of seqbench wrote it"
    if status == "ok":
        try:
            result = Run(path).result()
        except UserError:
            return "newer", None, "a newer version of seqbench wrote its result"
        except (OSError, ValueError):
            return "torn", None, "its result.json is missing or torn"
        try:
            _Result.model_validate(result)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            where = ".".join(map(str, first["loc"]))
            return "torn", None, f"its result.json is no run's: {where}: {first['msg']}"
        return "ok", result, ""
    if status in ENDED:
        return str(status), None, error
    if status != "running":
        return "torn", None, f"its {STATUS} is torn"
    if Run(path).live:
        return "running", None, ""
    return "interrupted", None, "its process is gone"


def _config(path: Path) -> dict[str, Any]:
    """What config.yaml holds, as plain values; empty where that cannot be read."""
    file = path / "config.yaml"
    try:
        if file.stat().st_size > LARGEST:
            return {}
        # Made of references to itself, a small file can be a large config.
        text = file.read_text("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.CSafeLoader)):
            return {}
        content = yaml.load(text, yaml.CSafeLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _plain(config: dict[str, Any]) -> dict[str, Any] | None:
    """A config as JSON has it, which is how it was made; None of another."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(config))
        without(plain, *NOT_IDENTITY)
        identity(plain, "", {})
    except (TypeError, ValueError, RecursionError):
        return None
    return plain if plain.keys() == config.keys() else None


def _seed(content: Mapping[str, Any], path: Path) -> int | None:
    seed = content.get("seed")
    if isinstance(seed, int):
        return seed
    named = path.name.split("-")[1:2]
    return int(named[0]) if named and named[0].isdecimal() and len(named[0]) < 11 else None


def settled(found: Sequence[Entry]) -> list[Entry]:
    """The entries, each with a group: one whose run did not keep it gets that of its settings."""
    by_settings: dict[str, set[str]] = {}
    for each in found:
        if each.group:
            by_settings.setdefault(settings_key(each), set()).add(each.group)
    settled = []
    for each in found:
        if not each.group:
            groups = by_settings.get(settings_key(each), set())
            group = groups.pop() if len(groups) == 1 else f"settings {settings_key(each)}"
            settled.append(replace(each, group=group))
        else:
            settled.append(each)
    return settled


def settings_key(each: Entry) -> str:
    """A digest of a run's settings but the seed, whatever its data and code are."""
    config = without(dict(each.config), *NOT_IDENTITY, "seed")
    return identity({**config, "names": [each.task, each.model]}, "", {})


def states(found: Sequence[Entry]) -> dict[str, int]:
    """How many entries there are of each state."""
    return dict(Counter(each.state for each in found))

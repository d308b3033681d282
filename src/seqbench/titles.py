"""What to call runs side by side: the least that tells them apart. Needs no torch."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqbench.errors import UserError
from seqbench.identity import NOT_IDENTITY, without
from seqbench.runs import Run

FEW = 2
"""Settings that a title names."""


def titles(paths: list[Path]) -> list[str]:
    """A title for each run directory, or checkpoint alone; no two are the same."""
    runs = [_named(path) for path in paths]
    found = distinct([(task, model) for task, model, _ in runs], [facts for *_, facts in runs])
    found = [
        f"{title} {path.name}" if found.count(title) > 1 else title
        for title, path in zip(found, paths, strict=True)
    ]
    if len({*found}) < len(found):
        return [f"{number}: {model}" for number, (_, model, _) in enumerate(runs, start=1)]
    return found


def distinct(names: list[tuple[str, str]], facts: list[dict[str, Any]]) -> list[str]:
    """The shortest titles for runs of ``(task, model)``, told apart where that is easily said.

    Models suffice where no two are the same; else the task or the settings (at most ``FEW``) in
    which the runs of a model differ are added: ``lstm forget_bias=0``.
    """
    titles = []
    for (task, model), own in zip(names, facts, strict=True):
        alike = [i for i, (_, other) in enumerate(names) if other == model]
        title = model
        if len({names[i][0] for i in alike}) > 1:
            title = f"{task} {model}"
            alike = [i for i in alike if names[i][0] == task]
        keys = {
            key: None
            for i in alike
            for key in facts[i].keys() | own.keys()
            if facts[i].get(key) != own.get(key)
        }
        if len(keys) <= FEW:
            title = " ".join([title, *(said(key, own.get(key)) for key in sorted(keys))])
        titles.append(title)
    return titles


def said(key: str, value: Any) -> str:
    """``forget_bias=0`` of a key's full name; of a class what it is for: ``optimizer=SGD``."""
    node, _, name = key.rpartition(".")
    if name == "_target_":
        return f"{node.rpartition('.')[2]}={str(value).rpartition('.')[2]}"
    return f"{name}={value}"


def _named(path: Path) -> tuple[str, str, dict[str, Any]]:
    """Task, model and settings of a run directory; of a checkpoint alone its name."""
    try:
        result: dict[str, Any] = Run(path).result()
        settings = without(result["config"], *NOT_IDENTITY, "names", "callbacks", "threads")
        return str(result["task"]), str(result["model"]), dict(flat(settings))
    except (OSError, ValueError, KeyError, TypeError, UserError):
        if (path / "status.json").exists():
            return path.parent.parent.name, path.parent.name, {}
        return path.parent.name, "".join(c if c.isprintable() else "?" for c in path.stem), {}


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by dotted key."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

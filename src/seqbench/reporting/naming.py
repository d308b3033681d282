"""What to call the rows of a leaderboard: the model, and the settings that tell it apart."""

from collections.abc import Sequence
from typing import Any

from seqbench.identity import NOT_IDENTITY, without
from seqbench.reporting.entries import Entry
from seqbench.reporting.numbers import setting
from seqbench.titles import flat, said

MOST = 3
"""Settings that a name tells; where there are more it has the experiment or the group's digest."""

Settings = dict[str, Any]


def names(groups: Sequence[Sequence[Entry]], letters: Sequence[str]) -> list[tuple[str, Settings]]:
    """For each group of one task a name that no other has, and the settings in which it differs
    from the other groups of its model.

    letters: of their data, empty where all have the same.
    """
    firsts = [group[0] for group in groups]
    facts = [_settings(each) for each in firsts]
    settings = [_apart(index, firsts, facts) for index in range(len(firsts))]
    found = [_name(each, own) for each, own in zip(firsts, settings, strict=True)]
    for suffixes in ([f"data {x}" if x else "" for x in letters], [e.group for e in firsts]):
        found = [
            f"{name} ({suffix})" if suffix and found.count(name) > 1 else name
            for name, suffix in zip(found, suffixes, strict=True)
        ]
    return list(zip(found, settings, strict=True))


def _settings(each: Entry) -> Settings:
    """What decides a run's outcome but its seed, by dotted key."""
    settings = without(dict(each.config), *NOT_IDENTITY, "names", "callbacks", "seed")
    return dict(flat(settings))


def _apart(index: int, firsts: Sequence[Entry], facts: Sequence[Settings]) -> Settings:
    own = facts[index]
    alike = [f for e, f in zip(firsts, facts, strict=True) if e.model == firsts[index].model]
    keys = {key for each in alike for key in each.keys() | own.keys()}
    return {k: own.get(k) for k in sorted(keys) if any(f.get(k) != own.get(k) for f in alike)}


def _name(each: Entry, settings: Settings) -> str:
    if len(settings) > MOST:
        experiment = (each.config.get("names") or {}).get("experiment")
        return f"{each.model} {experiment or each.group}"
    return " ".join([each.model, *(said(key, setting(value)) for key, value in settings.items())])

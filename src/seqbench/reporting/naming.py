"""What to call the rows of a leaderboard: the model, and the settings that tell it apart."""

from collections.abc import Sequence
from typing import Any

from seqbench.identity import NOT_IDENTITY, without
from seqbench.reporting.entries import ASIDE, Entry
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
    settings: list[Settings] = [{} for _ in firsts]
    for model in dict.fromkeys(each.model for each in firsts):
        alike = [index for index, each in enumerate(firsts) if each.model == model]
        apart = _apart([firsts[index] for index in alike])
        for index, own in zip(alike, apart, strict=True):
            settings[index] = own
    found = [_name(each, own) for each, own in zip(firsts, settings, strict=True)]
    for suffixes in ([f"data {x}" if x else "" for x in letters], [e.group for e in firsts]):
        found = [
            f"{name} ({suffix})" if suffix and found.count(name) > 1 else name
            for name, suffix in zip(found, suffixes, strict=True)
        ]
    return list(zip(found, settings, strict=True))


def _apart(alike: Sequence[Entry]) -> list[Settings]:
    """Of runs of one model the settings in which they differ: those that their command lines name,
    if these tell all apart that all settings tell apart, since others may follow from them."""
    settings, words = [_settings(each) for each in alike], [_asked(each) for each in alike]
    keys = dict.fromkeys(key for each in words for key in each)
    # What one command line leaves out has a value none the less; a group's name has not.
    asked = _differing(
        [{k: s.get(k, w.get(k)) for k in keys} for s, w in zip(settings, words, strict=True)]
    )
    every = _differing(settings)
    return asked if _kinds(asked) == _kinds(every) else every


def _kinds(settings: Sequence[Settings]) -> int:
    return len({repr(sorted(each.items())) for each in settings})


def _differing(settings: Sequence[Settings]) -> list[Settings]:
    keys = sorted({key for each in settings for key in each})
    kept = [k for k in keys if any(each.get(k) != settings[0].get(k) for each in settings)]
    return [{key: each.get(key) for key in kept} for each in settings]


def _settings(each: Entry) -> Settings:
    """What decides a run's outcome but its seed, by dotted key."""
    settings = without(dict(each.config), *NOT_IDENTITY, "names", "callbacks", "seed")
    return dict(flat(settings))


def _asked(each: Entry) -> Settings:
    """The words of its command line that may decide something, by their keys."""
    found = {}
    for word in each.words:
        key, equals, value = word.partition("=")
        key = key.lstrip("+~")
        if equals and key not in ASIDE and key not in ("task", "model"):
            found[key] = value
    return found


def _name(each: Entry, settings: Settings) -> str:
    if len(settings) > MOST:
        experiment = (each.config.get("names") or {}).get("experiment")
        return f"{each.model} {experiment or each.group}"
    told = [said(k, setting(value)) for k, value in settings.items() if value is not None]
    return " ".join([each.model, *told])

"""From entries to the rows of a leaderboard: groups, their estimates, what they cost."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from seqbench.reporting.entries import Entry, Point, command
from seqbench.reporting.leaderboard import Costs, Row
from seqbench.reporting.naming import names
from seqbench.reporting.statistics import estimate, mean
from seqbench.runs import Run


def grouped(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The entries of one task by group, in the order in which they were found."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for each in entries:
        groups.setdefault((each.model, each.group), []).append(each)
    return [*groups.values()]


def counted(group: Sequence[Entry]) -> tuple[list[Entry], list[Entry], int]:
    """Of a group the runs that ended well, one a seed, and those others that had no such end.

    Of several with one seed (it was trained anew) the last counts; how many others there are.
    """
    ok = {each.seed: each for each in sorted(group, key=_attempt) if each.state == "ok"}
    others = [each for each in group if each.state != "ok" and each.seed not in ok]
    left_out = sum(each.state == "ok" for each in group) - len(ok)
    return sorted(ok.values(), key=_seed), sorted(others, key=_seed), left_out


def fingerprint(group: Sequence[Entry]) -> str:
    """Of the group's data; empty where no run of it tells."""
    return next((each.fingerprint for each in group if each.fingerprint), "")


def _attempt(each: Entry) -> tuple[int, str]:
    number = each.path.name.removeprefix(Run(each.path).base.name).lstrip("-")
    return int(number) if number.isdecimal() else 1, str(each.path)


def _seed(each: Entry) -> int:
    return -1 if each.seed is None else each.seed


def network_rows(
    groups: Sequence[Sequence[Entry]], split: str, metric: str, letters: Mapping[str, str]
) -> list[Row]:
    """A row a group. letters: of the data's fingerprints, where there are several."""
    named = names(groups, [letters.get(fingerprint(group), "") for group in groups])
    rows = []
    for group, (name, settings) in zip(groups, named, strict=True):
        runs, others, left_out = counted(group)
        values = {_seed(each): each.metric(split, metric) for each in runs}
        by_seed = {seed: value for seed, value in values.items() if value is not None}
        rows.append(
            Row(
                name=name,
                model=group[0].model,
                kind="baseline" if any(e.kind == "baseline" for e in group) else "network",
                runs=runs,
                left_out=left_out,
                others=others,
                settings=settings,
                data=letters.get(fingerprint(group), ""),
                estimate=estimate(by_seed) if by_seed else None,
                further=further(runs, split, metric),
                costs=costs(runs),
                command=command(runs or others),
            )
        )
    return rows


def trivial_rows(
    entries: Iterable[Entry], split: str, metric: str, letters: Mapping[str, str]
) -> list[Row]:
    """A row a rule that runs keep beside their metrics, for each set of data."""
    found: dict[tuple[str, str], Row] = {}
    for each in entries:
        for name, by_split in (each.result or {}).get("baselines", {}).items():
            value = by_split.get(split, {}).get(metric)
            letter = letters.get(each.fingerprint, "")
            if value is None or (name, letter) in found:
                continue
            title = f"{name} (data {letter})" if letter else name
            others = {
                f"{other}/{metric}": float(values[metric])
                for other, values in by_split.items()
                if other != split and metric in values
            }
            found[name, letter] = Row(
                title,
                name,
                "trivial",
                data=letter,
                estimate=estimate({0: float(value)}),
                further=others,
            )
    return [*found.values()]


def further(runs: Sequence[Entry], split: str, metric: str) -> dict[str, float]:
    """Means of the same metric on the other splits but train, by ``split/name``."""
    splits = dict.fromkeys(name for each in runs for name in (each.result or {})["metrics"])
    found = {}
    for other in splits:
        values = [each.metric(other, metric) for each in runs]
        numbers = [value for value in values if value is not None]
        if other not in ("train", split) and numbers:
            found[f"{other}/{metric}"] = mean(numbers)
    return found


def costs(runs: Sequence[Entry]) -> Costs:
    """Medians over the runs; those to a threshold are added when it is known."""
    results = [each.result for each in runs if each.result]
    if not results:
        return Costs()
    memory = [*_numbers(results, "peak_memory_bytes")]
    return Costs(
        epochs=_median(_numbers(results, "epochs")),
        learning_rate=next(_numbers(results, "config", "optimizer", "lr"), None),
        parameters=results[0].get("parameters"),
        state_size=results[0].get("state_size"),
        tokens_per_second=_median(_numbers(results, "throughput", "train_tokens_per_second")),
        epoch_seconds=_median(
            p.value for each in runs for p in each.history.get(("time", "epoch_seconds"), ())
        ),
        fit_seconds=_median(_numbers(results, "seconds", "fit")),
        peak_memory_bytes=int(max(memory)) if memory else None,
    )


def _numbers(results: Iterable[Mapping[str, Any]], *keys: str) -> Iterator[float]:
    for result in results:
        value: Any = result
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, int | float):
            yield float(value)


def _median(values: Iterable[float]) -> float | None:
    numbers = [*values]
    return median(numbers) if numbers else None


def first_at(points: Sequence[Point], threshold: float, mode: str) -> Point | None:
    """The first point of validation that is as good as the threshold."""
    sign = 1 if mode == "max" else -1
    return next((p for p in points if sign * p.value >= sign * threshold), None)

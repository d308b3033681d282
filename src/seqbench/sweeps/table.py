"""The table that ends a sweep."""

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from rich.table import Table

from seqbench.sweeps.choice import Setting, at_the_edge, settings
from seqbench.sweeps.record import FAILED, Job
from seqbench.terminal import plain_console, span, visible

SAID = {"waiting": "not begun"}
FEW = 5
"""Rows of runs that have not begun: more would push the others out of sight."""


def show(
    jobs: Sequence[Job],
    chosen: Sequence[Setting] | None,
    candidates: Sequence[Setting],
    folder: Path | None,
    seconds: float,
) -> None:
    """Print a row a job, one a setting, why those failed that did, and how many ended how.

    chosen: of the candidates by validation; None where nothing was to be chosen. Tests are shown of
    what was chosen alone, even where others have been read before.
    """
    console = plain_console()
    if not console.is_terminal:
        console.width = 1000  # a table takes what it needs
    tested = None if chosen is None else {job.number for each in chosen for job in each.jobs}
    left = [job for job in jobs if job.status == "waiting"]
    console.print(job_table([job for job in jobs if job not in left[FEW:]], tested))
    if len(left) > FEW:
        console.print(f"... and {len(left) - FEW} more that have not begun")
    if chosen is None:
        chosen = [each for each in settings(jobs, []) if len(each.jobs) > 1]
        heading = "means over the seeds, and standard deviations"
    else:
        heading = "chosen on validation; means over the seeds, and standard deviations"
    if any(_results(each) for each in chosen):
        console.print(f"\n{heading}")
        console.print(setting_table(chosen, candidates), "")
    for job in jobs:
        if job.status in (*FAILED, "interrupted"):
            console.print(visible(_why(job)), soft_wrap=True)
    console.print(visible(_counts(jobs, folder, seconds)), soft_wrap=True)


def job_table(jobs: Sequence[Job], tested: Container[int] | None) -> Table:
    """A row a job: its words, its status, the metric that decides on each split, its time.

    tested: the numbers of those whose tests are shown; None is all.
    """
    results = {job.number: _result(job) for job in jobs}
    splits = _splits(results.values())
    metrics = {result["metric"] for result in results.values() if result}
    keys = list(dict.fromkeys(word.partition("=")[0] for job in jobs for word in job.words))
    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right")
    for heading in (*keys, "status"):
        table.add_column(visible(heading))
    for split in splits:
        heading = "\n".join([split, *(metrics if len(metrics) == 1 else [])])
        table.add_column(visible(heading, "\n"), justify="right")
    table.add_column("time", justify="right")
    for job in jobs:
        words = dict(word.partition("=")[::2] for word in job.words)
        result = results[job.number]
        shown = [s for s in splits if s == "val" or tested is None or job.number in tested]
        numbers = [_mean([result] if split in shown else [], split) for split in splits]
        status = "ok, before" if job.before and not job.tries else SAID.get(job.status, job.status)
        took = span(job.seconds) if job.tries else ""
        named = [visible(words.get(key, "")) for key in keys]
        table.add_row(str(job.number), *named, status, *numbers, took)
    return table


def setting_table(chosen: Sequence[Setting], candidates: Sequence[Setting]) -> Table:
    """A row a setting: how it does on each split, over its runs that ended well.

    candidates: among which they were chosen, if they were.
    """
    runs = [_results(each) for each in chosen]
    splits = _splits(result for results in runs for result in results)
    table = Table(box=None, pad_edge=False)
    for heading in ("", "chosen") if candidates else ("",):
        table.add_column(heading)
    for heading in ("runs", "parameters", *splits):
        table.add_column(visible(heading), justify="right")
    for each, results in zip(chosen, runs, strict=True):
        named = [" ".join(each.others)]
        if candidates:
            named.append(each.label + at_the_edge(each, candidates))
        counts = [str(len(results)), f"{results[0]['parameters']:,}" if results else ""]
        numbers = [_mean(results, split, spread=True) for split in splits]
        table.add_row(*map(visible, named), *counts, *numbers)
    return table


def _results(each: Setting) -> list[Mapping[str, Any]]:
    return [_result(job) for job in each.jobs if job.status == "ok"]


def _splits(results: Iterable[Mapping[str, Any]]) -> list[str]:
    found = dict.fromkeys(split for result in results for split in result.get("metrics", {}))
    return [split for split in found if split != "train"]


def _mean(results: Sequence[Mapping[str, Any]], split: str, spread: bool = False) -> str:
    """Of the metric that decides, over the results that have the split; empty where none has."""
    having = [result for result in results if split in result.get("metrics", {})]
    values = [result["metrics"][split][result["metric"]] for result in having]
    deviation = f" ± {stdev(values):.4f}" if spread and len(values) > 1 else ""
    return f"{mean(values):.4f}{deviation}" if values else ""


def _result(job: Job) -> Mapping[str, Any]:
    if job.status != "ok" or job.run is None:
        return {}
    return job.run.result()


def _why(job: Job) -> str:
    where = f"; {_near(job.run.path)}" if job.run else ""
    tries = f", {job.tries} times" if job.tries > 1 else ""
    return (
        f"[{job.number}] {job.label} {job.status}{tries}: {job.error or _unexplained(job)}{where}"
    )


def _unexplained(job: Job) -> str:
    return "by a signal" if job.status == "interrupted" else "it left no word"


def _counts(jobs: Sequence[Job], folder: Path | None, seconds: float) -> str:
    statuses = [job.status for job in jobs]
    parts = [f"{statuses.count(s)} {SAID.get(s, s)}" for s in dict.fromkeys(statuses)]
    before = sum(job.before and not job.tries for job in jobs)
    finished = f" ({before} before)" if before else ""
    told = f"{len(jobs)} runs: {', '.join(parts)}{finished}; {span(seconds)}"
    return f"{told}; {_near(folder)}" if folder else told


def _near(path: Path) -> Path:
    """As seen from here."""
    try:
        return path.relative_to(Path.cwd())
    except (OSError, ValueError):  # elsewhere; or here is no more
        return path

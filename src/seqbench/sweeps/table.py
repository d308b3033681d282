"""The table that ends a sweep."""

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from rich.table import Table

from seqbench.sweeps.choice import Setting
from seqbench.sweeps.record import FAILED, Job
from seqbench.sweeps.watch import span
from seqbench.terminal import plain_console, visible

SAID = {"waiting": "not begun"}


def show(
    jobs: Sequence[Job], chosen: Sequence[Setting] | None, folder: Path | None, seconds: float
) -> None:
    """Print a row a job, what was chosen, why those failed that did, how many ended how.

    chosen: None where nothing was to be; else tests are shown of these alone, even where others
    have been read before.
    """
    console = plain_console()
    if not console.is_terminal:
        console.width = 1000  # a table takes what it needs
    tested = None if chosen is None else {job.number for each in chosen for job in each.jobs}
    console.print(job_table(jobs, tested))
    if chosen:
        console.print("\nchosen on validation, means over the seeds")
        console.print(choice_table(chosen), "")
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


def choice_table(chosen: Sequence[Setting]) -> Table:
    """What validation has chosen, and how that does: means over the runs that ended well."""
    runs = [[_result(job) for job in each.jobs if job.status == "ok"] for each in chosen]
    splits = _splits(result for results in runs for result in results)
    table = Table(box=None, pad_edge=False)
    for heading in ("", "chosen"):
        table.add_column(heading)
    for heading in ("runs", *splits):
        table.add_column(visible(heading), justify="right")
    for each, results in zip(chosen, runs, strict=True):
        named = [visible(" ".join(words)) for words in (each.others, each.chosen)]
        numbers = [_mean(results, split) for split in splits]
        table.add_row(*named, str(len(results)), *numbers)
    return table


def _splits(results: Iterable[Mapping[str, Any]]) -> list[str]:
    found = dict.fromkeys(split for result in results for split in result.get("metrics", {}))
    return [split for split in found if split != "train"]


def _mean(results: Sequence[Mapping[str, Any]], split: str) -> str:
    """Of the metric that decides, over the results that have the split; empty where none has."""
    having = [result for result in results if split in result.get("metrics", {})]
    return f"{mean(r['metrics'][split][r['metric']] for r in having):.4f}" if having else ""


def _result(job: Job) -> Mapping[str, Any]:
    if job.status != "ok" or job.run is None:
        return {}
    return job.run.result()


def _why(job: Job) -> str:
    where = f"; {_near(job.run.path)}" if job.run else ""
    tries = f", {job.tries} times" if job.tries > 1 else ""
    return f"[{job.number}] {job.label} {job.status}{tries}: {job.error or 'by a signal'}{where}"


def _counts(jobs: Sequence[Job], folder: Path | None, seconds: float) -> str:
    statuses = [job.status for job in jobs]
    parts = [f"{statuses.count(s)} {SAID.get(s, s)}" for s in dict.fromkeys(statuses)]
    before = sum(job.before and not job.tries for job in jobs)
    finished = f" ({before} before)" if before else ""
    told = f"{len(jobs)} runs: {', '.join(parts)}{finished}; {span(seconds)}"
    return f"{told}; {_near(folder)}" if folder else told


def _near(path: Path) -> Path:
    """As seen from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

"""The table that ends a sweep."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from seqbench.sweeps.choice import Setting
from seqbench.sweeps.record import FAILED, Job
from seqbench.sweeps.watch import span
from seqbench.terminal import plain_console, visible

SAID = {"waiting": "not begun"}


def show(
    jobs: Sequence[Job],
    chosen: Sequence[Setting],
    choosing: bool,
    folder: Path | None,
    seconds: float,
) -> None:
    """Print a row a job, what was chosen, why those failed that did, how many ended how.

    choosing: tests are shown of what was chosen alone, even where others have been read before.
    """
    console = plain_console()
    allowed = {job.number for each in chosen for job in each.jobs} if choosing else None
    results = {job.number: _result(job) for job in jobs}
    splits = list(dict.fromkeys(s for r in results.values() for s in r.get("metrics", {})))
    splits = [split for split in splits if split != "train"]
    names = {result["metric"] for result in results.values() if result}
    table = Table(box=None, pad_edge=False)
    table.add_column("", justify="right")
    keys = list(dict.fromkeys(word.partition("=")[0] for job in jobs for word in job.words))
    for key in keys:
        table.add_column(visible(key))
    table.add_column("status")
    for split in splits:
        heading = [split, *(names if len(names) == 1 else [])]
        table.add_column(visible("\n".join(heading), "\n"), justify="right")
    table.add_column("time", justify="right")
    for job in jobs:
        values = dict(word.partition("=")[::2] for word in job.words)
        metrics, name = results[job.number].get("metrics", {}), results[job.number].get("metric")
        shown = [s for s in metrics if s == "val" or allowed is None or job.number in allowed]
        numbers = [f"{metrics[s][name]:.4f}" if s in shown else "" for s in splits]
        status = "ok, before" if job.before and not job.tries else SAID.get(job.status, job.status)
        took = span(job.seconds) if job.tries else ""
        table.add_row(
            str(job.number), *(visible(values.get(k, "")) for k in keys), status, *numbers, took
        )
    console.print(table)
    if chosen:
        console.print(
            "\nchosen on validation, means over the seeds", choice_table(chosen), sep="\n"
        )
    for job in jobs:
        if job.status in (*FAILED, "interrupted"):
            console.print(visible(_why(job)), soft_wrap=True)
    console.print(visible(_counts(jobs, folder, seconds)), soft_wrap=True)


def _print(console: Console, table: Table) -> None:
    """As wide as it is, where no terminal bounds it."""
    if not console.is_terminal:
        console.width = 1000
    console.print(table)


def choice_table(chosen: Sequence[Setting]) -> Table:
    """What validation has chosen, and how that does: means over the runs that ended well."""
    table = Table(box=None, pad_edge=False)
    runs = {id(each): [_result(job) for job in each.jobs if job.status == "ok"] for each in chosen}
    splits = list(dict.fromkeys(s for rs in runs.values() for r in rs for s in r["metrics"]))
    for heading in ("", "chosen", "runs"):
        table.add_column(heading, justify="right" if heading == "runs" else "left")
    for split in (split for split in splits if split != "train"):
        table.add_column(visible(split), justify="right")
    for each in chosen:
        results = runs[id(each)]
        numbers = []
        for split in (split for split in splits if split != "train"):
            values = [r["metrics"][split][r["metric"]] for r in results if split in r["metrics"]]
            numbers.append(f"{mean(values):.4f}" if values else "")
        named = [visible(" ".join(words)) for words in (each.others, each.chosen)]
        table.add_row(*named, str(len(results)), *numbers)
    return table


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

"""All runs of a sweep looked at before the first begins."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from seqbench import attempt, runs, seats
from seqbench.build import SUPPLIED
from seqbench.checks import require_unlaunched
from seqbench.compose import Composed
from seqbench.config import Node, validate
from seqbench.errors import UserError
from seqbench.isolation import isolated
from seqbench.runs import Run
from seqbench.sweeps.record import Job
from seqbench.training import Training, ready
from seqbench.world import World


def plan(composed: Sequence[Composed]) -> list[Job]:
    """The jobs, each with the directory of its run, and ``before`` where that is finished.

    Data are read, and cached for all; nothing else is written. UserError for what is wrong with any
    of them, and for two that are the same run.
    """
    for each in composed:
        require_unlaunched(seats.find(each.config["trainer"]))
    words = varied([each.overrides for each in composed])
    jobs = []
    for number, each in enumerate(composed, 1):
        job = Job(number, words[number - 1] or _named(each.config), each.config)
        with of_job(job):
            validate(each.config, SUPPLIED, each.origin)
        jobs.append(job)
    for _, same in groupby(sorted(jobs, key=_data), key=_data):
        _identify([*same])
    known: dict[str | None, Job] = {}
    for job in jobs:
        twin = known.setdefault(job.base, job)
        if job.base and twin is not job:
            how = f"the same run as {twin.label}" if twin.words != job.words else "listed twice"
            raise UserError(f"{job.label}: {how}; leave one of them out")
    return jobs


def varied(overrides: Sequence[Sequence[str]]) -> list[list[str]]:
    """Of each run's overrides those that differ among the runs."""
    keep = [len({*column}) > 1 for column in zip(*overrides, strict=True)]
    return [[word for word, kept in zip(words, keep, strict=True) if kept] for words in overrides]


def _named(config: Node) -> list[str]:
    names = {**config["names"], "seed": config["seed"]}
    return [f"{key}={names[key]}" for key in ("task", "model", "seed")]


@contextmanager
def of_job(job: Job) -> Iterator[None]:
    """Name the run that a mistake is in."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{job.label}: {error}") from error


def _data(job: Job) -> str:
    """What decides a job's data."""
    return json.dumps([job.config["task"], job.config["paths"]["cache_dir"]], sort_keys=True)


def _identify(jobs: Sequence[Job]) -> None:
    """Find the run directories of jobs on the same data, which are read once."""
    data = None
    for job in jobs:
        with of_job(job), isolated(job.config["threads"]):
            try:
                data = data or ready(job.config, World())
                base = attempt.first(Training(job.config, data=data)).absolute()
            except (UserError, KeyboardInterrupt):
                raise
            except (Exception, SystemExit):  # of a user's own cell or task; the job will tell
                continue
            job.base = str(base)
            job.before = not job.config["force"] and any(
                is_done(run, job.config) for run in runs.attempts(base)
            )
            if job.before:
                job.status = "ok"


def is_done(run: Run, config: Node) -> bool:
    """Nothing is left to do of what the config asks for."""
    if run.status() != "ok":
        return False
    return not config["test"] or run.result()["seconds"]["test"] is not None

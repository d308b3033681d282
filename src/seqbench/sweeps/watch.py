"""What a person sees while a sweep goes on, whoever carries its runs out."""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from seqbench.sweeps.record import Job, Record
from seqbench.terminal import span, tell, visible

BEAT = 0.3
"""Seconds between two looks."""


class Watch:
    """Tells each job's end, with an estimate of the time left, while the block lasts.

    jobs: of this launch; they are brought up to date. total: of the sweep.
    """

    def __init__(self, record: Record, jobs: Sequence[Job], total: int) -> None:
        self.record, self.jobs, self.total = record, jobs, total
        self.at_once = 1
        self.before = {job.number: job.seconds for job in jobs}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.over.wait(BEAT):
            self._update()
        self._update()

    def _update(self) -> None:
        ended: list[Job] = []
        for job in self.jobs:
            if job.ended:
                continue
            now = self.record.read(job.number)
            vars(job).update(vars(now) | {"config": job.config})
            if job.ended:
                ended.append(job)
        running = sum(job.status == "running" for job in self.jobs)
        self.at_once = max(self.at_once, running)
        for job in ended:
            tell(visible(self._line(job)))

    def _line(self, job: Job) -> str:
        told = f"[{job.number}/{self.total}] {job.label}: {job.status}{_score(job)}"
        if job.error:
            told += f": {job.error}"
        left = sum(not other.ended for other in self.jobs)
        rest = (
            f"; {left} to go, about {span(self._left())}"
            if left and job.status != "interrupted"
            else ""
        )
        return f"{told} ({span(self._took(job))}{rest})"

    def _took(self, job: Job) -> float:
        return job.seconds - self.before[job.number]

    def _left(self) -> float:
        """Seconds, if those to come take as long as those that have ended."""
        took = [self._took(job) for job in self.jobs if job.ended]
        mean = sum(took) / len(took)
        now = time.time()
        begun = [now - job.began for job in self.jobs if job.status == "running" and job.began]
        waiting = sum(job.status == "waiting" for job in self.jobs)
        return (waiting * mean + sum(max(0.0, mean - each) for each in begun)) / self.at_once


def _score(job: Job) -> str:
    """The metric that decides, on validation."""
    if job.status != "ok" or job.run is None:
        return ""
    result = job.run.result()
    value = result["metrics"]["val"][result["metric"]]
    return f", val {result['metric'].replace('_', ' ')} {value:.4f}"

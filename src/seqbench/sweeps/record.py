"""What a sweep keeps on the disk: the only thing that its processes share. Needs no torch.

``OUTPUT/sweeps/TIME/N.yaml`` is the config of job N, and ``N.json`` how it goes, written by whoever
knows. ``sweep.json`` is the end.
"""

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import yaml

from seqbench.files import write_whole
from seqbench.runs import Run, attempts

FAILED = ("failed", "killed")
FOLDER = "sweeps"


@dataclass
class Job:
    """One run of a sweep.

    number: counts from 1. words: the overrides that it does not share with all others. config:
    composed, as the run gets it. base: the directory of the first run of its identity, None where
    that is not known before it begins. status: ``waiting``, ``running``, ``ok``, ``failed``,
    ``killed``, ``interrupted``. before: it was finished before this sweep. mistake: it failed by
    one of the user's, and would again. tries, seconds: in this sweep, all together. began: when
    the last try did, by its machine's clock.
    """

    number: int
    words: list[str]
    config: dict[str, Any] = field(default_factory=dict)
    base: str | None = None
    status: str = "waiting"
    before: bool = False
    mistake: bool = False
    error: str | None = None
    traceback: str | None = None
    tries: int = 0
    began: float | None = None
    seconds: float = 0.0
    process: str | None = None

    @property
    def label(self) -> str:
        return " ".join(self.words)

    @property
    def run(self) -> Run | None:
        """Its last run directory, if there is one."""
        found = attempts(Path(self.base)) if self.base else []
        return found[-1] if found else None

    @property
    def ended(self) -> bool:
        return self.status not in ("waiting", "running")


@dataclass
class Record:
    """The folder of a sweep. stop: whether a job that fails is the last to begin."""

    folder: Path
    stop: bool = False
    cwd: str = field(default_factory=os.getcwd)

    @classmethod
    def new(cls, outputs: Path, stop: bool) -> Self:
        """A folder of its own, named by the time. OSError where it cannot be made."""
        name = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
        folder = outputs / FOLDER / name
        number = 1
        while True:
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                number += 1
                folder = folder.with_name(f"{name}-{number}")
            else:
                return cls(folder.absolute(), stop)

    def plan(self, job: Job) -> None:
        """Keep what the job's process is to do."""
        # No JSON: a mapping's keys may be numbers.
        config = yaml.safe_dump(job.config, allow_unicode=True, sort_keys=False)
        write_whole(self.folder / f"{job.number}.yaml", config)
        self.write(job)

    def config(self, number: int) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load((self.folder / f"{number}.yaml").read_bytes())
        return config

    def read(self, number: int) -> Job:
        """How a job goes; without its config."""
        return Job(**json.loads((self.folder / f"{number}.json").read_bytes()))

    def write(self, job: Job) -> None:
        write_whole(self.folder / f"{job.number}.json", json.dumps(_row(job), indent=1))
        if self.stop and job.status in FAILED:
            self.halt()

    def halt(self) -> None:
        """Let no further job begin, whichever machine it was to begin on."""
        (self.folder / "stop").touch()

    def go_on(self) -> None:
        """Let jobs begin again."""
        (self.folder / "stop").unlink()

    @property
    def halted(self) -> bool:
        return (self.folder / "stop").exists()

    def killed(self, number: int, how: str) -> None:
        """Note that a job's process has ended; where it left no word itself, how it did."""
        job = self.read(number)
        if not job.ended and not (job.status == "waiting" and self.halted):
            job.status, job.error = "killed", how
            self.write(job)

    def conclude(self, jobs: Sequence[Job], chosen: Sequence[int], seconds: float) -> None:
        """Write what came of all jobs. chosen: the numbers of those that validation has."""
        content: dict[str, Any] = {"schema_version": 1, "seconds": round(seconds, 1)}
        content |= {"chosen": [*chosen], "jobs": [*map(_told, jobs)]}
        write_whole(self.folder / "sweep.json", json.dumps(content, indent=1) + "\n")


def _row(job: Job) -> dict[str, Any]:
    return {key: value for key, value in asdict(job).items() if key != "config"}


def _told(job: Job) -> dict[str, Any]:
    """What the table shows of a job, and its traceback."""
    result = job.run.result() if job.run and job.status == "ok" else {}
    facts = {key: result.get(key) for key in ("metric", "metrics", "parameters")}
    return _row(job) | {"run": str(job.run.path) if job.run else None} | facts


def this_process() -> str:
    return f"{os.getpid()} on {socket.gethostname()}"

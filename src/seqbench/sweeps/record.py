"""What a sweep keeps on the disk: the only thing that its processes share. Needs no torch.

``OUTPUT/sweeps/TIME/N.json`` holds job N: its words and its config, written before it begins, and
how it went, written by whoever knows. ``sweep.json`` is the end.
"""

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

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
    config: dict[str, Any]
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

    def read(self, number: int) -> Job:
        return Job(**json.loads((self.folder / f"{number}.json").read_bytes()))

    def write(self, job: Job) -> None:
        write_whole(self.folder / f"{job.number}.json", json.dumps(asdict(job), indent=1))
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
        if job.status == "running":
            job.status, job.error = "killed", how
            self.write(job)

    def conclude(self, jobs: Sequence[Job], seconds: float) -> None:
        """Write what came of all jobs."""
        rows = [{k: v for k, v in asdict(job).items() if k != "config"} for job in jobs]
        text = json.dumps(
            {"schema_version": 1, "seconds": round(seconds, 1), "jobs": rows}, indent=1
        )
        write_whole(self.folder / "sweep.json", f"{text}\n")


def this_process() -> str:
    return f"{os.getpid()} on {socket.gethostname()}"

"""A sweep from its composed runs to its table."""

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress

from seqbench.build import one_line
from seqbench.compose import Composed, Launcher
from seqbench.config import Node
from seqbench.errors import UserError, place
from seqbench.sweeps.choice import Setting, best, settings
from seqbench.sweeps.plan import is_done, plan
from seqbench.sweeps.record import FAILED, Job, Record
from seqbench.sweeps.table import show
from seqbench.sweeps.watch import BEAT, Watch
from seqbench.sweeps.work import Work
from seqbench.terminal import tell


class Sweep:
    """Carries out what is not done yet of all runs.

    Making one looks at all of them, and raises UserError for what is wrong before anything is
    written.
    """

    def __init__(
        self, composed: Sequence[Composed], launcher: Launcher, show_traceback: bool = False
    ) -> None:
        self.launcher, self.show_traceback = launcher, show_traceback
        self.overrides = [each.overrides for each in composed]
        asked = _common(composed)
        self.outputs = place(asked["paths"]["output_dir"])
        self.stop, self.retries = asked["on_failure"] == "stop", asked["retries"]
        self.test = asked["test"]
        choose = asked["choose"]
        if choose:  # only what is chosen may read the test
            for each in composed:
                each.config["test"] = False
        self.jobs = plan(composed)
        self.candidates = settings(self.jobs, choose) if choose else []
        self.chosen: list[Setting] = []
        self.record: Record | None = None
        self.started = time.monotonic()

    def carry_out(self) -> int:
        """0 if all runs have ended well, else 1; raises what ends the process when told to."""
        try:
            self._work([job for job in self.jobs if not job.ended])
            open_ = [job for job in self.jobs if job.status not in ("ok", *FAILED)]
            if self.candidates and open_:
                tell(f"{len(open_)} runs have not ended, so nothing is chosen")
            elif self.candidates:
                self.chosen = best(self.candidates)
                self._test([job for each in self.chosen for job in each.jobs])
        except UserError:
            self._forget()
            raise
        except BaseException:
            self._conclude()
            raise
        self._conclude()
        return int(any(job.status != "ok" for job in self.jobs))

    def _test(self, jobs: Sequence[Job]) -> None:
        """Test what validation has chosen."""
        for job in jobs:
            job.config |= {"test": self.test, "force": False}
        tested = [job for job in jobs if job.status == "ok" and not _is_done(job)]
        for job in tested:
            job.status = "waiting"
        if tested:
            tell(f"testing the {len(tested)} runs whose values validation has chosen")
        self._work(tested)

    def _work(self, jobs: Sequence[Job]) -> None:
        """Launch jobs, and those that fail again while they may be retried."""
        todo = [*jobs]
        while todo:
            self._launch(todo)
            assert self.record is not None
            again = [job for job in todo if self._retried(job)]
            if self.record.halted:
                if not again:
                    return
                self.record.go_on()
                again += [job for job in todo if job.status == "waiting"]
            for job in again:
                job.status, job.config["force"] = "waiting", False
            todo = again

    def _retried(self, job: Job) -> bool:
        return job.status in FAILED and not job.mistake and job.tries <= self.retries

    def _launch(self, jobs: Sequence[Job]) -> None:
        jobs = sorted(jobs, key=_is_live)  # what other processes are at may soon be finished
        if self.record is None:
            self.launcher.check()
            self.record = self._begin()
        for job in jobs:
            self.record.plan(job)
        record = self.record
        work = Work(record, [job.number for job in jobs], len(self.jobs), self.show_traceback)
        overrides = [self.overrides[job.number - 1] for job in jobs]
        with Watch(record, jobs, len(self.jobs)):
            try:
                self.launcher.launch(record.folder, work, overrides)
            except UserError:
                raise
            except Exception as error:  # whatever a launcher makes of a job that was killed
                if not any(record.read(job.number).tries for job in jobs):
                    raise UserError(
                        f"the launcher cannot begin: {one_line(error)}; see README on launchers"
                    ) from error
                tell(f"the launcher has ended early: {one_line(error)}")
                _await(jobs)
                jobs = [job for job in jobs if record.read(job.number).status == "running"]
            for job in jobs:
                record.killed(job.number, "its process ended and left no word")

    def _begin(self) -> Record:
        self.made = not self.outputs.exists()
        try:
            record = Record.new(self.outputs, self.stop)
        except OSError as error:
            raise UserError(f"cannot write to {self.outputs}: {error.strerror}") from error
        before = sum(job.before for job in self.jobs)
        halves = sum(job.run is not None and not job.before for job in self.jobs)
        parts = [f"{len(self.jobs)} runs"]
        parts += [f"{before} finished before"] if before else []
        parts += [f"{halves} begun before"] if halves else []
        tell(f"sweep of {', '.join(parts)}; {record.folder}")
        return record

    def _conclude(self) -> None:
        folder = self.record.folder if self.record else None
        seconds = time.monotonic() - self.started
        if self.record:
            numbers = [job.number for each in self.chosen for job in each.jobs]
            self.record.conclude(self.jobs, numbers, seconds)
        show(self.jobs, self.chosen if self.candidates else None, self.candidates, folder, seconds)

    def _forget(self) -> None:
        """Nothing has begun: leave nothing behind."""
        if self.record and not any(job.tries for job in self.jobs):
            shutil.rmtree(self.record.folder)
            with suppress(OSError):  # where others lie beside it
                self.record.folder.parent.rmdir()
                if self.made:
                    self.outputs.rmdir()


def _common(composed: Sequence[Composed]) -> Node:
    """A config for what is the whole sweep's; UserError where its runs differ in that."""
    first = composed[0].config
    keys = ["on_failure", "retries", "choose"]
    for each in composed:
        if any(other.config["choose"] for other in (composed[0], each)):
            keys.append("test")
        for key in keys:
            if each.config[key] != first[key]:
                raise UserError(
                    f"{key}: {first[key]!r} in some runs and {each.config[key]!r} in others, but "
                    "it is a setting of the whole sweep; give it one value"
                )
    return first


def _is_done(job: Job) -> bool:
    return job.run is not None and is_done(job.run, job.config)


def _await(jobs: Sequence[Job]) -> None:
    while any(map(_is_live, jobs)):
        time.sleep(BEAT)


def _is_live(job: Job) -> bool:
    return job.run is not None and job.run.live

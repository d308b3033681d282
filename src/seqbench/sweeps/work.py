"""What a launcher's process does for a sweep: one of its runs."""

import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig

from seqbench.errors import RunError, UserError, complain
from seqbench.signals import Stopped
from seqbench.sweeps.record import Job, Record, this_process
from seqbench.terminal import say


@dataclass(frozen=True)
class Work:
    """The task function that launchers call, in whatever process.

    numbers: of the jobs of this launch, in its order. total: of the sweep.
    """

    record: Record
    numbers: Sequence[int]
    total: int
    show_traceback: bool = False

    def __call__(self, composed: Any) -> None:
        """As Hydra calls it; the config is the one that was planned."""
        self.carry_out(int(HydraConfig.get().job.num))

    def carry_out(self, index: int, progress: str = "auto") -> None:
        """Train the job at ``index`` of this launch. It raises nothing but what ends a process.

        progress: what ``auto`` stands for; ``none`` where several write to one terminal.
        """
        if self.record.halted:
            return
        os.chdir(self.record.cwd)
        if self.record.cwd not in sys.path:
            sys.path.append(self.record.cwd)  # a package of the user's may lie here
        job = self.record.read(self.numbers[index])
        if job.config["progress"] == "auto":
            job.config["progress"] = progress
        with self._recorded(job):
            from seqbench.attempt import train_in_turn

            if job.config["progress"] != "none":
                say(f"[{job.number}/{self.total}] {job.label}", flush=True, file=sys.stderr)
            run = train_in_turn(job.config)
            job.base = str(run.base.absolute())

    def on_one_device(self, index: int) -> bool:
        config = self.record.read(self.numbers[index]).config
        return bool(config["trainer"].get("devices") == 1)

    def ended(self, index: int, how: str) -> None:
        """Note that the process of the job at ``index`` has ended, and how."""
        self.record.killed(self.numbers[index], how)

    @contextmanager
    def _recorded(self, job: Job) -> Iterator[None]:
        job.status, job.process, job.began = "running", this_process(), time.time()
        job.error = job.traceback = None
        job.tries += 1
        self.record.write(job)
        began = time.monotonic()
        job.status = "failed"
        try:
            yield
            job.status = "ok"
        except (UserError, RunError) as error:
            complain(error, self.show_traceback)
            job.error, job.mistake = str(error), isinstance(error, UserError)
            job.traceback = traceback.format_exc()
        except (KeyboardInterrupt, Stopped):
            job.status = "interrupted"
            raise
        except SystemExit as end:
            job.error = f"the run called sys.exit({end.code})"
            print(f"seqbench: {job.error}", file=sys.stderr)
        except Exception as error:  # a cell's or a task's own; the other jobs go on
            traceback.print_exc()
            job.error, job.traceback = f"{type(error).__name__}: {error}", traceback.format_exc()
        finally:
            job.seconds += time.monotonic() - began
            self.record.write(job)

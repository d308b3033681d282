"""What a launcher's process does for a sweep: one of its runs."""

import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig

from seqbench.errors import RunError, UserError, complain
from seqbench.signals import Stopped
from seqbench.sweeps.record import Job, Record, this_process
from seqbench.terminal import tell


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
        job = self.record.read(self.numbers[index])
        with self._recorded(job):
            from seqbench.attempt import train_in_turn

            os.chdir(self.record.cwd)
            if self.record.cwd not in sys.path:
                sys.path.append(self.record.cwd)  # a package of the user's may lie here
            config = self.record.config(job.number)
            if config["progress"] != "none":
                tell(f"[{job.number}/{self.total}] {job.label}")
            if config["progress"] == "auto":
                config["progress"] = progress
            run = train_in_turn(config)
            job.base = str(run.base.absolute())

    def on_one_device(self, index: int) -> bool:
        config = self.record.config(self.numbers[index])
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
            job.error, job.mistake = str(error), isinstance(error, UserError)
            job.traceback = traceback.format_exc()
            with suppress(OSError):
                complain(error, self.show_traceback)
        except (KeyboardInterrupt, Stopped):
            job.status = "interrupted"
            raise
        except SystemExit as end:
            job.error = f"the run called sys.exit({end.code})"
            tell(f"seqbench: {job.error}")
        except Exception as error:  # a cell's or a task's own; the other jobs go on
            job.error, job.traceback = f"{type(error).__name__}: {error}", traceback.format_exc()
            tell(job.traceback, end="")
        finally:
            job.seconds += time.monotonic() - began
            self.record.write(job)

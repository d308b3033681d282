"""Signals that end a run where nothing is lost, and what else waits for them: Slurm, submitit."""

import logging
import os
import re
import signal
import subprocess
import threading
from types import FrameType, TracebackType
from typing import Any, Self

log = logging.getLogger(__name__)

NAMES = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2")
"""Ctrl-C; the wish of a system that shuts down; the warnings that clusters send some time before.
Not all systems have all of them."""

REQUEUED = ("SIGUSR1", "SIGUSR2")


class Stopped(SystemExit):
    """A run was told to end, and what it goes on from is safe. Its code is 128 + the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


class Signals:
    """Within the block a signal is only noted, in ``received``; whoever trains asks for it.

    A second Ctrl-C raises KeyboardInterrupt at once. When the block is over the handlers are what
    they were before. One that someone else had set for the signal is called then, so that what it
    does (submitit requeues a job) comes after the checkpoint; where there is none and this is a job
    of Slurm's, the job is requeued.

    Signals reach a process's main thread alone: in any other nothing is done.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            known = [signal.Signals[name] for name in NAMES if hasattr(signal, name)]
            # Ctrl-C is switched off in a shell's background jobs, and stays so.
            heeded = [n for n in known if signal.getsignal(n) is not signal.SIG_IGN]
            self.before = {number: signal.getsignal(number) for number in heeded}
            self.install()
        return self

    def install(self) -> None:
        """Set the handlers again: Lightning puts one of its own in the place of SIGTERM's."""
        for number in self.before:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received == number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = self.received or signal.Signals(number)

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self.received is not None:
            raise Stopped(self.received)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if self.received is None:
            return
        handler = self.before[self.received]
        if self.received != signal.SIGINT and callable(handler):
            handler(self.received, None)
        elif self.received.name in REQUEUED:
            requeue()
        if error is None:  # it came when all was done
            self.check()


def requeue() -> None:
    """Ask Slurm to start this job again, if it is one of Slurm's."""
    array = [os.environ.get(f"SLURM_ARRAY_{name}_ID", "") for name in ("JOB", "TASK")]
    job = "_".join(array) if all(array) else os.environ.get("SLURM_JOB_ID", "")
    if not re.fullmatch(r"[0-9]+(_[0-9]+)?", job):
        return
    command = ["scontrol", "requeue", job]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        problem = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        log.warning("the job %s was not requeued: %s", job, problem)
    else:
        log.info("the job %s is requeued", job)

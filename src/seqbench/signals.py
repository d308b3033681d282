"""Signals that end a run where nothing is lost, and what else waits for them: Slurm, submitit."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import parent_process
from types import FrameType, TracebackType
from typing import Any, Self

log = logging.getLogger(__name__)

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Ctrl-C; the wish of a system that shuts down; a terminal that is closed; the warnings that
clusters send some time before. Not all systems have all of them."""

PROMISE = "\nseqbench: ending after this step; Ctrl-C again ends at once, and saves nothing\n"

REQUEUED = ("SIGUSR1", "SIGUSR2")


def known() -> list[signal.Signals]:
    """Those of ``NAMES`` that this system has."""
    return [signal.Signals[name] for name in NAMES if hasattr(signal, name)]


class Stopped(SystemExit):
    """A run was told to end, and what it goes on from is safe. Its code is 128 + the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number

    def __str__(self) -> str:
        return signal.Signals(self.number).name


class Pruned(Stopped):
    """A run that a search has given up: others were better at this point. It can be gone on with.

    reason: in what they were better.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(0)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Ended(Stopped):
    """Whoever had set a handler before has ended the process, with a code of his own."""

    def __init__(self, number: int, code: Any) -> None:
        super().__init__(number)
        self.code = code


class Signals:
    """Within the block a signal is only noted, in ``received``; whoever trains asks for it.

    A second Ctrl-C raises KeyboardInterrupt at once. When the block is over the handlers are what
    they were before. Those that someone else had set for the signals that came are called then, so
    that what they do (submitit requeues a job) comes after the checkpoint; where there is none and
    this is a job of Slurm's, the job is requeued.

    Signals reach a process's main thread alone: in any other nothing is done.

    leads: of several processes of one training, this one tells the user and Slurm; in those of a
    sweep whoever has started them does.
    """

    def __init__(self, leads: bool = True) -> None:
        self.leads = leads and parent_process() is None
        self.all: list[signal.Signals] = []
        self.before: dict[signal.Signals, Any] = {}

    @property
    def received(self) -> signal.Signals | None:
        """The first that came."""
        return self.all[0] if self.all else None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # Ctrl-C is switched off in a shell's background jobs, and stays so. None is a handler
            # that Python did not set, and could not set again.
            heeded = [n for n in known() if signal.getsignal(n) not in (signal.SIG_IGN, None)]
            self.before = {number: signal.getsignal(number) for number in heeded}
            self.install()
        return self

    def install(self) -> None:
        """Set the handlers again: Lightning puts one of its own in the place of SIGTERM's."""
        for number in self.before:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number not in self.all:
            self.all.append(signal.Signals(number))
            if number == signal.SIGINT and self.leads:
                with suppress(OSError):  # print() may be under way
                    os.write(2, PROMISE.encode())
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    def hear(self, number: int) -> None:
        """Another process of the training has got this signal."""
        if not self.all:
            self.all.append(signal.Signals(number))

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
        chained = {n: self.before[n] for n in self.all if n != signal.SIGINT}
        chained = {number: handler for number, handler in chained.items() if callable(handler)}
        for number, handler in chained.items():
            try:
                handler(number, None)
            except SystemExit as end:
                raise Ended(number, end.code) from error
        asked = any(number.name in REQUEUED and number not in chained for number in self.all)
        if asked and self.leads:
            requeue()
        if error is None:  # it came when all was done
            self.check()


class AtOnce(Signals):
    """Within the block a signal ends what is under way: nothing is there yet to be saved."""

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.all.append(signal.Signals(number))
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Stopped(number)


@contextmanager
def ends() -> Iterator[None]:
    """A Ctrl-C that waited for a checkpoint is the KeyboardInterrupt that it was to be."""
    try:
        yield
    except Stopped as stopped:
        if stopped.number == signal.SIGINT:
            raise KeyboardInterrupt from stopped
        raise


def outlive(worker: int = 0) -> None:
    """Let a data loader's worker end with its parent, and not before.

    A signal to all processes of a job would else end the workers, and their end the training
    before its checkpoint is written. Of SIGTERMs the parent's own counts.
    """
    for number in known():
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":  # elsewhere none can tell who sent a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        threading.Thread(target=_heed, args=(os.getppid(),), daemon=True).start()


def _heed(parent: int) -> None:
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
        pass
    os._exit(0)


def requeued() -> bool:
    """Whether this is a job of Slurm's that has been started before."""
    return os.environ.get("SLURM_RESTART_COUNT", "0") not in ("", "0")


def requeue(seconds: float = 60.0) -> None:
    """Ask Slurm to start this job again, if it is one of Slurm's; wait so long for its answer."""
    array = [os.environ.get(f"SLURM_ARRAY_{name}_ID", "") for name in ("JOB", "TASK")]
    job = "_".join(array) if all(array) else os.environ.get("SLURM_JOB_ID", "")
    if not re.fullmatch(r"[0-9]+(_[0-9]+)?", job):
        return
    command = ["scontrol", "requeue", job]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        failed = done.returncode != 0
        problem = (done.stderr.strip() or f"status {done.returncode}") if failed else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        log.warning("the job %s was not requeued: %s", job, problem)
    else:
        log.info("the job %s is requeued", job)

"""How the processes of one training are started, connected and ended: all of them, or none."""

import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch._C._distributed_c10d import PrefixStore

from seqbench import processes
from seqbench.errors import RunError, ToldError, UserError
from seqbench.locks import raise_in
from seqbench.meeting import TIMEOUT, launchers, of_file, one_line, stay_here
from seqbench.seats import Seat
from seqbench.signals import Stopped
from seqbench.world import ElsewhereError, World, is_lost

log = logging.getLogger(__name__)

NOTICE = 2.0
"""Seconds within which it is known why a connection broke."""

PATIENCE = 30.0
"""Seconds that a process may take to end when another one has."""

OUTSIDE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")
"""Signals by which others end a process; the rest it owes to itself."""

UNKNOWN = 255
"""The exit status of a process of which nothing is known: who had started it is gone, too."""

WHY = "ended"
"""What the store tells once a process has ended early: who, and why."""

Start = Callable[[Seat, str], BaseProcess]
"""Starts the process of a seat, which finds the others by a file."""


class RankError(RuntimeError):
    """What another process of this training raised; the cause holds its traceback."""


class _TracebackError(Exception):
    """The traceback of another process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Team(World):
    """The processes of one training, with a store in which whoever ends early tells why.

    backend: of ``torch.distributed``, for what passes from device to device.
    """

    def __init__(self, seat: Seat, backend: str) -> None:
        super().__init__(seat)
        self.backend = backend
        self.store: Any = None

    def connect(self, store: Any) -> None:
        """Meet the others at a store that they have, too."""
        self.store = store
        store.add("here", 1)
        until = time.monotonic() + TIMEOUT.total_seconds()
        while (here := store.add("here", 0)) < self.size:
            self.require_all()
            if time.monotonic() > until:
                raise RunError(f"{here} of {self.size} processes have come; start them again")
            time.sleep(0.02)
        group = PrefixStore("group", store)
        dist.init_process_group(
            self.backend, store=group, rank=self.rank, world_size=self.size, timeout=TIMEOUT
        )
        self.control = dist.new_group(backend="gloo", timeout=TIMEOUT)

    def require_all(self) -> None:
        """Raise ElsewhereError where one that is to come has ended."""
        if self.store.check([WHY]):
            raise ElsewhereError

    def dismiss(self, value: Any) -> None:
        if self.control is None:
            return
        self.over = True
        self.broadcast(value)
        # A connection that is closed may take along what was last sent.
        until = time.monotonic() + PATIENCE
        while self.store.add("done", 0) < self.size - 1 and time.monotonic() < until:
            time.sleep(0.01)

    def dismissed(self) -> None:
        self.over = True
        self.store.add("done", 1)

    @contextmanager
    def explained(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if self.store is None or self.over:
                raise
            self.over = True
            raised = self._for_another(error) if is_lost(error) else self._own(error)
            if raised is error:
                raise
            raise raised from (raised.__cause__ or error)

    def _own(self, error: BaseException) -> BaseException:
        """What this process raises when it ends by itself: it tells why, unless one has before."""
        number = error.number if isinstance(error, Stopped) else None
        if isinstance(error, KeyboardInterrupt):
            number = signal.SIGINT
        kinds = {UserError: "user", RunError: "run"}
        told = {
            "rank": self.rank,
            "number": number,
            "kind": next((k for kind, k in kinds.items() if isinstance(error, kind)), "other"),
            "text": str(error) if isinstance(error, UserError | RunError) else one_line(error),
            "traceback": "".join(traceback.format_exception(error)),
        }
        try:
            self.store.compare_set(WHY, "", json.dumps(told))
        except RuntimeError:  # the first process had it, and is gone
            return error
        if self.leads or number is not None:
            return error
        return _told(error)

    def _for_another(self, error: BaseException) -> BaseException:
        """What this process raises when it is another one that has ended."""
        content = self._why()
        if content is None:
            return self._unexplained()
        if content["number"] is not None:
            return Stopped(content["number"])
        if not self.leads:
            return _told(error)
        text = content["text"]
        match content["kind"]:
            case "user":
                return UserError(text)
            case "run":
                return RunError(text)
        raised = RankError(f"process {content['rank'] + 1} of {self.size}: {text}")
        raised.__cause__ = _TracebackError(content["traceback"])
        return raised

    def _why(self) -> dict[str, Any] | None:
        until = time.monotonic() + NOTICE
        with suppress(RuntimeError):  # a store that is gone
            while not self.store.check([WHY]):
                if time.monotonic() > until:
                    return None
                time.sleep(0.02)
            content: dict[str, Any] = json.loads(self.store.get(WHY))
            return content
        return None

    def _unexplained(self) -> BaseException:
        """Nobody has told anything: another process was killed, or its machine has gone."""
        log.warning("another of the %d processes of this training is gone", self.size)
        return Stopped(signal.SIGTERM)

    def leave(self, failed: bool) -> None:
        """Give the connections up."""
        self.control = self.store = None
        if dist.is_initialized():
            dist.destroy_process_group()


class Starting(Team):
    """The first of several processes on this machine, which starts the others."""

    def __init__(self, seat: Seat, backend: str, start: Start) -> None:
        super().__init__(seat, backend)
        self.start = start
        self.others: list[BaseProcess] = []
        self.folder = ""

    def assemble(self) -> None:
        if self.others:
            return
        # A file that nobody else may read, and no port that anybody could speak to.
        self.folder = tempfile.mkdtemp(prefix="seqbench-")
        path = str(Path(self.folder) / "store")
        stay_here()
        for rank in range(1, self.size):
            self.others.append(self.start(self.seat.at(rank), path))
        self.connect(of_file(path, self.size))
        watch = threading.Thread(
            target=self._watch, args=(threading.get_ident(),), name="seqbench-watch", daemon=True
        )
        watch.start()

    def require_all(self) -> None:
        super().require_all()
        if any(not process.is_alive() for process in self.others):
            raise ElsewhereError

    def _unexplained(self) -> BaseException:
        for rank, process in enumerate(self.others, start=1):
            code = process.exitcode
            if not code or code == UNKNOWN:
                continue
            who = f"process {rank + 1} of {self.size}"
            if code > 0:
                return RunError(f"{who} ended with status {code}")
            name = signal.Signals(-code).name
            if name not in OUTSIDE:
                return RunError(f"{who} died of {name}")
            log.warning("%s was ended by %s", who, name)
            return Stopped(-code)
        return super()._unexplained()

    def _watch(self, caller: int) -> None:
        """See to it that this process notices the end of another, whatever it waits for."""
        wait([process.sentinel for process in self.others])
        for seconds in (NOTICE, PATIENCE):
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if self.over:
                    return
                time.sleep(0.05)
            if seconds == NOTICE:
                raise_in(caller, ElsewhereError)
        print("seqbench: another process of the training has ended", file=sys.stderr, flush=True)
        os._exit(1)  # it hangs in a device's queue; the run reads as interrupted

    def leave(self, failed: bool) -> None:
        super().leave(failed)  # whoever waits for this process sees that it is gone
        if failed:
            for process in self.others:
                process.terminate()
        until = time.monotonic() + PATIENCE
        for process in self.others:
            process.join(max(0.0, until - time.monotonic()))
            process.kill()
            process.join()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def joined(seat: Seat, backend: str, start: Start, path: str = "") -> Iterator[World]:
    """What this process and the others of its training have in common, while they are at it.

    Processes that a launcher has started meet at once; else the first starts the others when it
    needs them. path: where one that was started so finds the first.
    """
    if seat.size == 1:
        yield World()
        return
    starts = seat.leads and not seat.launched
    if starts:
        processes.server()  # it loads torch while this process reads the data
    team = Starting(seat, backend, start) if starts else Team(seat, backend)
    failed = True
    try:
        with team.explained():
            if not starts:
                if seat.devices == seat.size:
                    stay_here()
                team.connect(launchers(seat) if seat.launched else of_file(path, seat.size))
            yield team
            failed = False
    finally:
        team.over = True
        team.leave(failed)


def _told(error: BaseException) -> ToldError:
    told = ToldError(one_line(error))
    told.status = 2 if isinstance(error, UserError) else 1
    return told

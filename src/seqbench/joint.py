"""How the processes of one training are started, connected and ended: all of them, or none."""

import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

import torch.distributed as dist
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from torch._C._distributed_c10d import FileStore, PrefixStore, TCPStore
from torch.distributed.rendezvous import rendezvous

from seqbench import processes
from seqbench.errors import RunError, ToldError, UserError
from seqbench.locks import raise_in
from seqbench.seats import Seat
from seqbench.signals import Stopped
from seqbench.world import ElsewhereError, World

log = logging.getLogger(__name__)

TIMEOUT = timedelta(minutes=30)
"""After which a process that waits for another gives up. That one has died is noticed at once."""

NOTICE = 2.0
"""Seconds within which it is known why a connection broke."""

PATIENCE = 30.0
"""Seconds that a process may take to end when another one has."""

OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
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
            "text": str(error) if isinstance(error, UserError | RunError) else _line(error),
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
        with _main_hidden():
            for rank in range(1, self.size):
                self.others.append(self.start(self.seat.at(rank), path))
        self.connect(FileStore(path, self.size))
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
            if -code not in OUTSIDE:
                return RunError(f"{who} died of {signal.Signals(-code).name}")
            log.warning("%s was ended by %s", who, signal.Signals(-code).name)
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
                team.connect(_launchers_store(seat) if seat.launched else _file(path, seat.size))
            yield team
            failed = False
    finally:
        team.over = True
        team.leave(failed)


def _file(path: str, size: int) -> Any:
    return FileStore(path, size)


def _launchers_store(seat: Seat) -> Any:
    """A new part of the store that the launcher's processes share: they may train many runs."""
    store = _torchruns() if seat.launcher == "torchrun" else _sruns(seat)
    place = f"seqbench/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    turn = store.add(f"{place}/{seat.rank}", 1)
    return PrefixStore(f"{place}/{turn}", store)


@cache
def _torchruns() -> Any:
    return next(iter(rendezvous("env://", timeout=TIMEOUT)))[0]


@cache
def _sruns(seat: Seat) -> Any:
    """One that the first process has, at MASTER_ADDR and MASTER_PORT, if these are given."""
    nodes = os.environ.get("SLURM_STEP_NODELIST") or os.environ.get("SLURM_NODELIST", "127.0.0.1")
    host = os.environ.get("MASTER_ADDR") or SLURMEnvironment.resolve_root_node_address(nodes)
    # Of a job's steps each has a port of its own.
    job, step = (_digits(os.environ.get(f"SLURM_{name}_ID", "")) for name in ("JOB", "STEP"))
    port = int(os.environ.get("MASTER_PORT") or 15000 + (job + 101 * step) % 10000)
    try:
        return TCPStore(
            host, port, seat.size, is_master=seat.leads, timeout=TIMEOUT, wait_for_workers=False
        )
    except RuntimeError as error:
        raise RunError(
            f"the first process cannot be met at {host}, port {port} ({_line(error)}); set "
            "MASTER_ADDR and MASTER_PORT"
        ) from error


def _digits(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)


def stay_here() -> None:
    """Let processes on one machine speak through its loopback, whatever its name resolves to."""
    if "GLOO_SOCKET_IFNAME" not in os.environ and Path("/sys/class/net/lo").exists():
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Processes that are started within do not import the program's main module.

    A script without the usual guard would run once more in each.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def is_lost(error: BaseException) -> bool:
    """Whether this error comes of another process that has ended."""
    if isinstance(error, ElsewhereError | dist.DistBackendError | dist.DistNetworkError):
        return True
    return isinstance(error, RuntimeError) and any(x in str(error) for x in ("/gloo/", "NCCL"))


def _told(error: BaseException) -> ToldError:
    told = ToldError(_line(error))
    told.status = 2 if isinstance(error, UserError) else 1
    return told


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")

"""Who is at a run: locks and a heartbeat, which are dead when their holder is. Needs no torch.

The kernel's lock (flock) ends with its process, however that ends; a stopped process holds it
still. But on some shared file systems (Lustre, FUSE, NFS) other machines do not see it, or there
is none at all. There a heartbeat tells: the holder touches its ``status.json`` every ``BEAT``
seconds, and is taken for dead when that has not been done for ``DEAD`` seconds, by the clock of
the file system. A run's lock file says nothing by being there; a machine's restart leaves it.
"""

import ctypes
import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from filelock import FileLock, Timeout

from seqbench.errors import RunError

BEAT = 15.0
"""Seconds between two beats."""
DEAD = 4 * BEAT
"""Seconds without a beat after which a holder is dead."""
WAIT = 1.0
"""Seconds to wait for a lock: one that only asks holds it for a moment."""

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
"""What flock answers where the file system has no locks."""

STATUS = "status.json"


class TakenOverError(RunError):
    """Another process goes on with a run that this one was thought to have left."""


@dataclass(frozen=True)
class Holder:
    """A process at a run, as ``status.json`` names it.

    boot: an id of the kernel's start, "" where there is none. started: of this process's part.
    """

    pid: int
    host: str
    boot: str
    started: str

    @classmethod
    def me(cls, started: str) -> Self:
        return cls(os.getpid(), socket.gethostname(), boot(), started)

    @classmethod
    def of(cls, status: dict[str, Any]) -> Self:
        """The holder that a status names; one without a process where it names none."""
        pid, resumed = status.get("pid"), status.get("resumed")
        started = resumed[-1] if isinstance(resumed, list) and resumed else status.get("started")
        return cls(
            pid if type(pid) is int and pid > 0 else 0,
            str(status.get("host", "")),
            str(status.get("boot", "")),
            str(started),
        )

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.started}"

    @property
    def here(self) -> bool:
        """It runs, or ran, under this kernel's present start."""
        return self.boot == boot() if self.boot else self.host == socket.gethostname()

    @property
    def gone(self) -> bool:
        """No such process is here. Another host's name may be that of a container, which numbers
        its own."""
        if not self.pid or not self.here or self.host != socket.gethostname() or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except OSError:  # another user's
            pass
        return False


@cache
def boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def read(folder: Path, name: str = STATUS) -> dict[str, Any]:
    """The content of a run's ``status.json``; empty where it is torn or missing."""
    try:
        content = json.loads((folder / name).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


@contextmanager
def flock(lock: Path, seconds: float = WAIT) -> Iterator[bool]:
    """Hold the kernel's lock; False within where the file system has none.

    Raises filelock's Timeout where another process has it, OSError where there is no writing.
    """
    # Of its own accord it would go over to a lock that outlives a killed process.
    guard = FileLock(lock, timeout=seconds, fallback_to_soft=False)
    try:
        guard.acquire()
    except NotImplementedError:
        has = False
    except OSError as error:
        if isinstance(error, Timeout) or error.errno not in NO_LOCKS:
            raise
        has = False
    else:
        has = True
    try:
        yield has
    finally:
        guard.release()


def is_held(lock: Path, folder: Path) -> bool:
    """Whether a process is at the run in ``folder``, the last of those that share the lock."""
    has: bool | None = None
    if lock.exists():  # or the question would make it
        try:
            with flock(lock, 0) as has:
                pass
        except Timeout:
            return True
        except OSError:  # another user's, or a file system that is read only
            has = None
    return is_beating(folder, trusted=bool(has))


def is_beating(folder: Path, trusted: bool) -> bool:
    """Whether a process that does not hold the kernel's lock is at the run in ``folder``.

    trusted: the kernel's lock is free, so that it is no process of this kernel.
    """
    status = read(folder)
    if status.get("status") != "running":
        return False
    holder = Holder.of(status)
    if not holder.pid or (trusted and holder.here) or holder.gone:
        return False
    return age(folder / STATUS) < DEAD


def age(path: Path) -> float:
    """Seconds since a file was written or touched, either way, by its file system's own clock.

    That may differ from this machine's. Infinity where there is no such file.
    """
    probe = path.with_name(f".{uuid4().hex}.now")
    try:
        with path.open("rb") as file:  # to open it asks a network file system anew
            then = os.fstat(file.fileno()).st_mtime
    except OSError:
        return float("inf")
    try:
        with probe.open("x") as file:
            now = os.fstat(file.fileno()).st_mtime
    except OSError:  # nothing may be written there
        now = time.time()
    else:
        with suppress(OSError):
            probe.unlink()
    return abs(now - then)


def holder_of(folder: Path) -> str:
    """``is being trained by process ...``, once the run's ``status.json`` says by whom."""
    until = time.monotonic() + WAIT
    while not (status := read(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    if status.get("status") != "running":
        return "is being tested by another process" if status else "is taken by another process"
    holder = Holder.of(status)
    if holder.here:
        return f"is being trained by {holder}"
    return (
        f"is being trained by {holder} (its last sign of life is {age(folder / STATUS):.0f} s "
        f"old, and after {DEAD:.0f} it counts as dead)"
    )


def claim(folder: Path, known: int) -> bool:
    """Be the one that goes on with a run, if no other process is just about to.

    Where machines do not see each other's locks, this is what only one of them can do: make the
    file of a number. known: how many have gone on with it, by its status. Whoever has made a file
    and written no status is about to, unless that process is gone.
    """
    taken = [0, *(int(p.suffix[1:]) for p in folder.glob(".resumed.*") if p.suffix[1:].isdecimal())]
    last = max(taken)
    made = folder / f".resumed.{last}"
    if last > known and age(made) < DEAD and not Holder.of(read(folder, made.name)).gone:
        return False
    try:
        with (folder / f".resumed.{max(known, last) + 1}").open("x", encoding="utf-8") as file:
            json.dump(asdict(Holder.me("")), file)
    except FileExistsError:
        return False
    return True


def unclaim(folder: Path) -> None:
    """Remove what ``claim`` has made: nobody goes on with a finished run."""
    for file in folder.glob(".resumed.*"):
        with suppress(OSError):
            file.unlink()


@contextmanager
def beating(folder: Path, me: Holder) -> Iterator[None]:
    """Touch the run's ``status.json`` from time to time, in a thread of its own.

    A process that slept so long that another has gone on with its run, gets TakenOverError.
    """
    end, caller = threading.Event(), threading.get_ident()

    def beat() -> None:
        while not end.wait(BEAT):
            if not is_mine(folder, me):
                raise_in(caller, TakenOverError)
                return
            with suppress(OSError):  # the folder may be gone
                os.utime(folder / STATUS)

    thread = threading.Thread(target=beat, name="seqbench-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(WAIT)  # a file system that hangs shall not keep it


def is_mine(folder: Path, me: Holder) -> bool:
    """No other process has written its name into the run's ``status.json``."""
    status = read(folder)
    return not status or Holder.of(status) == me


def raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise an exception in another thread, when its next line of Python is reached."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))

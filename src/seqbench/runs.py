"""The run directory: where a run lies, who is at it, how it ended. Needs no torch.

``OUTPUT/TASK/MODEL/seed-S-HASH/`` holds ``config.yaml``, ``status.json``, ``result.json``,
``metrics.csv``, ``checkpoints/``, TensorBoard events and ``train.log``, and ``gradients.json``
where ``callbacks=gradients`` keeps it. A file is written beside its place and renamed, so that none
is ever seen half.
"""

import json
import os
import re
import shutil
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import Timeout

from seqbench import locks
from seqbench.errors import RunError, UserError
from seqbench.files import is_full, no_room, room, threads_room, write_whole
from seqbench.locks import STATUS, Holder, TakenOverError
from seqbench.signals import Pruned

SCHEMA_VERSION = 1

NETWORK, BASELINE = "network", "baseline"
"""Kinds of runs: a trained network, and what it has to beat, which is fitted at once."""


class BusyError(UserError):
    """Another process is at a run, or has just taken it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} {locks.holder_of(path)}")
        self.run = Run(path)


class Run:
    """One run directory, existing or planned."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def base(self) -> Path:
        """The directory of the first run of the same identity."""
        return self.path.with_name("-".join(self.path.name.split("-")[:3]))

    @property
    def lock(self) -> Path:
        """Held while any run of this identity lives."""
        return self.path.with_name(f".{self.base.name}.lock")

    @property
    def live(self) -> bool:
        """A process is at it; of the runs of an identity only the last can be."""
        return [run.path for run in attempts(self.base)[-1:]] == [self.path] and locks.is_held(
            self.lock, self.path
        )

    def status(self) -> str:
        """``running``, ``ok``, ``failed``, ``interrupted``, or ``unknown`` of a newer version's.

        A dead ``running`` is interrupted, and so is a run whose status or result cannot be read.
        What is no directory has failed.
        """
        if not self.path.is_dir():
            return "failed"
        content = locks.read(self.path)
        status = content.get("status")
        if is_newer(content):
            return "unknown"
        if status == "ok":
            try:
                self.result()
            except UserError:
                return "unknown"
            except (OSError, ValueError):
                status = "running"
        if status in ("failed", "interrupted", "ok"):
            return str(status)
        return "running" if self.live else "interrupted"

    def result(self) -> dict[str, Any]:
        """The result; ValueError or OSError where it is torn or missing, UserError where a newer
        version of seqbench wrote it."""
        path = self.path / "result.json"
        try:
            result = json.loads(path.read_bytes())
        except RecursionError as error:
            raise ValueError(f"{path} holds no result") from error
        if is_newer(result):
            raise UserError(
                f"{path}: of version {result['schema_version']}, this seqbench reads "
                f"{SCHEMA_VERSION}; use the version that wrote it"
            )
        if not isinstance(result, dict) or not isinstance(result.get("metrics"), dict):
            raise ValueError(f"{path} holds no result")  # noqa: TRY004  as what is torn
        return result

    def write(self, name: str, content: str) -> None:
        """Write a file of the run, whole or not at all."""
        write_whole(self.path / name, content)

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        # A list of numbers in one line, so that a matrix reads as one. No string holds a line end.
        text = re.sub(r"\[\n([\d\s.,eE+-]+)\]", lambda m: f"[{' '.join(m[1].split())}]", text)
        self.write(name, text + "\n")

    @contextmanager
    def record(
        self,
        config_yaml: str,
        resumed: int | None = None,
        group: str = "",
        kind: str = NETWORK,
    ) -> Iterator[None]:
        """Make the directory and hold it while it runs; the status tells how the block ended.

        group: the identity less the seed, kept in the status, as a run that fails has no result.
        kind: what is fitted, ``NETWORK`` or ``BASELINE``, kept there too.
        resumed: it is there, and its run goes on; how often it had gone on when that was decided,
        lest another process have done so since. What cannot be written within for want of room
        on the disk ends the block as a RunError. Raises UserError where another process is at it,
        or nothing can be written.
        """
        try:
            with room(self.path.parent):
                self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {self.path.parent}: {error.strerror}") from error
        with held(self.lock):
            status = self._begin(config_yaml, resumed, group, kind)
            me = Holder.of(status)
            try:
                with locks.beating(self.path, me), room(self.path), threads_room():
                    yield
            except TakenOverError as error:
                raise RunError(
                    f"{self.path} {locks.holder_of(self.path)}, which took this one for dead; "
                    "it ends here"
                ) from error
            except BaseException as error:
                interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
                status["status"] = "interrupted" if interrupted else "failed"
                kind = "pruned" if isinstance(error, Pruned) else type(error).__name__
                status["error"] = f"{kind}: {error}".rstrip(": ")
                status["traceback"] = None if interrupted else traceback.format_exc()
                with suppress(OSError):  # the first error is the one to tell
                    self._end(status, me)
                raise
            status["status"] = "ok"
            with room(self.path):
                self._end(status, me)
            locks.unclaim(self.path)

    def _begin(
        self, config_yaml: str, resumed: int | None, group: str, kind: str
    ) -> dict[str, Any]:
        """The status of a run that begins or goes on, written; a directory only where it could."""
        now, new = _now(), resumed is None
        before = {} if resumed is None else self._take_up(resumed)
        status: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "status": "running",
            "error": None,
            "traceback": None,
            "group": group,
            "kind": kind,
            **asdict(Holder.me(str(before.get("started", now)))),
            "resumed": [] if new else [*_times(before), now],
            "ended": None,
        }
        try:
            with room(self.path):
                if new:
                    self.path.mkdir()
                self.write_json(STATUS, status)
                self.write("config.yaml", config_yaml)
                self.checkpoints.mkdir(exist_ok=not new)
        except FileExistsError:
            raise BusyError(self.path) from None
        except BaseException:
            if new:
                shutil.rmtree(self.path, ignore_errors=True)
            raise
        return status

    @property
    def resumed(self) -> int:
        """How often it has gone on after an interruption."""
        return len(_times(locks.read(self.path)))

    @property
    def kind(self) -> str:
        """``NETWORK`` or ``BASELINE``; of what no status tells, a network."""
        return BASELINE if locks.read(self.path).get("kind") == BASELINE else NETWORK

    @property
    def said_ok(self) -> bool:
        """It was finished, whatever has become of its result since."""
        return locks.read(self.path).get("status") == "ok"

    def _take_up(self, resumed: int) -> dict[str, Any]:
        """The status of an interrupted run that this process goes on with, and no other."""
        if locks.is_beating(self.path, trusted=True):  # of a directory that was moved or renamed
            raise BusyError(self.path)
        if self.resumed != resumed or self.said_ok or not locks.claim(self.path, resumed):
            raise UserError(f"{self.path}: another process has just gone on with it; start again")
        for folder in (self.path, self.checkpoints):
            for partial in folder.glob(".*.partial"):  # of a process that was killed
                partial.unlink(missing_ok=True)
        (self.path / "bad_batch.pt").unlink(missing_ok=True)  # it may not come to that again
        return locks.read(self.path)

    def _end(self, status: dict[str, Any], me: Holder) -> None:
        """Write how it ended, if need be without room for another file."""
        if not locks.is_mine(self.path, me):
            return
        status["ended"] = _now()
        try:
            self.write_json(STATUS, status)
        except OSError as error:
            if not is_full(error):
                raise
            text = json.dumps(status | {"traceback": None})
            with (self.path / STATUS).open("r+b") as file:  # where it lies there is room
                file.write(text.encode())
                file.truncate()


def _times(status: dict[str, Any]) -> list[Any]:
    times = status.get("resumed")
    return times if isinstance(times, list) else []


def attempts(base: Path) -> list[Run]:
    """The runs of one identity, oldest first: ``base``, ``base-2``, ``base-3``, ..."""
    found = []
    path, number = base, 1
    while os.path.lexists(path):
        found.append(Run(path))
        number += 1
        path = base.with_name(f"{base.name}-{number}")
    return found


def following(base: Path) -> Run:
    """The run directory that comes after all attempts there are; not made yet."""
    number = len(attempts(base)) + 1
    return Run(base if number == 1 else base.with_name(f"{base.name}-{number}"))


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold a run's lock; UserError, which names the process, if another has it."""
    base = lock.with_name(lock.name[1:-5])
    with ExitStack() as stack:
        try:
            has = stack.enter_context(locks.flock(lock))
        except Timeout:
            raise busy(base) from None
        except OSError as error:
            if is_full(error):
                raise no_room(error, lock) from error
            raise UserError(f"{lock}: cannot be locked: {error.strerror}") from error
        if any(locks.is_beating(run.path, trusted=has) for run in attempts(base)[-1:]):
            raise busy(base)
        yield


def busy(base: Path) -> "BusyError":
    """Who is at the last run of an identity, for one that may not be there too."""
    return BusyError([Run(base), *attempts(base)][-1].path)


def is_newer(content: Any) -> bool:
    """Whether a newer version of seqbench wrote the content of a file."""
    version = content.get("schema_version") if isinstance(content, dict) else None
    return isinstance(version, int) and version > SCHEMA_VERSION


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

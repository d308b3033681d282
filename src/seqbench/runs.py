"""The run directory: where a run lies, what it is the same as, how it ended. Needs no torch.

``OUTPUT/TASK/MODEL/seed-S-HASH/`` holds ``config.yaml``, ``status.json``, ``result.json``,
``metrics.csv``, ``checkpoints/``, TensorBoard events and ``train.log``, and ``gradients.json``
where ``callbacks=gradients`` keeps it. A file is written beside its place and renamed, so that none
is ever seen half.
"""

import hashlib
import json
import os
import re
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from seqbench.errors import UserError
from seqbench.files import write_whole

SCHEMA_VERSION = 1

NOT_IDENTITY = (
    "names.experiment",
    "logger",
    "callbacks.samples",
    "paths",
    "progress",
    "force",
    "test",
    "task.path",
    "task.folder",
    "task.hub",
    "task.built_in",
    "task.num_workers",
    "model.embedding.path",
    "callbacks.decoded",
    "callbacks.forecasts",
    "callbacks.gradients",
    "callbacks.checkpoint.every_n_steps",
    "callbacks.checkpoint.every_minutes",
    "resume",
    "trust",
    "trainer.log_every_n_steps",
)
"""Keys that change nothing of what is trained: where from, where to, how it is shown. Data
and vectors stand in the identity by their content instead of their place."""

COUNT_OR_SHARE = ("limit_train_batches", "limit_val_batches", "val_check_interval")
"""Keys of Lightning's trainer of which 1 is one batch and 1.0 are all."""


def identity(config: dict[str, Any], fingerprint: str, sources: dict[str, str]) -> str:
    """Digest of all that decides a run's outcome: config, data, source of the cell and task."""
    return _digest({"config": without(config, *NOT_IDENTITY), "data": fingerprint, **sources})


def group(config: dict[str, Any], fingerprint: str, sources: dict[str, str]) -> str:
    """The identity less the seed: what a report may average over."""
    return identity(without(config, "seed"), fingerprint, sources)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()[:10]


def _plain(value: Any) -> Any:
    """The same value with whole floats as integers: ``dropout=0`` is ``dropout=0.0``."""
    if isinstance(value, dict):
        return {k: inner if k in COUNT_OR_SHARE else _plain(inner) for k, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def without(config: dict[str, Any], *names: str) -> dict[str, Any]:
    """A copy of ``config`` that lacks the keys named (dotted)."""
    result = dict(config)
    for name in names:
        key, _, rest = name.partition(".")
        if rest and isinstance(result.get(key), dict):
            result[key] = without(result[key], rest)
        elif not rest:
            result.pop(key, None)
    return result


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
        return _held(self.lock) and attempts(self.base)[-1].path == self.path

    def status(self) -> str:
        """``running``, ``ok``, ``failed`` or ``interrupted``.

        A dead ``running`` is interrupted, and so is a run whose status or result cannot be read.
        """
        try:
            status = str(json.loads((self.path / "status.json").read_text("utf-8"))["status"])
            if status == "ok":
                self.result()
        except (OSError, ValueError, KeyError, TypeError):
            status = "running"
        return "interrupted" if status == "running" and not self.live else status

    def result(self) -> dict[str, Any]:
        """The result; ValueError or OSError where it is torn or missing."""
        result = json.loads((self.path / "result.json").read_text("utf-8"))
        if not isinstance(result, dict) or "metrics" not in result:
            raise ValueError(f"{self.path / 'result.json'} holds no result")
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
    def record(self, config_yaml: str, resumed: bool = False) -> Iterator[None]:
        """Make the directory and hold it while it runs; the status tells how the block ended."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {self.path.parent}: {error.strerror}") from error
        with held(self.lock):
            try:
                self.path.mkdir(exist_ok=resumed)
            except FileExistsError:
                raise UserError(f"{self.path} was just made by another process") from None
            status: dict[str, Any] = {
                "schema_version": SCHEMA_VERSION,
                "status": "running",
                "error": None,
                "traceback": None,
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "started": _now(),
                "ended": None,
            }
            self.write_json("status.json", status)
            self.write("config.yaml", config_yaml)
            self.checkpoints.mkdir(exist_ok=resumed)
            try:
                yield
            except BaseException as error:
                interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
                status["status"] = "interrupted" if interrupted else "failed"
                status["error"] = f"{type(error).__name__}: {error}".rstrip(": ")
                status["traceback"] = None if interrupted else traceback.format_exc()
                raise
            else:
                status["status"] = "ok"
            finally:
                status["ended"] = _now()
                self.write_json("status.json", status)


def attempts(base: Path) -> list[Run]:
    """The runs of one identity, oldest first: ``base``, ``base-2``, ``base-3``, ..."""
    found = []
    path, number = base, 1
    while path.exists():
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
    """Hold a run's lock; UserError if another process does."""
    try:
        with FileLock(lock, timeout=1):  # one that only asks holds it for a moment
            yield
    except Timeout:
        raise UserError(f"{lock.parent / lock.name[1:-5]} is being trained by a process") from None


def _held(lock: Path) -> bool:
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""A directory that is either complete and unchanged, or built anew."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from seqbench.errors import UserError, short
from seqbench.files import is_full, room, sync, sync_folder, write_whole
from seqbench.locks import flock

log = logging.getLogger(__name__)

CHECKSUMS = "checksums.json"


def digest(values: Any) -> str:
    """Hexadecimal SHA-256 of plain values, whatever the order of a dict's keys."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached(directory: Path, build: Callable[[Path], None]) -> Path:
    """``directory``, after ``build(empty_directory)`` has filled it if it is absent or damaged.

    ``build`` fills a directory of another name, which is renamed when its files' checksums stand
    in it: an interrupted build is never taken for a whole one, and an error leaves none. A lock
    lets one process build while others wait for it.

    Raises ``UserError`` where the cache cannot be written, ``RunError`` where its disk is full.
    """
    with room(directory.parent), _locked(directory) as alone:
        if os.path.lexists(directory):
            if _intact(directory):
                return directory
            log.info("the cache %s is damaged: it is built anew", directory)
            _remove(directory)
        building = directory.with_name(directory.name + ".building")
        if alone:
            _remove(building)  # of a process that was killed
        else:
            building = building.with_name(f"{building.name}-{uuid4().hex}")
        try:
            building.mkdir()
            build(building)
            sums = {}
            for file in sorted(building.iterdir()):
                sync(file)
                sums[file.name] = file_digest(file)
            write_whole(building / CHECKSUMS, json.dumps(sums, indent=1))
            try:
                building.rename(directory)
            except OSError:
                if not _intact(directory):  # another process may have built it meanwhile
                    raise
            sync_folder(directory.parent)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return directory


@contextmanager
def _locked(directory: Path) -> Iterator[bool]:
    """Wait until no other process is at the directory, and keep it from others.

    False within where the file system has no locks.
    """
    with ExitStack() as stack:
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            lock = directory.with_name(directory.name + ".lock")
            alone = stack.enter_context(flock(lock, seconds=-1))
        except OSError as error:
            if is_full(error):
                raise
            raise UserError(
                f"cannot write the cache {directory.parent}: {error.strerror}; "
                "set SEQBENCH_CACHE_DIR to a directory that can be written"
            ) from error
        yield alone


def _remove(path: Path) -> None:
    """Take away whatever lies there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def reading(directory: Path) -> Iterator[None]:
    """What ``cached`` gave is read within it.

    Raises ``UserError`` where something else stands there than was built: checksums tell what has
    changed, not who wrote it.
    """
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"the cache {directory} holds something else than was built there ({short(cause)}); "
            "remove it"
        ) from error


def array(path: Path) -> npt.NDArray[np.integer]:
    """The whole numbers of a file of NumPy's, mapped; ValueError for anything else.

    Nothing in it is run, as objects in an array would be.
    """
    found: npt.NDArray[np.integer] = np.lib.format.open_memmap(path, mode="r")
    if found.dtype.kind not in "iu":
        raise ValueError(f"{path.name} has numbers of the type {found.dtype}")
    return found


def words(values: Any) -> tuple[str, ...]:
    """A list of texts as JSON gave it; TypeError for anything else."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("no list of words")
    return tuple(values)


def _intact(directory: Path) -> bool:
    try:
        sums: dict[str, str] = json.loads((directory / CHECKSUMS).read_text(encoding="utf-8"))
        # Of the files that lie here: a name could lead elsewhere.
        here = {file.name for file in directory.iterdir()}
        there = bool(sums) and sums.keys() <= here
        return there and all(file_digest(directory / k) == v for k, v in sums.items())
    except (OSError, ValueError, AttributeError, RecursionError):
        return False

"""The folders that seqbench writes to: the cache, and the runs. What is tried is removed again."""

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from seqbench.errors import UserError, place
from seqbench.examining.configs import composing
from seqbench.examining.section import Section
from seqbench.files import is_full
from seqbench.locks import flock, is_held

LITTLE = 1 << 30
"""Bytes below which a disk is nearly full: checkpoints and encoded data are of this order."""

COUNTING = 2.0
"""Seconds to add up a folder's files in."""


@dataclass(frozen=True)
class Size:
    """bytes: of all files, or of those counted in time. whole: it is of all."""

    bytes: int
    whole: bool


def examine(outputs: str | None = None) -> Section:
    """outputs: where the runs are; None: where a command line without a word would put them."""
    with composing() as compose:
        paths = compose("train")["paths"]
    section = Section({"folders": []})
    for name, path, remedy in (
        ("cache", paths["cache_dir"], "set SEQBENCH_CACHE_DIR to another"),
        ("outputs", outputs or paths["output_dir"], "set paths.output_dir to another"),
    ):
        section.content["folders"].append(_folder(section, name, path, remedy))
    return section


def _folder(section: Section, name: str, given: str, remedy: str) -> dict[str, Any]:
    """What is not there yet is judged by the nearest folder above it."""
    told: dict[str, Any] = dict.fromkeys(
        ("exists", "writable", "why", "free_bytes", "locks", "bytes", "whole")
    )
    told = {"name": name, "path": given} | told
    try:
        path = place(given).absolute()
    except UserError as error:
        section.wrong(f"the folder {name}: {error}", remedy)
        return told | {"why": str(error), "writable": False}
    told["path"], told["exists"] = str(path), path.is_dir()
    there = path
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if path.is_dir():
        size = size_of(path)
        told |= {"bytes": size.bytes, "whole": size.whole}
    try:
        told["free_bytes"] = shutil.disk_usage(there).free
        told |= {"locks": _tried(there), "writable": True}
    except OSError as error:
        told |= {"writable": False, "why": error.strerror or type(error).__name__}
        full = "free some space, or " if is_full(error) else ""
        section.wrong(f"cannot write to the folder {name}, {path}: {told['why']}", full + remedy)
        return told
    if told["free_bytes"] < LITTLE:
        what = f"{told['free_bytes'] / 2**20:.0f} MiB are free on the disk of {name}, {path}"
        section.wrong(what, f"free some, or {remedy}")
    if not told["locks"]:
        section.wrong(
            f"the file system of {name}, {path}, has no working locks",
            f"let no two processes train the same run there, or {remedy}",
        )
    return told


def _tried(folder: Path) -> bool:
    """Write a file, and lock it: whether a second lock is then refused. OSError for no writing."""
    probe = folder / f".{uuid4().hex}.doctor"
    try:
        with probe.open("xb") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
        with flock(probe, 0) as has:
            return has and is_held(probe, folder)
    finally:
        with suppress(OSError):
            probe.unlink()


def size_of(path: Path, seconds: float = COUNTING) -> Size:
    """Of a file, or of all files below a folder; links are not followed."""
    until = time.monotonic() + seconds
    if not path.is_dir():
        return Size(path.stat().st_size, True)
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118
            except OSError:  # it is gone meanwhile
                continue
        if time.monotonic() > until:
            return Size(total, False)
    return Size(total, True)

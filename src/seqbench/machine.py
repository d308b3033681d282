"""The processor and memory of this machine, and what this process may use of them. Needs no torch.

Where a system does not tell, None stands.
"""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")


def processor() -> str:
    """Its name, or at least its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@dataclass(frozen=True)
class Memory:
    """Bytes: all there is, and what a program could get now."""

    total: int | None
    available: int | None


def memory(root: Path = ROOT) -> Memory:
    """That of the machine, whatever a process may use of it. root: where /proc is."""
    try:
        lines = (root / "proc/meminfo").read_text("ascii").splitlines()
        found = {name: int(rest.split()[0]) * 1024 for name, _, rest in map(_field, lines)}
    except (OSError, ValueError, IndexError):
        return Memory(_physical(), None)
    return Memory(found.get("MemTotal"), found.get("MemAvailable"))


def _field(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


@dataclass(frozen=True)
class Limits:
    """What a control group, as of a container or a job, leaves to this process.

    cores: as many as it may use at a time, perhaps not a whole number. memory: bytes. used: of
    these, by the whole group.
    """

    cores: float | None = None
    memory: int | None = None
    used: int | None = None


def limits(root: Path = ROOT) -> Limits:
    """The narrowest of the limits of this process's control groups, of either version of them.

    root: where /proc and /sys are.
    """
    cores: list[float] = []
    sizes: list[tuple[int, int | None]] = []
    for folder in _groups(root, "cpu"):
        share = _numbers(folder, "cpu.max") or [
            number
            for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            for number in _numbers(folder, name)
        ]
        if len(share) == 2 and min(share) > 0:
            cores.append(share[0] / share[1])
    for folder in _groups(root, "memory"):
        for most, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            size = _numbers(folder, most)
            if size and 0 < size[0] < 1 << 60:  # the first version says "none" by a huge number
                sizes.append((size[0], next(iter(_numbers(folder, used)), None)))
    least, now = min(sizes, key=lambda pair: pair[0], default=(None, None))
    return Limits(min(cores, default=None), least, now)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control groups, each with those that it lies in."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    base = root / "sys/fs/cgroup"
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            top = base if (base / "cgroup.controllers").exists() else base / "unified"
        elif controller in controllers.split(","):
            top = next((p for p in (base / controllers, base / controller) if p.is_dir()), base)
        else:
            continue
        # Within a container the path may be the host's, of which nothing is to be seen here.
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for count in range(len(parts), -1, -1):
            yield top.joinpath(*parts[:count])


def _numbers(folder: Path, name: str) -> list[int]:
    """The numbers of a file, ``max`` as -1; none where there is no such file, or other content."""
    try:
        words = (folder / name).read_text("ascii").split()
        return [-1 if word == "max" else int(word) for word in words]
    except (OSError, ValueError):
        return []

"""What control groups leave to a process, by the files of a kernel."""

import os
from pathlib import Path

import pytest

from seqbench import machine
from seqbench.machine import Limits, Memory, limits, memory

GIB = 1 << 30


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V2 = {
    "proc/self/cgroup": "0::/jobs/seven\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory",
    "sys/fs/cgroup/jobs/cpu.max": "250000 100000\n",
    "sys/fs/cgroup/jobs/memory.max": f"{8 * GIB}\n",
    "sys/fs/cgroup/jobs/memory.current": f"{3 * GIB}\n",
    "sys/fs/cgroup/jobs/seven/cpu.max": "max 100000\n",
    "sys/fs/cgroup/jobs/seven/memory.max": "max\n",
    "sys/fs/cgroup/jobs/seven/memory.current": "5\n",
}
V1 = {
    "proc/self/cgroup": "9:name=systemd:/\n4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n",
    "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "150000\n",
    "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/memory/box/memory.limit_in_bytes": f"{2 * GIB}\n",
    "sys/fs/cgroup/memory/box/memory.usage_in_bytes": f"{GIB}\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
}
IN_A_CONTAINER = {  # the host's path is told, of which only the end is to be seen
    "proc/self/cgroup": "0::/../../docker/abc\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory",
    "sys/fs/cgroup/cpu.max": "50000 100000\n",
}


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (V2, Limits(2.5, 8 * GIB, 3 * GIB)),
        (V1, Limits(1.5, 2 * GIB, GIB)),
        (IN_A_CONTAINER, Limits(0.5, None, None)),
        ({"proc/self/cgroup": "0::/\nnonsense\n\n"}, Limits()),
        (V2 | {"sys/fs/cgroup/jobs/cpu.max": "much\n"}, Limits(None, 8 * GIB, 3 * GIB)),
        ({}, Limits()),
    ],
)
def test_the_narrowest_limit_counts(tmp_path: Path, files: dict[str, str], wanted: Limits) -> None:
    assert limits(tree(tmp_path, files)) == wanted


def test_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\nHugePages_Total: 0\n"
    assert memory(tree(tmp_path, {"proc/meminfo": text})) == Memory(2 << 20, 1 << 20)
    without = memory(tmp_path / "nowhere")
    assert without.available is None
    assert without.total == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    monkeypatch.delattr(os, "sysconf")
    assert memory(tmp_path / "nowhere") == Memory(None, None)


def test_the_processor_has_a_name() -> None:
    assert machine.processor()

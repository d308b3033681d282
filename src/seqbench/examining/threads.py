"""How many threads torch would use, and who says so."""

import os

import torch

from seqbench import machine, processes
from seqbench.examining.section import Section

VARIABLES = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OMP_DYNAMIC",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "OMP_WAIT_POLICY",
    "GOMP_CPU_AFFINITY",
    "GOMP_SPINCOUNT",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MALLOC_ARENA_MAX",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_MAX_",
)


def examine(own_spincount: bool) -> Section:
    """own_spincount: seqbench itself has set GOMP_SPINCOUNT (see ``commands.share_cores``)."""
    section = Section(
        {
            "intraop": torch.get_num_threads(),
            "interop": torch.get_num_interop_threads(),
            "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
            "spincount_is_seqbenchs": own_spincount,
        }
    )
    limit = machine.limits().cores
    usable = processes.cores() if limit is None else min(limit, processes.cores())
    if torch.get_num_threads() > max(1, usable):
        section.wrong(
            f"torch uses {torch.get_num_threads()} threads, where this process may use "
            f"{usable:g} cores at a time",
            f"set threads={max(1, int(usable))}, or OMP_NUM_THREADS",
        )
    return section

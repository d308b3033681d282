"""Where the processes of one training find each other. What they then say goes other ways."""

import os
import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from torch._C._distributed_c10d import FileStore, PrefixStore, TCPStore
from torch.distributed.rendezvous import rendezvous

from seqbench.errors import RunError
from seqbench.seats import Seat

TIMEOUT = timedelta(minutes=30)
"""After which a process that waits for another gives up. That one has died is noticed at once."""


def of_file(path: str, size: int) -> Any:
    """A store of so many processes on one machine."""
    return FileStore(path, size)


def launchers(seat: Seat) -> Any:
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
            f"the first process cannot be met at {host}, port {port} ({one_line(error)}); set "
            "MASTER_ADDR and MASTER_PORT"
        ) from error


def _digits(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)


def stay_here() -> None:
    """Let processes on one machine speak through its loopback, whatever its name resolves to."""
    if "GLOO_SOCKET_IFNAME" not in os.environ and Path("/sys/class/net/lo").exists():
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"


def one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")

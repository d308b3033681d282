"""What can start many runs, or one on several devices; what the others lack."""

import os
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from hydra_plugins.seqbench.clusters import knock, require_slurm
from seqbench.errors import UserError
from seqbench.examining.configs import names
from seqbench.examining.section import Problem, Section, one_line
from seqbench.examining.versions import Declared, declared
from seqbench.hints import PLUGINS
from seqbench.isolation import isolated
from seqbench.meeting import stay_here

PROGRAMS = ("tensorboard", "torchrun", "srun", "sbatch", "nvidia-smi")

CONNECTING = 2.0
"""Seconds that a cluster has to answer."""


def examine(gpus: int, quick: bool = False) -> Section:
    """gpus: how many torch can use. quick: no process group is made."""
    wanted = declared()
    launchers = [_told(name) for name in names("hydra/launcher")]
    launchers += [_told(name, _lacks(name, extra, wanted)) for name, extra in PLUGINS.items()]
    section = Section({"launchers": launchers, "ddp": _ddp(gpus, quick)})
    for each in section.content["ddp"]:
        if each["failed"]:
            what = f"trainer=ddp by {each['name']}: {each['why']}"
            section.wrong(what, "set GLOO_SOCKET_IFNAME to a network interface of this machine")
    section.content["programs"] = {name: program(name) for name in PROGRAMS}
    return section


def _told(name: str, why: str | None = None) -> dict[str, Any]:
    return {"name": name, "usable": why is None, "why": why}


def _lacks(name: str, extra: str, wanted: Declared) -> str | None:
    """Why a launcher that others bring cannot be used; None where it can."""
    packages = wanted.extra(extra)
    lacking = [str(package) for package in packages if not package.fits]
    if lacking or not packages:
        return f"{', '.join(lacking) or extra} missing; pip install 'seqbench[{extra}]'"
    try:
        if name == "submitit_slurm":
            require_slurm()
            if not shutil.which("sbatch"):
                return "there is no sbatch here"
        if name == "ray":
            knock(os.environ.get("RAY_ADDRESS"), CONNECTING)
    except UserError as error:
        return Problem.of(str(error).partition(": ")[2]).what
    except OSError as error:
        return f"nobody answers at RAY_ADDRESS ({error.strerror or one_line(error)})"
    return None


def _ddp(gpus: int, quick: bool) -> list[dict[str, Any]]:
    """failed: it is there, was tried, and does not work."""
    gloo = dist.is_available() and dist.is_gloo_available()
    nccl = dist.is_available() and dist.is_nccl_available()
    failed = None if quick or not gloo else _try_gloo()
    without = "torch is built without it"
    why_not = None if nccl and gpus else f"{gpus} GPUs here" if nccl else without
    return [
        _told("gloo", failed if gloo else without) | {"failed": failed is not None},
        _told("nccl", why_not) | {"failed": False},
    ]


def _try_gloo() -> str | None:
    """Why a process, alone, cannot make a group; it is told how on one machine."""
    if dist.is_initialized():
        return None
    from torch._C._distributed_c10d import HashStore

    with isolated(1):
        stay_here()
        try:
            dist.init_process_group(
                "gloo", store=HashStore(), rank=0, world_size=1, timeout=timedelta(seconds=10)
            )
            dist.all_reduce(torch.ones(1))
        except RuntimeError as error:
            return one_line(error)
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()
    return None


def program(name: str) -> dict[str, Any]:
    """on_path: the shell finds it; else it lies beside this Python, or nowhere."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name)
    return {"path": found or shutil.which(name, path=beside), "on_path": found is not None}

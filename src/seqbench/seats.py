"""Which of several processes of one training this is, and who started them. Needs no torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from seqbench.errors import ToldError, UserError

Launcher = Literal["", "torchrun", "srun"]

TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
SRUN = ("SLURM_STEP_ID", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID")
"""Variables that tell a process its place. Within a job of Slurm's all but the step's id are there
even where ``srun`` has started nothing."""


@dataclass(frozen=True)
class Seat:
    """A process's place among those that train one network.

    rank: from 0, of ``size`` processes; local: the same on its machine, of ``devices``. launcher:
    who has started all of them; "" where the first starts the others itself.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    devices: int = 1
    launcher: Launcher = ""

    @property
    def leads(self) -> bool:
        """It decides, writes and tells; the others only train."""
        return self.rank == 0

    @property
    def launched(self) -> bool:
        return self.size > 1 and self.launcher != ""

    def at(self, rank: int) -> Self:
        """That of another process on a single machine."""
        return replace(self, rank=rank, local=rank)


def find(node: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Seat:
    """The seat that a trainer's settings and the environment give this process.

    Raises UserError where several devices are asked for in another way than by ``trainer=ddp``,
    and where a launcher has started another number of processes than the settings say.
    """
    devices, nodes = _devices(node), _whole(node, "num_nodes")
    started = _started(environ)
    if node.get("strategy", "auto") != "ddp":
        _require_one(node, devices, nodes, started)
        return Seat()
    if devices is None:
        raise UserError(
            f"trainer.devices={node.get('devices')}: trainer=ddp takes a number, since it decides "
            "how many rows are in a step; set trainer.devices=2 or more"
        )
    size = devices * nodes
    if started is None:
        if nodes > 1:
            raise UserError(
                f"trainer.num_nodes={nodes}: of several machines torchrun or srun has to start the "
                "processes; see README.md"
            )
        return Seat(size=size, devices=devices)
    agrees = started.size == size and started.devices in (0, devices)
    if not agrees:
        each = f", {started.devices} on each machine" * (started.devices > 0)
        wrong = UserError if started.leads else ToldError
        raise wrong(
            f"{started.launcher} has started {started.size} processes{each}, but trainer.devices="
            f"{devices} trainer.num_nodes={nodes} are {size}; make them agree"
        )
    return replace(started, devices=devices)


def leads(config: Mapping[str, Any]) -> bool:
    """Whether this process tells what comes of a run of this config that went well."""
    return find(config["trainer"]).leads


def _require_one(
    node: Mapping[str, Any], devices: int | None, nodes: int, started: Seat | None
) -> None:
    strategy = node.get("strategy", "auto")
    if strategy != "auto":
        raise UserError(f"trainer.strategy={strategy}: several devices train by trainer=ddp alone")
    if (devices or 1) > 1 or nodes > 1:
        key, number = ("devices", devices) if (devices or 1) > 1 else ("num_nodes", nodes)
        raise UserError(
            f"trainer.{key}={number}: one training on several devices is trainer=ddp "
            f"trainer.{key}={number}"
        )
    if started is not None and started.launcher == "torchrun":
        wrong = UserError if started.leads else ToldError
        raise wrong(
            f"torchrun has started {started.size} processes; add trainer=ddp trainer.devices="
            f"{started.devices or started.size}, or start one without it"
        )


def _started(environ: Mapping[str, str]) -> Seat | None:
    """What a launcher says; ``devices`` is 0 where it doesn't. None where there is none, or it has
    started a single process."""
    if all(name in environ for name in TORCHRUN):
        rank, size, local = (_number(environ, name) for name in TORCHRUN[:3])
        each = _number(environ, "LOCAL_WORLD_SIZE") if "LOCAL_WORLD_SIZE" in environ else 0
        seat = Seat(rank, size, local, each, "torchrun")
    elif all(name in environ for name in SRUN):
        rank, size, local = (_number(environ, name) for name in SRUN[1:])
        seat = Seat(rank, size, local, 0, "srun")
    else:
        return None
    return seat if seat.size > 1 else None


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ[name]
    if not text.isdecimal():
        raise UserError(f"{name}={text} in the environment is no number")
    return int(text)


def _devices(node: Mapping[str, Any]) -> int | None:
    """How many on each machine; None where only the machine would tell."""
    given = node.get("devices", 1)
    if isinstance(given, list | tuple):
        return len(given)
    if isinstance(given, str) and given.isdecimal():
        given = int(given)
    return given if type(given) is int and given > 0 else None


def _whole(node: Mapping[str, Any], key: str) -> int:
    given = node.get(key, 1)
    if type(given) is not int or given < 1:
        raise UserError(f"trainer.{key}={given}: should be 1 or more")
    return given

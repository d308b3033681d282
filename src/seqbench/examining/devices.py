"""What there is to compute on: processor, memory, GPUs."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from seqbench import machine, processes
from seqbench.errors import short
from seqbench.examining import probe
from seqbench.examining.section import Section

SECONDS = 60.0
"""How long a driver has to answer."""

VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "CUDA_HOME",
    "PYTORCH_CUDA_ALLOC_CONF",
)


@dataclass(frozen=True)
class Driver:
    """What NVIDIA's own program says. cuda: the newest that the driver knows. why: it says no more.

    gpus: the names of those it sees.
    """

    version: str | None = None
    cuda: str | None = None
    gpus: tuple[str, ...] = ()
    why: str | None = None


def examine() -> Section:
    section = Section()
    section.content["cpu"] = _cpu(section)
    section.content["cuda"] = _cuda(section)
    section.content["mps"] = _mps()
    section.content["environment"] = {n: os.environ[n] for n in VARIABLES if n in os.environ}
    return section


def _cpu(section: Section) -> dict[str, Any]:
    memory, limits = machine.memory(), machine.limits()
    left = None if limits.memory is None else limits.memory - (limits.used or 0)
    available = min((n for n in (memory.available, left) if n is not None), default=None)
    if available is not None and available < 1 << 30:
        section.wrong(
            f"{available / 2**20:.0f} MiB of memory are to be had",
            "end other programs, or ask for a larger container or job",
        )
    return {
        "processor": machine.processor(),
        "cores": os.cpu_count(),
        "usable_cores": processes.cores(),
        "limit_cores": limits.cores,
        "memory_bytes": memory.total,
        "available_bytes": available,
        "limit_bytes": limits.memory,
    }


def _cuda(section: Section) -> dict[str, Any]:
    """built: whether torch is. why: there is no device that torch can use."""
    driver = nvidia()
    built = torch.version.cuda or torch.version.hip
    found: dict[str, Any] = {
        "built": built,
        "driver": asdict(driver) | {"gpus": [*driver.gpus]},
        "devices": [],
        "why": None,
    }
    if not built:
        found["why"] = "torch is built for CPUs alone"
        if driver.gpus:
            section.wrong(
                f"there is a GPU ({driver.gpus[0]}), but torch is built for CPUs alone",
                "install torch for CUDA: https://pytorch.org/get-started/locally/",
            )
    elif not (torch.version.hip or _signs(driver)):
        found["why"] = "no NVIDIA driver here"
    else:
        looked = _probed()
        found |= looked
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
        if hidden and not looked["devices"]:
            found["why"] = "CUDA_VISIBLE_DEVICES hides all"
        elif looked["why"]:
            section.wrong(f"CUDA does not work: {looked['why']}", _against(driver))
        for device in looked["devices"]:
            _judge(section, device, driver)
    if driver.why and not any(device["why"] is None for device in found["devices"]):
        section.wrong(f"nvidia-smi fails: {driver.why}", _against(driver))
    return found


def _judge(section: Section, device: dict[str, Any], driver: Driver) -> None:
    if device["compiled"] is False:
        section.wrong(
            f"torch {torch.__version__} has no kernels for {device['name']} (capability "
            f"{device['capability']})",
            "install a torch that has: https://pytorch.org/get-started/locally/",
        )
    elif device["why"]:
        section.wrong(f"{device['name'] or 'a GPU'} fails: {device['why']}", _against(driver))


def _against(driver: Driver) -> str:
    """What to do about a driver, by the CUDA that it knows and the one that torch is built for."""
    built, known = (re.match(r"\d+", text or "") for text in (torch.version.cuda, driver.cuda))
    if built and known and int(known[0]) < int(built[0]):
        return (
            f"the driver knows CUDA {driver.cuda}, torch is built for {torch.version.cuda}: update "
            f"the driver, or install torch for CUDA {known[0]}"
        )
    return "update the GPU's driver, or restart the machine if that was done; trainer=cpu works"


def _signs(driver: Driver) -> bool:
    """Of an NVIDIA driver: without any, torch need not be asked."""
    files = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")
    return bool(driver.version or driver.why or any(Path(file).exists() for file in files))


def nvidia() -> Driver:
    """Nothing where there is no nvidia-smi."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Driver()
    try:
        ended = subprocess.run(
            [program, "-q"], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Driver(why=short(" ".join(str(error).split())))
    text = ended.stdout
    version, cuda = (
        match[1] if (match := re.search(rf"^{name}\s*:\s*(\d[\w.]*)", text, re.M)) else None
        for name in ("Driver Version", "CUDA Version")
    )
    names = re.findall(r"^\s+Product Name\s*:\s*(.+?)\s*$", text, re.M)
    why = None
    if ended.returncode or not version:
        said = " ".join((text + ended.stderr).split())
        why = short(said or f"it ends with status {ended.returncode}")
    return Driver(version, cuda, tuple(names), why)


def _probed() -> dict[str, Any]:
    """What a process of its own finds; that it has crashed or hangs, if it does."""
    nothing: dict[str, Any] = {"devices": [], "warned": []}
    command = [sys.executable, "-P", str(probe.__file__)]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return nothing | {"why": f"the driver does not answer within {SECONDS:.0f} s"}
    try:
        found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        said = " ".join(ended.stderr.split())[-200:]
        how = processes.end_of(ended.returncode).partition(";")[0]
        return nothing | {"why": f"{how}: {said}" if said else how}
    return found


def _mps() -> dict[str, Any]:
    built, usable = torch.backends.mps.is_built(), torch.backends.mps.is_available()
    why = None if usable else "this macOS or machine has none"
    return {"built": built, "usable": usable, "why": why if built else "no macOS build of torch"}

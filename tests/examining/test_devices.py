"""GPUs whose drivers work, are too old, crash or hang: stand-ins for torch and nvidia-smi."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench import machine
from seqbench.examining import devices, threads
from seqbench.examining.section import Section
from seqbench.machine import Limits

TORCH = '''
"""As much of torch as the probe asks for."""
import os, sys, time, types, warnings

version = types.SimpleNamespace(cuda="12.8", hip=None)

class Cube:
    def __matmul__(self, other):
        return self
    def sum(self):
        return self
    def item(self):
        return 512 if os.environ["FAKE"] != "wrong" else 3

def ones(*size, device):
    if os.environ["FAKE"] == "launch":
        raise RuntimeError("CUDA error: no kernel image is available")
    return Cube()

class cuda:
    @staticmethod
    def init():
        how = os.environ["FAKE"]
        if how == "old":
            warnings.warn("CUDA initialization: the driver is old")
            raise RuntimeError("The NVIDIA driver is too old\\n(found version 11040).")
        if how == "crash":
            print("libcuda: oh no", file=sys.stderr, flush=True)
            os.kill(os.getpid(), 11)
        if how == "hang":
            time.sleep(60)
    @staticmethod
    def device_count():
        return 0 if os.environ["FAKE"] == "hidden" else 1
    @staticmethod
    def get_device_properties(index):
        return types.SimpleNamespace(name="Card 9", total_memory=8 << 30, major=9, minor=0)
    @staticmethod
    def mem_get_info(index):
        return 6 << 30, 8 << 30
    @staticmethod
    def get_arch_list():
        return {"arch": ["sm_70", "sm_120"], "ptx": ["sm_70", "compute_80"]}.get(
            os.environ["FAKE"], ["sm_80", "sm_90a"]
        )
'''
SMI = """cat <<END
==============NVSMI LOG==============

Driver Version                            : {driver}
CUDA Version                              : {cuda}

Attached GPUs                             : 1
GPU 00000000:65:00.0
    Product Name                          : Card 9
    Product Brand                         : Card
END
"""


@pytest.fixture
def machine_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``machine_with(fake, smi, built)``: torch behaves as ``fake`` says, nvidia-smi as ``smi``."""
    programs, packages = tmp_path / "bin", tmp_path / "packages"
    programs.mkdir()
    packages.mkdir()
    (packages / "torch.py").write_text(TORCH)
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def make(
        fake: str, smi: str = SMI.format(driver="570.1", cuda="12.8"), built: str | None = "12.8"
    ) -> Section:
        monkeypatch.setenv("FAKE", fake)
        monkeypatch.setattr(torch.version, "cuda", built)
        if smi:
            (programs / "nvidia-smi").write_text(f"#!/bin/sh\n{smi}\n")
            (programs / "nvidia-smi").chmod(0o755)
        return devices.examine()

    return make


def told(section: Section) -> list[str]:
    """Problems of GPUs, whatever the memory of the machine that the tests run on."""
    return [f"{each.what}; {each.do}" for each in section.problems if "of memory" not in each.what]


def test_a_gpu_that_works(machine_with: Any) -> None:
    found = machine_with("good")
    assert told(found) == []
    cuda = found.content["cuda"]
    assert cuda["driver"] == {"version": "570.1", "cuda": "12.8", "gpus": ["Card 9"], "why": None}
    assert cuda["devices"] == [
        {
            "name": "Card 9",
            "memory_bytes": 8 << 30,
            "free_bytes": 6 << 30,
            "capability": "9.0",
            "compiled": True,
            "why": None,
        }
    ]
    assert cuda["why"] is None


@pytest.mark.parametrize(
    ("fake", "parts"),
    [
        ("old", ["CUDA does not work: RuntimeError: The NVIDIA driver is too old (found"]),
        ("crash", ["its process was ended by SIGSEGV: libcuda: oh no"]),
        ("hang", ["the driver does not answer within 0 s"]),
        ("launch", ["Card 9 fails: RuntimeError: CUDA error: no kernel image"]),
        ("wrong", ["Card 9 fails: it multiplies wrongly"]),
        ("arch", ["has no kernels for Card 9 (capability 9.0)", "install a torch that has"]),
    ],
)
def test_a_broken_driver_is_told(
    machine_with: Any, monkeypatch: pytest.MonkeyPatch, fake: str, parts: list[str]
) -> None:
    monkeypatch.setattr(devices, "SECONDS", 0.4 if fake == "hang" else 60.0)
    found = machine_with(fake)
    (line,) = told(found)
    assert "\n" not in line
    for part in parts:
        assert part in line
    cuda = found.content["cuda"]
    assert cuda["why"] or cuda["devices"][0]["why"] or cuda["devices"][0]["compiled"] is False
    if fake == "old":
        assert cuda["warned"] == ["CUDA initialization: the driver is old"]


def test_a_driver_older_than_torch_is_told_by_its_number(machine_with: Any) -> None:
    (line,) = told(machine_with("old", SMI.format(driver="470.1", cuda="11.4")))
    assert line.endswith(
        "; the driver knows CUDA 11.4, torch is built for 12.8: update the driver, or install "
        "torch for CUDA 11"
    )


def test_code_to_make_kernels_of_is_enough(machine_with: Any) -> None:
    assert told(machine_with("ptx")) == []


def test_nvidia_smi_that_fails(machine_with: Any) -> None:
    """It is no matter where torch works all the same."""
    mismatch = "echo Failed to initialize NVML: Driver/library version mismatch; exit 18"
    _, line = told(machine_with("old", mismatch))
    assert "nvidia-smi fails: Failed to initialize NVML: Driver/library version mismatch" in line
    assert told(machine_with("good", mismatch)) == []


def test_a_torch_for_cpus_beside_a_gpu(machine_with: Any) -> None:
    found = machine_with("crash", built=None)
    (line,) = told(found)
    assert line.startswith("there is a GPU (Card 9), but torch is built for CPUs alone; install")
    assert found.content["cuda"]["why"] == "torch is built for CPUs alone"


def test_hidden_and_absent_gpus_are_no_problem(
    machine_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    hidden = machine_with("hidden")
    assert hidden.content["cuda"]["why"] == "CUDA_VISIBLE_DEVICES hides all"
    assert hidden.content["environment"] == {"CUDA_VISIBLE_DEVICES": ""}
    monkeypatch.setattr(devices, "nvidia", devices.Driver)
    monkeypatch.setattr(devices, "_signs", lambda driver: False)
    absent = machine_with("crash")
    assert absent.content["cuda"]["why"] == "no NVIDIA driver here"
    assert told(hidden) == told(absent) == []


def test_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "limits", lambda: Limits(0.5, 3 << 29, 1 << 30))
    found = devices.examine()
    cpu = found.content["cpu"]
    assert (cpu["limit_cores"], cpu["limit_bytes"]) == (0.5, 3 << 29)
    assert cpu["available_bytes"] == 1 << 29
    assert [each.what for each in found.problems] == ["512 MiB of memory are to be had"]


@pytest.mark.parametrize(("limit", "remedy"), [(1.5, "threads=1"), (0.5, "threads=1"), (8, None)])
def test_more_threads_than_cores_are_told(
    monkeypatch: pytest.MonkeyPatch, limit: float, remedy: str | None
) -> None:
    monkeypatch.setattr(machine, "limits", lambda: Limits(limit))
    monkeypatch.setattr("seqbench.processes.cores", lambda: 4)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    found = threads.examine(own_spincount=False).problems
    assert [remedy in each.do for each in found if remedy] == [True] * bool(remedy)
    assert bool(found) == bool(remedy)

"""Launchers whose packages, programs or clusters are missing."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from seqbench.examining import launchers
from seqbench.examining.section import Section
from seqbench.examining.versions import Declared


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, list[Requirement]]:
    """Extras whose packages are all there, and a PATH with nothing in it."""
    extras = {"slurm": [Requirement("numpy")], "ray": [Requirement("numpy>=1")]}
    monkeypatch.setattr(launchers, "declared", lambda: Declared("1", [], extras))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return extras


def whys(section: Section) -> dict[str, str | None]:
    every = section.content["launchers"]
    assert all(each["usable"] == (each["why"] is None) for each in every)
    return {each["name"]: each["why"] for each in every}


def program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_what_a_launcher_lacks(asked: dict[str, list[Requirement]], tmp_path: Path) -> None:
    own = {"serial": None, "processes": None}
    rest = {"submitit_slurm": "there is no srun here", "submitit_local": None, "ray": None}
    assert whys(launchers.examine(0, quick=True)) == own | rest
    asked["slurm"].append(Requirement("not-there>=2"))
    asked["ray"].clear()
    found = whys(launchers.examine(0, quick=True))
    slurm = "not-there>=2 missing; pip install 'seqbench[slurm]'"
    assert found == own | {
        "submitit_slurm": slurm,
        "submitit_local": slurm,
        "ray": "ray missing; pip install 'seqbench[ray]'",
    }


def test_slurm_needs_both_programs(asked: dict[str, list[Requirement]], tmp_path: Path) -> None:
    program(tmp_path, "srun")
    assert whys(launchers.examine(0, quick=True))["submitit_slurm"] == "there is no sbatch here"
    program(tmp_path, "sbatch")
    section = launchers.examine(0, quick=True)
    assert whys(section)["submitit_slurm"] is None
    programs = section.content["programs"]
    assert programs["srun"] == {"path": str(tmp_path / "srun"), "on_path": True}


def test_programs_beside_python_are_found(
    asked: dict[str, list[Requirement]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "venv"
    beside.mkdir()
    program(beside, "tensorboard")
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    found = launchers.examine(0, quick=True).content["programs"]
    assert found["tensorboard"] == {"path": str(beside / "tensorboard"), "on_path": False}
    assert found["torchrun"] == {"path": None, "on_path": False}


def test_a_cluster_that_does_not_answer(
    asked: dict[str, list[Requirement]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is nobody's business."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("RAY_ADDRESS", f"ray://127.0.0.1:{port}")
        assert whys(launchers.examine(0, quick=True))["ray"] is None
    why = whys(launchers.examine(0, quick=True))["ray"]
    assert why == "nobody answers at RAY_ADDRESS (Connection refused)"


def test_processes_that_cannot_meet(
    asked: dict[str, list[Requirement]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "no-such-interface")
    before = dict(os.environ)
    section = launchers.examine(0)
    gloo, nccl = section.content["ddp"]
    assert (gloo["usable"], gloo["failed"]) == (False, True)
    (problem,) = section.problems
    assert problem.what.startswith("trainer=ddp by gloo: RuntimeError")
    assert "GLOO_SOCKET_IFNAME" in problem.do
    assert not nccl["failed"]
    assert dict(os.environ) == before
    monkeypatch.delenv("GLOO_SOCKET_IFNAME")
    section = launchers.examine(0)
    assert section.content["ddp"][0]["usable"]
    assert section.problems == []
    assert "GLOO_SOCKET_IFNAME" not in os.environ


@pytest.mark.parametrize(
    ("gpus", "nccl", "why"),
    [(0, True, "0 GPUs here"), (2, True, None), (2, False, "torch is built without it")],
)
def test_gpus_speak_by_nccl(
    asked: dict[str, list[Requirement]],
    monkeypatch: pytest.MonkeyPatch,
    gpus: int,
    nccl: bool,
    why: str | None,
) -> None:
    monkeypatch.setattr("torch.distributed.is_nccl_available", lambda: nccl)
    told: dict[str, Any] = launchers.examine(gpus, quick=True).content["ddp"][1]
    assert (told["why"], told["usable"]) == (why, why is None)

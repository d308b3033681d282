"""Launchers that others bring: of two jobs one is killed, and the other ends well.

(seqbench's own are tested in test_sweep.py.)
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PLUGINS = {
    "submitit_local": ("submitit", []),
    "ray": ("ray", ["+hydra.launcher.ray.remote.max_retries=0"]),
}


@pytest.mark.parametrize("launcher", PLUGINS)
def test_a_killed_job_loses_itself_alone(
    launcher: str,
    tiny: list[str],
    here: Path,
    cells: Callable[..., str],
    statuses: Callable[[], dict[str, str]],
    train: Callable[..., int],
) -> None:
    package, words = PLUGINS[launcher]
    pytest.importorskip(package)
    line = ["-m", *tiny, "model=gru", cells("Killed", "Good"), "trainer.max_epochs=1"]
    command = [sys.executable, "-m", "seqbench.train", *line, f"hydra/launcher={launcher}"]
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1, done.stderr
    assert statuses() == {"Killed": "killed", "Good": "ok"}, done.stderr
    assert "2 runs: 1 killed, 1 ok" in done.stdout
    assert "Traceback" not in done.stderr

    (here / "mended").touch()
    assert train(*line) == 0, "whatever launcher goes on with what another began"
    assert statuses() == {"Killed": "ok", "Good": "ok"}
    assert len([*here.glob("outputs/modular_sum/gru/seed-*")]) == 2


def test_slurm_is_asked_for_what_was_given_and_its_refusal_is_told(
    tiny: list[str],
    here: Path,
    tmp_path: Path,
    train: Callable[..., int],
    composed_once: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A stand-in for sbatch keeps the script that it gets, and refuses it."""
    pytest.importorskip("submitit")
    programs = tmp_path / "bin"
    programs.mkdir()
    script = tmp_path / "script.sh"
    for name, body in {
        "sbatch": f'cp "$1" {script}; echo "invalid partition" >&2; exit 1',
        "srun": "exit 0",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    options = {"partition": "gpu", "gpus_per_node": 1, "mem_gb": 16, "timeout_min": 240}
    options |= {"array_parallelism": 20, "+additional_parameters.mail-type": "END"}
    words = [
        f"{'+' * key.startswith('+')}hydra.launcher.{key.lstrip('+')}={value}"
        for key, value in options.items()
    ]
    assert train("-m", *tiny, "seed=0,1", "hydra/launcher=submitit_slurm", *words) == 2
    lines = script.read_text().splitlines()
    for option in ("partition=gpu", "gpus-per-node=1", "mem=16GB", "time=240", "mail-type=END"):
        assert f"#SBATCH --{option}" in lines
    assert "#SBATCH --job-name=seqbench" in lines
    assert [line for line in lines if line.startswith("#SBATCH --array=0-1")]
    assert "invalid partition" in capfd.readouterr().err
    assert list(here.iterdir()) == []

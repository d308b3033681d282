"""Launchers that others bring: of two jobs one is killed, and the other ends well.

(seqbench's own are tested in test_sweep.py.)
"""

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

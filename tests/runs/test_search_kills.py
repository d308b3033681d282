"""A search that is killed again and again ends as if it never was."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SEED = int(os.environ.get("SEQBENCH_KILL_SEED", random.SystemRandom().randrange(10**6)))
"""Of the moments; another each time, so that luck can't hide a bug."""

WORDS = [
    "optimizer.lr=loguniform(1e-4,1e-1)",
    "model.hidden_size=64",
    "model.dropout=0.3",
    "task.train_size=400",
    "trainer.max_epochs=20",
    "callbacks.checkpoint.every_n_steps=3",
    "logger=none",
]
OPTIONS = ["--trials", "4", "--workers", "2", "--pruning", "none"]


def begun(tiny: list[str], output: str) -> subprocess.Popen[str]:
    words = [word for word in tiny if not word.startswith(("progress", "trainer.max", "model.hid"))]
    line = [*words, *WORDS, f"paths.output_dir={output}", *OPTIONS]
    return subprocess.Popen(
        [sys.executable, "-m", "seqbench.search", *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def found(folder: Path) -> dict[str, Any]:
    """By the name of its run directory, what each run has come to."""
    results = {
        path.parent.name: json.loads(path.read_text()) for path in folder.rglob("result.json")
    }
    return {name: (each["metrics"], each["steps"]) for name, each in results.items()}


@pytest.mark.long
def test_a_search_killed_at_any_moment(here: Path, tiny: list[str]) -> None:
    draw = random.Random(SEED)
    killed = 0
    while True:
        process = begun(tiny, "killed")
        try:
            told, _ = process.communicate(timeout=draw.uniform(6, 14) if killed < 5 else 300)
        except subprocess.TimeoutExpired:
            process.send_signal(draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            told, _ = process.communicate(timeout=100)
            killed += 1
            continue
        break
    assert process.returncode == 0, (SEED, told)
    assert "4 trials: 4 ok" in told, (SEED, told)
    assert killed, "it was too fast for this test"
    whole = begun(tiny, "whole")
    assert "4 trials: 4 ok" in whole.communicate(timeout=300)[0]
    assert found(here / "killed") == found(here / "whole"), SEED
    assert len(found(here / "whole")) == 4

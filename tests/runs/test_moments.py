"""A kill just before or behind whatever is written loses nothing and doubles nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.runs.test_kills import SEED

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="a fork is needed")
@pytest.mark.parametrize("trials", [3, pytest.param(40, marks=pytest.mark.long)])
def test_no_moment_matters(trials: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.runs.moments", str(SEED), str(trials), str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr

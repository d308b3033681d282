"""Cells that go wrong, and what a sweep says of its jobs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CELLS = '''
import os, signal, sys
from pathlib import Path
from seqbench.models.cells.gru import GRU

class Good(GRU):
    pass

class Raises(GRU):
    def native(self, x, state, lengths):
        if not Path("mended").exists():
            raise ValueError("this cell cannot")
        return super().native(x, state, lengths)

class Exits(GRU):
    def native(self, x, state, lengths):
        sys.exit(0)

class Killed(GRU):
    def native(self, x, state, lengths):
        if not Path("mended").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().native(x, state, lengths)

class Gone(GRU):
    def native(self, x, state, lengths):
        os._exit(0)

class Once(GRU):
    """Fails in the first run that comes here."""
    def native(self, x, state, lengths):
        if not Path("failed").exists():
            Path("failed").touch()
            raise ValueError("for this once")
        return super().native(x, state, lengths)

class Shows(GRU):
    """Writes down which GPU its run was dealt."""
    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        Path(f"gpu-{os.getpid()}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
'''


@pytest.fixture
def cells(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """``cells("Good", ...)``: a word that sweeps over cells of a package of the user's."""
    (here / "sweepers.py").write_text(CELLS)
    monkeypatch.syspath_prepend(str(here))
    return lambda *names: "model.cell._target_=" + ",".join(f"sweepers.{name}" for name in names)


@pytest.fixture
def record(here: Path) -> Callable[[], dict[str, dict[str, Any]]]:
    """The jobs of the newest sweep, each by what stands behind the last dot of its words."""

    def read() -> dict[str, dict[str, Any]]:
        path = max(here.rglob("sweep.json"), key=lambda path: path.stat().st_mtime_ns)
        jobs = json.loads(path.read_text())["jobs"]
        return {" ".join(job["words"]).rpartition(".")[2]: job for job in jobs}

    return read


@pytest.fixture
def statuses(record: Callable[[], dict[str, dict[str, Any]]]) -> Callable[[], dict[str, str]]:
    return lambda: {name: job["status"] for name, job in record().items()}

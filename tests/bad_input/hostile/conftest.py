"""A run of somebody else's, to be changed."""

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.bad_input.hostile.evil import put


@pytest.fixture
def marker(here: Path) -> Path:
    return here.parent / "marker"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A home with ``outputs`` of one run that is not tested yet, and what trained it."""
    home = tmp_path_factory.mktemp("hostile")
    rows = "".join(f"{'ab' if i % 2 else 'cd'}{i},{'pq'[i % 2]}\n" for i in range(40))
    (home / "a.csv").write_text("x,y\n" + rows)
    words = [
        "task=text_classification",
        f"task.path={home / 'a.csv'}",
        "task.text_column=x",
        "task.label_column=y",
        "task.level=char",
        "model=gru",
        "model.hidden_size=4",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
        "logger=none",
        "progress=none",
        "threads=1",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("SEQBENCH_CACHE_DIR", str(home / "cache"))
        assert importlib.import_module("seqbench.train").main([*words, "test=false"]) == 0
    return home, words


@pytest.fixture
def run(trained: tuple[Path, list[str]], here: Path) -> Path:
    """A copy of that run, as ``outputs`` of the working directory."""
    shutil.copytree(trained[0] / "outputs", here / "outputs")
    return next((here / "outputs").rglob("status.json")).parent


@pytest.fixture
def words(trained: tuple[Path, list[str]]) -> list[str]:
    return trained[1]


@pytest.fixture
def changed(run: Path) -> Callable[[str, Any], None]:
    """``changed(key, value)``: sets a dotted key of the config in the run's best checkpoint."""
    path = run / "checkpoints" / "best.ckpt"

    def change(key: str, value: Any) -> None:
        content = torch.load(path, weights_only=True)
        put(content["seqbench"]["config"], key, value)
        torch.save(content, path)

    return change


MODULE = "from pathlib import Path\nPath({!r}).touch()\nimport os\nfrom seqbench import Cell\n"


@pytest.fixture
def package(here: Path, marker: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package outside seqbench whose import makes the marker."""
    (here.parent / "a_hostile_package.py").write_text(MODULE.format(str(marker)))
    monkeypatch.syspath_prepend(here.parent)
    monkeypatch.delitem(sys.modules, "a_hostile_package", raising=False)
    return "a_hostile_package"

"""The wheel holds all it needs, and works installed, from an empty directory."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAIN = ["task=pets", "model=gru", "model.hidden_size=8", "trainer.max_epochs=1", "threads=1"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_what_it_should(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {name.removeprefix("seqbench/conf/") for name in names if "/conf/" in name}
    assert shipped == {
        str(path.relative_to(ROOT / "conf"))
        for path in (ROOT / "conf").rglob("*")
        if path.is_file()
    }
    assert {
        f"seqbench/datamodules/texts/built_in/{name}" for name in ("pets.csv", "names.txt")
    } < names
    assert not [name for name in names if "outputs/" in name or "tests/" in name]


def test_it_trains_and_predicts_installed(wheel: Path, tmp_path: Path) -> None:
    """Beside the packages that are there already, which saves minutes."""
    site, work = tmp_path / "site", tmp_path / "elsewhere"
    work.mkdir()
    install = ["-m", "pip", "install", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([sys.executable, *install, str(wheel)], check=True, capture_output=True)
    environment = os.environ | {
        "PYTHONPATH": str(site),
        "SEQBENCH_CACHE_DIR": str(tmp_path / "cache"),
        "SEQBENCH_DATA_DIR": "",
    }

    def run(*command: str) -> str:
        ended = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    where = "import seqbench.places as p; print(p.CONF)"
    assert run(sys.executable, "-c", where).strip() == str(site / "seqbench" / "conf")
    assert "pets / gru, seed 0" in run(sys.executable, "-m", "seqbench.train", *TRAIN)
    assert {path.name for path in work.iterdir()} == {"outputs"}
    sweep = run(sys.executable, "-m", "seqbench.train", "-m", *TRAIN, "seed=0,2")
    assert "2 runs: 2 ok (1 before)" in sweep
    cell = "from seqbench.models.cells.gru import GRU\n\n\nclass Same(GRU): ...\n"
    (work / "mine.py").write_text(cell)
    words = ["seed=1", "model.cell._target_=mine.Same"]
    assert "seed 1" in run(str(site / "bin" / "seqbench-train"), *TRAIN, *words)
    (first,) = work.glob("outputs/pets/gru/seed-0-*")
    line = run(str(site / "bin" / "seqbench-predict"), str(first), "Rex", "--threads", "1")
    assert json.loads(line)["label"] in ("Cat", "Dog")
    table = run(str(site / "bin" / "seqbench-evaluate"), str(first), "--threads", "1")
    assert "confusion matrix of test" in table

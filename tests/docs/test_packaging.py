"""The wheel holds the configs and works from any directory."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_installed_wheel_finds_its_configs(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(site)
    shipped = {name.removeprefix("seqbench/conf/") for name in names if "/conf/" in name}
    assert shipped == {
        str(path.relative_to(ROOT / "conf"))
        for path in (ROOT / "conf").rglob("*")
        if path.is_file()
    }
    assert "seqbench/datamodules/built_in/pets.csv" in names
    assert not [name for name in names if "outputs/" in name or "tests/" in name]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shown = subprocess.run(
        [sys.executable, "-m", "seqbench.train", "--cfg", "job", "task=imdb", "model=gru"],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "seqbench.models.cells.gru.GRU" in shown.stdout
    where = subprocess.run(
        [sys.executable, "-c", "import seqbench.compose as c; print(c.CONF)"],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.strip() == str(site / "seqbench" / "conf")
    assert list(elsewhere.iterdir()) == []

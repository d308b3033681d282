"""Pictures and tables of the gradient, of runs that kept it and of those that did not."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqbench
from seqbench import figures, pictures
from seqbench.curves import Gradients
from seqbench.inspect import main

from .conftest import TINY


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two layers that kept its gradients before training and after each of 2 epochs."""
    place = tmp_path_factory.mktemp("watched")
    words = ["model.num_layers=2", "callbacks=gradients", "logger=none", "test=false"]
    return seqbench.run([*TINY, *words, f"paths.output_dir={place}"]).path


@pytest.fixture
def inspect(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Output and errors of a call that works."""

    def call(*words: Any) -> tuple[str, str]:
        capsys.readouterr()
        assert main(["--threads", "1", "--device", "cpu", *map(str, words)]) == 0
        found = capsys.readouterr()
        return found.out, found.err

    return call


Inspect = Callable[..., tuple[str, str]]


def texts(path: Path) -> list[str]:
    return re.findall(r">([^<>\n]+)<", path.read_text("utf-8"))


def test_a_run_that_kept_its_gradients(inspect: Inspect, watched: Path, here: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in watched.rglob("*")}
    out, err = inspect(watched)
    assert err == ""
    assert [path.name for path in here.iterdir()] == ["gradients.svg"]
    said = texts(here / "gradients.svg")
    assert [text.partition("   ")[0] for text in said if "ρ = " in text] == ["lstm, h", "lstm, c"]
    assert {"0", "1", "2", "epoch"} <= {*said}
    *_, last = out.splitlines()
    assert last == "wrote gradients.svg"
    rows = [line for line in out.splitlines() if line.startswith("lstm, ")]
    assert [row.split()[:3] for row in rows] == [
        ["lstm,", part, epoch] for part in "hc" for epoch in "02"
    ]
    kept = Gradients.read(watched / "gradients.json").measurements
    norms = kept[0].layers[1].norms["h"]
    assert rows[0].split()[3:5] == [f"{norms[0]:.1e}", f"{norms[-1]:.1e}"]
    assert rows[1].split()[-1] == f"{kept[2].layers[1].step_radius:.3f}"
    assert {path: path.stat().st_mtime_ns for path in watched.rglob("*")} == before


def test_two_runs_side_by_side(
    inspect: Inspect, watched: Path, names_run: Path, here: Path
) -> None:
    """One has kept nothing: it is measured, and that is told."""
    out, err = inspect(watched, names_run, "--part", "h", "--output", "a.svg")
    best = json.loads((names_run / "result.json").read_text("utf-8"))["best_epoch"] + 1
    told = f"{names_run}: no gradients.json there; measured best.ckpt, epoch {best}, on "
    assert re.fullmatch(rf"seqbench: {re.escape(told)}\d+ rows of val\n", err)
    titles = [text for text in texts(here / "a.svg") if "ρ = " in text]
    assert [title.partition("   ")[0] for title in titles] == ["lstm, h", "gru"]
    (row,) = [line for line in out.splitlines() if line.startswith("gru")]
    assert row.split()[1] == str(best)
    assert not (names_run / "gradients.json").exists()


def test_numbers_for_programs(inspect: Inspect, watched: Path, sums_run: Path, here: Path) -> None:
    words = [watched, sums_run, "--json", "--layer", 1, "--part", "c"]
    found = json.loads(inspect(*words)[0])
    assert not [*here.iterdir()]
    one, two = found["runs"]
    assert found["output"] is None
    assert [run["measured"] for run in (one, two)] == [False, True]
    kept = json.loads((watched / "gradients.json").read_text("utf-8"))
    assert one == {"run": str(watched), "measured": False, **kept}
    assert [each["epoch"] for each in two["measurements"]] == [
        json.loads((sums_run / "result.json").read_text("utf-8"))["best_epoch"] + 1
    ]
    again = json.loads(inspect(watched, "--json", "--epochs", "2,0", "--output", "a.png")[0])
    assert again["output"] == "a.png"
    assert (here / "a.png").exists()
    (run,) = again["runs"]
    assert run["measurements"] == [kept["measurements"][i] for i in (0, 2)]


@pytest.mark.parametrize(
    ("words", "split", "rows"), [(["--rows", "5"], "val", 5), (["--split", "test"], "test", 20)]
)
def test_measured_anew_where_it_is_asked_for(
    inspect: Inspect, sums_run: Path, words: list[str], split: str, rows: int
) -> None:
    out, err = inspect(sums_run, "--json", *words)
    (found,) = json.loads(out)["runs"]
    assert (found["split"], found["rows"]) == (split, rows)
    assert f"on {rows} rows of {split}" in err


def test_a_checkpoint_alone_is_measured(inspect: Inspect, watched: Path, here: Path) -> None:
    shutil.copy(watched / "checkpoints" / "last.ckpt", here / "alone.ckpt")
    out, err = inspect("alone.ckpt", "--relative")
    assert "measured alone.ckpt, epoch 2" in err
    assert "alone, h" in out
    # Of a run directory above, what the run has kept.
    out, err = inspect(watched.parents[1], "--json")
    assert json.loads(out)["runs"][0]["measured"] is False
    # A checkpoint that is named is measured, whatever lies beside it.
    out, _ = inspect(watched / "checkpoints" / "last.ckpt", "--json")
    (found,) = json.loads(out)["runs"]
    assert found["measured"]
    kept = Gradients.read(watched / "gradients.json").measurements[-1]
    assert found["measurements"][0]["layers"][1]["norms"]["h"] == pytest.approx(
        kept.layers[1].norms["h"], rel=1e-4
    )


def test_titles_tell_runs_apart(
    inspect: Inspect, watched: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the least that differs: another seed, another task; the number where nothing does."""
    monkeypatch.setattr(figures, "save", lambda *_: None)
    monkeypatch.setattr(pictures, "draw", lambda *_: None)  # it takes its time
    for name in "bc":
        shutil.copytree(watched, here / name)
        result = json.loads((watched / "result.json").read_text("utf-8"))
        if name == "b":
            result["config"]["seed"] = 7
        else:
            result["task"] = "others"
        (here / name / "result.json").write_text(json.dumps(result), "utf-8")
    for other, titles in (
        ("b", ["lstm seed=0, h", "lstm seed=7, h"]),
        ("c", ["modular_sum lstm, h", "others lstm, h"]),
        (watched, ["1: lstm, h", "2: lstm, h"]),
    ):
        out, _ = inspect(watched, other, "--part", "h", "--epochs", "0", "--overwrite")
        rows = [line for line in out.splitlines()[1:] if ", h" in line]
        assert [row.partition("  ")[0].strip() for row in rows] == titles


def test_a_picture_is_not_lost(
    inspect: Inspect, watched: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "gradients.svg").write_text("mine")
    assert main([str(watched)]) == 2
    err = capsys.readouterr().err
    assert "gradients.svg is there already" in err
    assert "--overwrite" in err
    assert (here / "gradients.svg").read_text() == "mine"
    inspect(watched, "--overwrite")
    assert texts(here / "gradients.svg")


def test_without_matplotlib_there_are_numbers(
    inspect: Inspect,
    watched: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    assert main([str(watched)]) == 2
    err = capsys.readouterr().err
    assert "pip install 'seqbench[plots]'; --json" in err
    assert len(err.splitlines()) == 1
    assert json.loads(inspect(watched, "--json")[0])["runs"]
    assert not [*here.iterdir()]

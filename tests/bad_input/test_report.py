"""Reports that cannot be made: one line, status 2, nothing written."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.reporting.conftest import MakeRun, make_run

from seqbench.report import main

__all__ = ["make_run"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "the following arguments are required: FOLDER"),
        (["nowhere"], "nowhere: is not there"),
        (["empty"], "empty: no runs in it"),
        (["foreign"], "foreign: no runs in it"),
        (["foreign/page.md"], "foreign/page.md: is no directory"),
        (["outputs", "empty"], "empty: no runs in it"),
        (["outputs", "--metric", "test/acuracy"], "did you mean 'test/accuracy'"),
        (["outputs", "--metric", "tset/accuracy"], "did you mean 'test/accuracy'"),
        (["outputs", "--metric", ""], "--metric : no run has it"),
        (["outputs", "--baseline", "gru"], "--baseline gru: no row; there are: lstm"),
        (["outputs", "--threshold", "nan"], "'nan' is no number"),
        (["outputs", "--threshold", "high"], "'high' is no number"),
        (["outputs", "--format", "pdf"], "invalid choice: 'pdf'"),
        (["outputs", "--output", "report.pdf"], "give a file that ends in .md, .csv, .json, .html"),
        (["outputs", "--output", "no/report.md"], "there is no folder no; make it first"),
        (["outputs", "--output", "page.html", "--output", "foreign"], "give a file that ends in"),
        (["outputs", "--pictures", "foreign/page.md"], "is no folder; name another"),
        (["outputs", "--picture-type", "png"], "--picture-type wants --pictures FOLDER"),
        (["outputs", "--base", "lstm"], "unknown option --base; did you mean '--baseline'"),
        (["out\0puts"], "no usable path"),
        (["outputs", "--output", "{run}/result.json", "--overwrite"], "is a run's own folder"),
        (["outputs", "--pictures", "{run}"], "is a run's own folder"),
        (["outputs", "--pictures", ""], "names no folder"),
        (["outputs", "--output", "x.md", "--output", "./x.md"], "is given twice"),
    ],
)
def test_one_line(
    words: list[str],
    told: str,
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = make_run("lstm")
    words = [word.format(run=run) for word in words]
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign" / "runs").mkdir(parents=True)
    (tmp_path / "foreign" / "page.md").write_text("")
    (tmp_path / "foreign" / "runs" / "metrics.csv").write_text("step,loss\n1,2\n")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert err.startswith("seqbench: ")
    assert err.count("\n") == 1
    assert not out
    assert sorted(tmp_path.rglob("*")) == before


def test_without_scipy(
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_run("lstm")
    monkeypatch.setattr("seqbench.reporting.statistics.find_spec", lambda name: None)
    assert main([str(tmp_path)]) == 2
    assert "pip install 'seqbench[report]'" in capsys.readouterr().err


def test_with_a_folder_that_is_called_scipy(
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for seed in range(2):
        make_run("lstm", seed)
    monkeypatch.setitem(sys.modules, "scipy", ModuleType("scipy"))
    monkeypatch.setattr("seqbench.reporting.statistics.find_spec", lambda name: name)
    monkeypatch.delitem(sys.modules, "scipy.stats", raising=False)
    assert main([str(tmp_path), "--output", str(tmp_path / "r.md")]) == 2
    assert "pip install 'seqbench[report]'" in capsys.readouterr().err
    assert not (tmp_path / "r.md").exists()

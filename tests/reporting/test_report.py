"""``python -m seqbench.report`` as it is called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.reporting.conftest import MakeRun, make_run

from seqbench.report import main

__all__ = ["make_run"]


@pytest.fixture
def outputs(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for seed in range(3):
        make_run("lstm", seed, 0.9 + 0.01 * seed, curve=[0.1, 0.9])
        make_run("rnn", seed, 0.5, curve=[0.1, 0.5])
    monkeypatch.chdir(tmp_path)
    return tmp_path / "outputs"


def test_it_prints_and_writes_nothing(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(outputs.parent.rglob("*"))
    assert main(["outputs"]) == 0
    out, err = capsys.readouterr()
    assert "toy: accuracy on test" in out
    assert not err
    assert sorted(outputs.parent.rglob("*")) == before


def test_files_are_written_by_their_ending(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["r.md", "r.csv", "r.json", "r.html"]
    words = [word for file in files for word in ("--output", file)]
    assert main(["outputs", *words, "--pictures", "drawn/svg", "--picture-type", "svg"]) == 0
    told = capsys.readouterr().out
    assert all(f"wrote {file}" in told for file in files)
    assert json.loads(Path("r.json").read_text("utf-8"))["leaderboards"]
    pictures = sorted(Path("drawn/svg").iterdir())
    assert pictures
    text = Path("r.md").read_text("utf-8")
    assert all(f"](drawn/svg/{picture.name})" in text for picture in pictures)
    page = Path("r.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") >= len(pictures)


def test_a_file_that_is_there_stays(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("r.md").write_text("mine")
    assert main(["outputs", "--output", "r.md"]) == 2
    assert "r.md is there already; --output names another, --overwrite" in capsys.readouterr().err
    assert Path("r.md").read_text() == "mine"
    assert main(["outputs", "--output", "r.md", "--overwrite"]) == 0
    assert Path("r.md").read_text("utf-8").startswith("# Results")


def test_what_is_printed_can_be_piped(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outputs", "--format", "json", "--output", "r.md"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["folders"] == ["outputs"]
    assert err == "wrote r.md\n"


def test_no_torch_is_needed(outputs: Path) -> None:
    """And scipy only where there are several seeds, matplotlib only for pictures."""
    alone = next(outputs.rglob("result.json")).parent
    program = (
        "import sys; from seqbench.report import main; loaded = lambda *n: {*sys.modules} & {*n};"
        f"assert main([{str(alone)!r}]) == 0; assert not loaded('numpy', 'scipy', 'matplotlib');"
        "status = main(['outputs', '--output', 'r.html']); assert loaded('scipy', 'matplotlib');"
        "assert not loaded('torch', 'lightning', 'pandas', 'datasets'); sys.exit(status)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_whatever_the_output_is(outputs: Path) -> None:
    """Its encoding lacks letters; nobody reads it to the end; it is closed."""
    command = f"{sys.executable} -m seqbench.report outputs"
    ended = subprocess.run(
        ["bash", "-c", f"{command} | head -c 1 >rest; echo ${{PIPESTATUS[0]}}; {command} >&-"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0
    assert ended.stdout in ("0\n", "141\n")
    assert not ended.stderr
    assert Path("rest").read_text() == "t"


def test_without_matplotlib_the_page_has_no_pictures(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("seqbench.figures.find_spec", lambda name: None)
    assert main(["outputs", "--output", "r.html"]) == 0
    assert "pip install 'seqbench[report]'" in capsys.readouterr().err
    assert Path("r.html").exists()
    assert main(["outputs", "--pictures", "drawn"]) == 2
    assert not Path("drawn").exists()

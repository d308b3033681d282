"""The doctor's report as a whole: what stands in it; a broken part takes no other along."""

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from seqbench import doctor, examining
from seqbench.examining.section import homeless
from seqbench.examining.tables import show
from seqbench.places import CONF

PAGE = (Path(__file__).parents[1] / "docs" / "doctor.md").read_text("utf-8")
CELLS = {path.stem for path in (CONF / "model").glob("*.yaml")} - {"base"}
NATIVE = {"rnn", "irnn", "lstm", "gru"}

Report = dict[str, Any]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One whole report of this machine, from an empty home."""
    import seqbench.build  # some libraries make themselves at home where they are first imported

    assert seqbench.build
    home = tmp_path_factory.mktemp("home")
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setenv("HOME", str(home))
        patch.setenv("HF_TOKEN", "hf_secret")
        patch.setenv("SEQBENCH_CACHE_DIR", str(home / "cache"))
        patch.delenv("SEQBENCH_DATA_DIR", raising=False)
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.chdir(home)
        assert doctor.main(["--json"]) == 0
    assert "hf_secret" not in out.getvalue()
    assert str(home) not in out.getvalue()
    assert [*home.iterdir()] == [], "it leaves nothing behind"
    content: Report = json.loads(out.getvalue())
    return content


def failed(report: Report) -> set[str]:
    return {name for name, part in report.items() if isinstance(part, dict) and "error" in part}


def test_the_report_is_as_its_page_says(report: Report) -> None:
    sections = ["versions", "devices", "threads", "precision", "launchers", "data", "folders"]
    assert [*report] == ["version", *sections, "problems"]
    assert report["version"] == doctor.VERSION
    assert f"`version` is {doctor.VERSION};" in PAGE
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.M))
    assert [*rows] == [*sections, "problems"]
    by_name = ("environment", "extras", "precisions", "programs")  # whose keys are no fields

    def fields(value: Any, parent: str = "") -> set[str]:
        if isinstance(value, list):
            return {name for each in value for name in fields(each, parent)}
        if not isinstance(value, dict):
            return set()
        own = set() if parent in by_name else {*value}
        return own.union(*(fields(inner, key) for key, inner in value.items()))

    for name in sections:
        assert "error" not in report[name], report[name]
        told = {*re.findall(r"`([a-z_]+)`", rows[name])}
        assert fields(report[name]) <= told, name
    for problem in report["problems"]:
        assert [*problem] == ["section", "problem", "remedy"]
        assert problem["section"] in sections


def test_this_installation_trains(report: Report) -> None:
    """What the suite runs on satisfies what seqbench asks for; all cells work, as tests show."""
    packages = {each["name"]: each for each in report["versions"]["packages"]}
    assert {"torch", "lightning", "hydra-core", "numpy"} <= set(packages)
    assert all(each["fits"] for each in packages.values())
    assert packages["torch"]["required"] == ">=2.6,<3"
    assert {"dev", "onnx", "slurm"} <= set(report["versions"]["extras"])
    rows = {row["cell"]: row for row in report["precision"]["cells"] if row["device"] == "cpu"}
    assert set(rows) == CELLS
    for cell, row in rows.items():
        assert row["backend"] == ("native" if cell in NATIVE else "reference")
        for precision, outcome in row["precisions"].items():
            fp16 = precision.startswith("16-")
            assert (outcome["works"], outcome["refused"]) == (not fp16, fp16), (cell, outcome)
            if fp16:
                assert outcome["why"] == "needs a GPU"
            else:
                assert outcome["difference"] < (0.2 if "bf16" in precision else 1e-4)
        assert row["precisions"]["bf16-mixed"]["difference"] > 1e-4, "it did round"
    usable = {each["name"] for each in report["launchers"]["launchers"] if each["usable"]}
    assert {"serial", "processes"} <= usable
    assert report["launchers"]["ddp"][0] == {
        "name": "gloo",
        "usable": True,
        "why": None,
        "failed": False,
    }
    assert {each["path"] for each in report["folders"]["folders"]} == {"~/cache", "~/outputs"}


@pytest.mark.parametrize("width", [80, 200])
def test_the_tables_are_whole(report: Report, width: int) -> None:
    out = io.StringIO()
    show(report, Console(file=out, width=width, highlight=False, markup=False, emoji=False))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for cell in CELLS:
        outcomes = r" +\w+ +yes +yes +no \(1\) +yes +yes +no \(1\)"
        assert len(re.findall(rf"^  {cell}{outcomes}", text, re.M)) == 1
    assert "(1)  needs a GPU" in text
    assert re.search(r"^  names +built in +names +files", text, re.M)
    assert re.search(r"^  cache +~/cache: not there yet, writable, .* free, locks work", text, re.M)
    assert re.search(rf"^{len(report['problems']) or 'no'} problem", text, re.M)


def test_a_broken_section_leaves_the_others_whole(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("devices", "data"):
        monkeypatch.setitem(sys.modules, f"seqbench.examining.{name}", None)
        monkeypatch.delattr(examining, name, raising=False)
    assert doctor.main(["--quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    broken = failed(found)
    assert broken == {"devices", "data"}
    assert "ModuleNotFoundError" in found["data"]["error"]
    assert "precision" not in found
    assert found["folders"]["folders"][0]["writable"]
    told = [each["problem"] for each in found["problems"] if each["section"] in broken]
    assert len(told) == 2
    assert told[0].startswith("the section devices could not be examined: ModuleNotFoundError")
    assert doctor.main(["--quick"]) == 0
    out = capsys.readouterr().out
    assert "\ndata\n  could not be examined: ModuleNotFoundError" in out
    assert "\nfolders\n  cache" in out


def test_without_a_torch_that_can_be_imported(here: Path) -> None:
    """In a process of its own: what can be told still is."""
    (here / "torch.py").write_text("raise OSError('libcudart.so.12: cannot open')")
    paths = os.pathsep.join([str(here), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-m", "seqbench.doctor", "--json", "--outputs", "results"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    found = json.loads(ended.stdout)
    assert failed(found) == {"devices", "threads", "precision", "launchers", "data"}
    assert found["versions"]["torch_build"] == {"error": "OSError: libcudart.so.12: cannot open"}
    assert found["versions"]["packages"][0]["name"] == "torch"
    assert found["folders"]["folders"][1]["path"].endswith("/results")
    assert "--force-reinstall torch" in json.dumps(found["problems"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ann", "~"),
        ("in /home/ann/x, '/home/ann'", "in ~/x, '~'"),
        ("/home/anna /home/ann.old /home/ann-2 /x/home/ann", None),
        ("file:///home/ann/x", "file://~/x"),
    ],
)
def test_the_home_directory_is_not_told(
    monkeypatch: pytest.MonkeyPatch, text: str, shown: str | None
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert homeless({"a": [text, 1, None]}) == {"a": [text if shown is None else shown, 1, None]}
    monkeypatch.setenv("HOME", "/")
    assert homeless([text]) == [text]


def test_a_spincount_of_ones_own_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seqbench.examining.section import Section

    for name in ("_versions", "_devices", "_launchers", "_data", "_folders"):
        monkeypatch.setattr(doctor, name, lambda *_: Section())
    told: dict[str, bool] = {}
    for who in ("seqbench", "beside threads", "user"):
        for name in [name for name in os.environ if name.startswith(("OMP_", "GOMP_"))]:
            monkeypatch.delenv(name)
        if who == "beside threads":
            monkeypatch.setenv("OMP_NUM_THREADS", "1")
        if who == "user":
            monkeypatch.setenv("GOMP_SPINCOUNT", "7")
        doctor.main(["--quick", "--json"])
        threads = json.loads(capsys.readouterr().out)["threads"]
        assert threads["environment"]["GOMP_SPINCOUNT"] == ("7" if who == "user" else "300")
        told[who] = threads["spincount_is_seqbenchs"]
    assert told == {"seqbench": True, "beside threads": True, "user": False}


def test_help_and_import_need_no_torch() -> None:
    code = (
        "import sys; from seqbench import doctor; status = doctor.main(['--help']);"
        "print(status, 'torch' in sys.modules, 'rich' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("\n0 False False\n")
    assert "--quick" in ended.stdout

"""What README and the pages of docs/ say, run."""

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench import (
    compose,
    doctor,
    evaluate,
    export,
    generate,
    inspect,
    predict,
    report,
    search,
)
from seqbench.build import SUPPLIED
from seqbench.config import validate
from seqbench.places import CONF
from seqbench.searching import ranges
from seqbench.train import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [README, *(page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md")))]
SHELL = [
    line.partition("  #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", "\n".join(PAGES), re.S)
    for line in block.replace("\\\n", " ").splitlines()
]
ALL_TRAIN = [line for line in SHELL if line.startswith("python -m seqbench.train ")]
RESUME = [line for line in ALL_TRAIN if " resume=" in line]
TRAIN = [line for line in ALL_TRAIN if line not in RESUME]
VERBS = {
    "predict": predict,
    "evaluate": evaluate,
    "generate": generate,
    "export": export,
    "inspect": inspect,
}
BASELINE = [line for line in SHELL if line.startswith("python -m seqbench.baseline ")]
FILES = dict(re.findall(r"`(my_package/[\w/.]+)`:\n\n```(?:python|yaml)\n(.*?)```", README, re.S))


def test_there_is_something_to_run() -> None:
    assert len(TRAIN) >= 10
    assert BASELINE
    assert {Path(name).suffix for name in FILES} == {".py", ".yaml"}


@pytest.fixture
def my_package(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """README's own package, outside of seqbench."""
    for name, body in FILES.items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(here))
    monkeypatch.syspath_prepend(str(here))
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        monkeypatch.delitem(sys.modules, name)
    return here


@pytest.mark.parametrize("line", [*TRAIN, *BASELINE])
def test_every_command_composes(
    my_package: Path, composed_once: None, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    configs = []

    def job(config: dict[str, object], origin: Callable[[str], str]) -> int:
        validate(config, SUPPLIED, origin)
        configs.append(config)
        return 0

    def sweep(composed: list[compose.Composed], launcher: compose.Launcher) -> int:
        for each in composed:
            job(each.config, each.origin)
        return 0

    words = [re.sub("^seed=0,.*", "seed=0", word) for word in shlex.split(line)[3:]]
    if "+sweep=cells" in words:
        words += ["-m", "model=gru", "seed=0"]  # composed once it does not see its mode
    if "--help" in words or "--cfg" in words:
        assert main(words) == 0
        assert "optimizer" in capfd.readouterr().out
    else:
        assert compose.run(words, job, sweep) == 0
        assert configs


def test_every_search_shown_composes(here: Path, composed_once: None) -> None:
    """README's, and those of its own help."""
    lines = [
        line for line in [*SHELL, *search.EXAMPLES.splitlines()] if " seqbench.search " in line
    ]
    assert lines

    def job(config: dict[str, object], origin: Callable[[str], str]) -> int:
        validate(config, SUPPLIED, origin)
        return 0

    for line in lines:
        chosen = search.command().parse_intermixed_args(shlex.split(line)[3:])
        found = ranges.read(chosen.words)
        for values in found.probes():
            assert compose.run(found.words(values), job) == 0


def test_every_option_of_the_doctor_shown_is_one() -> None:
    lines = [line for line in SHELL if " seqbench.doctor" in line]
    assert len(lines) >= 4
    for line in lines:
        doctor.command().parse_args(shlex.split(line)[3:])


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_cell_from_outside(my_package: Path, tiny: list[str]) -> None:
    (check,) = (line for line in SHELL if "check_cell" in line)
    checked = run(sys.executable, *shlex.split(check)[1:])
    assert checked.returncode == 0, checked.stderr
    (line,) = (line for line in TRAIN if "model=leaky" in line)
    trained = run(sys.executable, *shlex.split(line)[1:], *tiny)
    assert trained.returncode == 0, trained.stderr
    (first,) = (my_package / "outputs" / "modular_sum" / "leaky").glob("seed-0-*")
    source = my_package / "my_package" / "cells.py"
    source.write_text(source.read_text() + "\n# edited\n")
    again = run(sys.executable, *shlex.split(line)[1:], *tiny)
    assert again.returncode == 0, again.stderr
    runs = set((my_package / "outputs" / "modular_sum" / "leaky").glob("seed-0-*"))
    assert len(runs) == 2, "an edited cell is a new run"
    assert first in runs


def test_a_task_and_a_cell_from_outside(
    my_package: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (line,) = (line for line in TRAIN if "task=parity" in line)
    words = ["trainer.max_epochs=1", "task.length=8", "+task.size=100", "threads=1"]
    trained = run(sys.executable, *shlex.split(line)[1:], *words)
    assert trained.returncode == 0, trained.stderr
    assert "parity / gru" in trained.stdout
    both = ["hydra.searchpath=[pkg://my_package.conf]", "task=parity", "model=leaky", *words]
    assert main(both) == 0
    assert "parity / leaky" in capfd.readouterr().out
    asked = ["outputs/parity/leaky", "0 1 1 0"]
    assert predict.main(asked) == 2
    assert "--trust my_package" in capfd.readouterr().err
    assert predict.main([*asked, "--trust", "my_package"]) == 0
    assert len(json.loads(capfd.readouterr().out)["label"]) == 4
    assert main([*both, "model.cell.leek=1"]) == 2
    assert "'model.cell.leak'" in capfd.readouterr().err


RUNS = {
    "pets": "gru",
    "names": "gru",
    "write_names": "gru",
    "dates": "gru",
    "char_lm": "lstm",
    "tagging": "lstm",
    "mnist": "lstm",
    "forecast": "lstm",
    "modular_sum": "rnn,irnn,lstm,gru",
}
SMALL = {
    "dates": ["task.train_size=90"],
    "tagging": ["task.train_size=90"],
    "modular_sum": ["task.train_lengths=[4]", "task.train_size=90", "task.long_length=9"],
}


@pytest.fixture(scope="module")
def trained_home(
    tmp_path_factory: pytest.TempPathFactory, idx_files: Callable[..., dict[str, bytes]]
) -> Path:
    """The runs that the pages' commands of other verbs start from, and the images of one."""
    home = tmp_path_factory.mktemp("home")
    (home / "digits").mkdir()
    for name, content in idx_files().items():
        (home / "digits" / name).write_bytes(content)
    paths = [f"paths.output_dir={home / 'outputs'}", f"paths.cache_dir={home / 'cache'}"]
    words = ["model.hidden_size=8", "trainer.max_epochs=1", "threads=1", "progress=none", *paths]
    loads = "".join(f"{hour},{hour % 24 + 0.5}\n" for hour in range(600))
    (home / "load.csv").write_text(f"hour,load\n{loads}")
    files = {"mnist": home / "digits", "forecast": home / "load.csv"}
    small = SMALL | {task: [f"task.path={path}"] for task, path in files.items()}
    small["forecast"].append("task.time_column=hour")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEQBENCH_DATA_DIR", raising=False)
        for task, cells in RUNS.items():
            assert main(["-m", f"task={task}", f"model={cells}", *words, *small.get(task, [])]) == 0
    return home


@pytest.fixture
def a_home(here: Path, trained_home: Path) -> Path:
    """What README's commands of other verbs find: runs, names, and labelled names."""
    shutil.copytree(trained_home, here, dirs_exist_ok=True)
    (here / "another.txt").write_text("The statement is a statement.\n", "utf-8")
    (here / "names.txt").write_text("Rex\nМурка\n", "utf-8")
    (here / "more.csv").write_text("name,species\nRex,Dog\nМурка,Cat\n", "utf-8")
    return here


def test_every_command_of_the_other_verbs_runs(a_home: Path) -> None:
    lines = [line for line in SHELL if re.search(rf"seqbench\.({'|'.join(VERBS)}) ", line)]
    assert len(lines) >= 10
    for line in lines:
        if "|" in line:
            command = line.replace("python -m", f"{sys.executable} -m")
            ended = run("bash", "-o", "pipefail", "-c", command)
            assert ended.returncode == 0, ended.stderr
            assert len((a_home / "labels.jsonl").read_text("utf-8").splitlines()) == 2
        else:
            _, _, module, *given = shlex.split(line)
            assert VERBS[module.removeprefix("seqbench.")].main([*given, "--threads", "1"]) == 0


def test_every_report_shown_is_made(a_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in SHELL if " seqbench.report " in line]
    assert len(lines) >= 3
    for line in lines:
        assert report.main([*shlex.split(line)[3:], "--overwrite"]) == 0, line
    assert "modular_sum: accuracy on test" in capfd.readouterr().out
    assert all((a_home / name).exists() for name in ("report.html", "results.md", "results.csv"))


def test_the_report_shown_is_that_of_the_results() -> None:
    results = (ROOT / "docs" / "results.md").read_text("utf-8").splitlines()
    (begin,) = re.findall(r"^\|  \| test accuracy .*$", README, re.M)
    table = README[README.index(begin) :].partition("\n\n")[0].splitlines()
    assert len(table) >= 6
    start = results.index(table[2]) - 2
    assert results[start : start + len(table)] == table


def test_the_doctor_takes_the_options_shown(capfd: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in SHELL if " seqbench.doctor" in line]
    assert len(lines) >= 2
    assert doctor.main(["--help"]) == 0
    known = capfd.readouterr().out
    for line in lines:
        for option in shlex.split(line)[3:]:
            assert not option.startswith("-") or option in known


def test_a_run_goes_on_as_shown(a_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (line,) = RESUME
    (status,) = (a_home / "outputs" / "pets" / "gru").rglob("status.json")
    status.write_text(status.read_text().replace('"ok"', '"interrupted"'))
    assert main([*shlex.split(line)[3:], "progress=lines"]) == 0
    out, err = capfd.readouterr()
    assert "trained already, testing it" in err
    assert "pets / gru" in out


def test_the_python_shown_runs(a_home: Path) -> None:
    shown: dict[str, Any] = {}
    for block in re.findall(r"```python\n(import seqbench\n.*?)```", README, re.S):
        (a_home / "shown.py").write_text(block, "utf-8")
        shown |= runpy.run_path("shown.py")
    assert shown["model"].predict(["Rex"])[0].label in ("Cat", "Dog")
    assert shown["author"].spec.kind == "language_model"


def test_the_refusal_shown_is_the_refusal_given(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["task.batchsize=5"]) == 2
    assert capfd.readouterr().err.strip() in README


def test_the_tables_name_what_there_is() -> None:
    groups = dict(re.findall(r"^\| `([\w/]+)` \| ([^|]*) \|$", README, re.M))
    assert set(groups) == {
        str(folder.relative_to(CONF))
        for folder in CONF.rglob("*")
        if folder.is_dir() and list(folder.glob("*.yaml"))
    }
    for group, names in groups.items():
        files = {path.stem for path in (CONF / group).glob("*.yaml")} - {"base"}
        assert set(re.findall(r"`(\w+)`", names)) == files, group


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_snippet_shown_is_the_example() -> None:
    text = (ROOT / "examples" / "onnx_labels.py").read_text("utf-8")
    assert text.partition("\n\n")[2] in README

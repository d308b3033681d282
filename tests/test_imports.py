"""Imports point one way."""

import ast
import subprocess
import sys
from pathlib import Path

import seqbench

SOURCE = Path(seqbench.__file__).parent


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def check(part: str, forbidden: tuple[str, ...]) -> None:
    files = list((SOURCE / part).rglob("*.py")) if (SOURCE / part).is_dir() else [SOURCE / part]
    assert files
    for file in files:
        for name in imported(file):
            assert not name.startswith(forbidden), f"{file.name} imports {name}"


ENTRY = (
    "seqbench.bad_batch",
    "seqbench.baseline",
    "seqbench.budget",
    "seqbench.build",
    "seqbench.checkpoint",
    "seqbench.classical",
    "seqbench.checks",
    "seqbench.doctor",
    "seqbench.evaluate",
    "seqbench.examining",
    "seqbench.export",
    "seqbench.generate",
    "seqbench.gradients",
    "seqbench.inspect",
    "seqbench.predict",
    "seqbench.predictions",
    "seqbench.search",
    "seqbench.train",
    "seqbench.trained",
    "seqbench.attempt",
    "seqbench.continuing",
    "seqbench.resume",
    "seqbench.training",
    "seqbench.trouble",
    "seqbench.compose",
    "seqbench.widths",
    "seqbench.writing",
)


def test_data_and_models_do_not_know_each_other_or_what_builds_them() -> None:
    check("datamodules", ("seqbench.models", "seqbench.callbacks", *ENTRY))
    check("models", ("seqbench.datamodules", "seqbench.callbacks", *ENTRY))


def test_batch_and_spec_stand_at_the_bottom() -> None:
    check("batch.py", ("seqbench",))
    check("spec.py", ("seqbench", "torch"))
    check("errors.py", ("seqbench", "torch"))


def test_building_does_not_know_the_entry_points() -> None:
    check("build.py", ENTRY[1:])


def test_command_lines_load_no_torch_before_they_need_it() -> None:
    code = (
        "import sys; from seqbench import baseline, doctor, evaluate, export;"
        "from seqbench import inspect, predict, report, search, train;"
        "train.main(['--help']); train.main(['--cfg', 'job']);"
        "print({*sys.modules} & {'torch', 'lightning', 'optuna', 'sklearn', 'scipy', 'matplotlib',"
        "'pandas', 'datasets'})"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.count("\nseed: 0\n") == 2
    assert ended.stdout.endswith("\nset()\n")


def test_run_directories_need_no_torch() -> None:
    own = ("runs.py", "identity.py", "following.py", "locks.py", "files.py", "signals.py")
    machine = ("machine.py", "examining/section.py", "examining/tables.py", "examining/folders.py")
    for file in (
        *own,
        *machine,
        "curves.py",
        "figures.py",
        "pictures.py",
        "terminal.py",
        "titles.py",
    ):
        check(file, ("torch", "lightning"))

"""``python -m seqbench.train --help``."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.places import CONF, choices

Train = Callable[..., int]


@pytest.fixture
def own(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of configs, which is a package's too."""
    package = here / "my_configs"
    (package / "task").mkdir(parents=True)
    (package / "task" / "own.yaml").write_text("# @package _global_\ntask: {shown: 1}\n")
    (package / "model" / "extra").mkdir(parents=True)
    (package / "model" / "extra" / "word.yaml").write_text("a: 1\n")
    (package / "model" / "notes.txt").write_text("")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(here)
    return package


@pytest.mark.parametrize(
    "words", [["--config-dir", "my_configs"], ["hydra.searchpath=[pkg://my_configs]"]]
)
def test_it_names_what_can_be_chosen_here_too(
    train: Train, own: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert train("--help", *words, "task=own") == 0
    lines = capsys.readouterr().out.splitlines()
    (tasks,) = (line for line in lines if line.startswith("task: "))
    assert "names, own, pets" in tasks
    assert "model/extra: word" in lines
    assert "  shown: 1" in lines
    assert not [line for line in lines if line.startswith("hydra")]


def test_all_groups_are_there() -> None:
    found = choices([CONF])
    folders = {file.parent for file in CONF.rglob("*.yaml")} - {CONF}
    assert {*found} == {folder.relative_to(CONF).as_posix() for folder in folders}
    assert all(
        (CONF / group / f"{name}.yaml").is_file() for group in found for name in found[group]
    )
    assert sum(map(len, found.values())) == len([*CONF.rglob("*.yaml")]) - 1


@pytest.mark.parametrize("words", [["-h", "-m"], ["--help", "--hydra-help"], ["--resolve", "-h"]])
def test_beside_other_options(
    train: Train, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert train(*words) == 0
    assert capsys.readouterr().out.startswith("Train one recurrent network")


@pytest.mark.parametrize(
    ("word", "told"), [("task=nmes", "did you mean 'names'?"), ("resume=x", "--help: resume=RUN")]
)
def test_a_mistake_is_all_that_is_told(
    train: Train, capsys: pytest.CaptureFixture[str], word: str, told: str
) -> None:
    assert train("--help", word) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert err.count("\n") == 1
    assert not out

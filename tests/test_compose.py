"""Free text on the command line, and every yaml in the tree."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench import compose, words
from seqbench.build import SUPPLIED
from seqbench.config import validate
from seqbench.places import CONF


def composed(*arguments: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def job(config: dict[str, Any], origin: Callable[[str], str]) -> int:
        validate(config, SUPPLIED, origin)
        found.append(config)
        return 0

    assert compose.run([*arguments], job) == 0
    (config,) = found
    return config


@pytest.mark.parametrize(
    "value",
    [
        "/data/Анна Каренина.csv",
        "don't",
        "A film, truly.",
        "/a=b/c.csv",
        "it's 'quoted'",
        'say "so"',
        "C:\\data\\",
        "a\\'b",
        "(x) [y] {z}",
        "#1",
        "имя",
        "1e5",
        "true",
        "a,b",
        "~/x",
        "  spaced ",
    ],
)
def test_any_text_arrives_as_it_was_typed(value: str) -> None:
    assert composed(f"task.path={value}", "task=text_classification")["task"]["path"] == value


@pytest.mark.parametrize(
    ("value", "wanted"), [("имя", "имя"), ("don't", "don't"), ("A film", "A film"), ("x", "x")]
)
def test_free_text_for_any_key(value: str, wanted: str) -> None:
    task = composed("task=text_classification", f"task.text_column={value}")["task"]
    assert task["text_column"] == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("[собака,кошка]", ["собака", "кошка"]),
        ("[собака, cat , 'ёж, злой']", ["собака", "cat", "ёж, злой"]),
        ('["ёж",it\'s]', ["ёж", "it's"]),
        ("[кот]", ["кот"]),
        ("[a b,в г]", ["a b", "в г"]),
        ("[cat,dog]", ["cat", "dog"]),
    ],
)
def test_words_of_a_list_are_free_text(value: str, wanted: list[str]) -> None:
    task = composed("task=text_classification", f"task.classes={value}")["task"]
    assert task["classes"] == wanted


def test_sweeps_and_lists_stay_hydra_s() -> None:
    for argument in (
        "seed=0,1,2",
        "model=rnn,lstm",
        "task.train_lengths=[1,2]",
        "task.classes=[a,b],[c,d]",
        "optimizer.lr=choice(1,2)",
        "task.path=null",
        "task.path='x y'",
        "--cfg",
        "-m",
        "experiment=null",
    ):
        assert words.quote(argument) == argument


def options(group: str) -> list[str]:
    files = (CONF / group).glob("*.yaml")
    add = "+" if group == "sweep" else ""
    return sorted(f"{add}{group}={file.stem}" for file in files if file.stem != "base")


GROUPS = sorted(
    str(folder.relative_to(CONF))
    for folder in CONF.rglob("*")
    if folder.is_dir() and list(folder.glob("*.yaml"))
)
TRAINED = ("task", "experiment", "sweep", "hydra/launcher", "hydra/sweeper")
"""Groups whose every yaml is trained with: test_tasks.py, test_experiments.py, sweeps/."""


@pytest.mark.parametrize(
    "choice", [choice for group in GROUPS if group not in TRAINED for choice in options(group)]
)
def test_every_yaml_composes_and_is_valid(choice: str) -> None:
    words = [choice]
    per_step = ("model/head=per_step", "model/head=identity")
    if choice.startswith("model/head=") and choice not in per_step:
        words.append("task=imdb")
    if choice.startswith("model/embedding="):
        words += ["task=modular_sum"]
    assert composed(*words)["seed"] == 0


def test_all_models_compose_with_tasks_of_several_kinds(composed_once: None) -> None:
    """(tests/test_tasks.py trains all tasks, with three cells each.)"""
    models = options("model")
    assert {"model=rnn", "model=irnn", "model=lstm", "model=gru"} <= {*models}
    for task in ("imdb", "reverse", "forecast"):
        for model in models:
            config = composed(f"task={task}", model)
            assert config["names"] == {"task": task, "model": model[6:]}


def test_a_task_overrides_models_and_an_experiment_overrides_all(tmp_path: Path) -> None:
    folder = tmp_path / "experiment"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n  - override /model: gru\n  - override /task: imdb\n"
        "  - override /model/head: max\n"
        "seed: 7\ntrainer:\n  max_epochs: 99\n"
    )
    config = composed("--config-dir", str(tmp_path), "experiment=mine", "trainer.max_epochs=3")
    assert config["names"] == {"task": "imdb", "model": "gru", "experiment": "mine"}
    assert config["model"]["head"]["pooling"] == "max"
    assert (config["seed"], config["trainer"]["max_epochs"]) == (7, 3)
    assert config["scheduler"]["schedule"]["max_lr"] == config["optimizer"]["lr"]


def test_a_config_keeps_the_command_that_composes_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "own.yaml").write_text("# @package _global_\ndefaults: [pets]\n")
    words = ["task=own", "model=gru", "task.path=имена, все.csv", "task.text_column=it's", "seed=3"]
    for place in (["--config-dir", str(tmp_path)], [f"hydra.searchpath=[file://{tmp_path}]"]):
        config = composed(*words, *place)
        assert config["command"][-5:] == [*words[:3], "task.text_column='it\\'s'", "seed=3"]
        assert config["command"][:-5] == place
        again = composed(*config["command"])
        assert again["task"] == config["task"]


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQBENCH_CACHE_DIR", raising=False)
    assert composed()["paths"]["cache_dir"] == "~/.cache/seqbench"
    monkeypatch.setenv("SEQBENCH_CACHE_DIR", "/some/place")
    assert composed()["paths"]["cache_dir"] == "/some/place"

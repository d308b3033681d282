"""The presets of conf/debug: does it run, where does the time go, can it learn one batch."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench import compose
from seqbench.build import SUPPLIED
from seqbench.config import validate
from seqbench.places import CONF

Train = Callable[..., int]
Result = Callable[[Path], dict[str, Any]]
TEXT = [
    "task=text_classification",
    "task.path=names.csv",
    "task.level=char",
    "task.batch_size=20",
    "model.hidden_size=16",
    "trainer.accelerator=cpu",
    "progress=lines",
    "threads=1",
]
NAMES = sorted(path.stem for path in (CONF / "debug").glob("*.yaml"))


@pytest.fixture
def modular_sum(tiny: list[str]) -> list[str]:
    """The tiny task with the presets' own number of epochs."""
    return [word for word in tiny if "max_epochs" not in word]


@pytest.fixture
def text(here: Path) -> list[str]:
    """Names whose class can be learnt by heart only."""
    draw = random.Random(0)
    with (here / "names.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        for i in range(200):
            name = "".join(draw.choices("абвгде", k=draw.randint(5, 9)))
            writer.writerow((name, "xyz"[i % 3]))
    return TEXT


@pytest.mark.parametrize("task", ["modular_sum", "text"])
@pytest.mark.parametrize("name", NAMES)
def test_a_preset_runs_apart_from_real_runs(
    train: Train, here: Path, request: pytest.FixtureRequest, task: str, name: str
) -> None:
    words = [*request.getfixturevalue(task), f"debug={name}"]
    if name == "anomaly":  # it trains as long as without it, and slowly
        words.append("trainer.max_epochs=1")
    assert train(*words) == 0
    assert train(*words) == 0
    assert not (here / "outputs").exists()
    results = [json.loads(path.read_text()) for path in here.rglob("result.json")]
    assert len(results) == 2, "each is trained, whatever there was before"
    for result in results:
        assert list(result["metrics"]) == ["train", "val"]
    assert results[0]["metrics"] == results[1]["metrics"]


@pytest.mark.parametrize("task", ["modular_sum", "text"])
def test_overfit_learns_one_batch_by_heart(
    train: Train, here: Path, result: Result, request: pytest.FixtureRequest, task: str
) -> None:
    words = [*request.getfixturevalue(task), "model.hidden_size=32", "optimizer.lr=0.02"]
    assert train(*words, "debug=overfit") == 0
    content = result(here)
    assert content["metrics"]["train"]["accuracy"] >= 0.95
    assert content["metrics"]["val"]["accuracy"] < 0.95
    assert content["steps"] == content["epochs"] == 100
    assert content["best_epoch"] == 99
    (log,) = here.rglob("train.log")
    lines = [line for line in log.read_text("utf-8").splitlines() if " epoch " in line]
    assert len(lines) == 100
    assert ["val" in line for line in lines] == [False] * 99 + [True]


def test_overfit_keeps_to_the_same_batch(train: Train, here: Path, text: list[str]) -> None:
    """At a rate of nothing, every epoch has the same loss."""
    assert train(*text, "debug=overfit", "trainer.max_epochs=4", "optimizer.lr=1e-12") == 0
    (file,) = here.rglob("metrics.csv")
    rows = list(csv.DictReader(file.read_text().splitlines()))
    losses = [
        float(row["value"]) for row in rows if (row["split"], row["name"]) == ("train", "loss")
    ]
    assert len(losses) == 4
    assert losses == pytest.approx([losses[0]] * 4)


def test_overfit_takes_all_dropout_away(tmp_path: Path) -> None:
    """What an experiment sets, too; the command line's own stays."""
    (tmp_path / "experiment").mkdir()
    rates = {"dropout": 0.2, "recurrent_dropout": 0.3, "zoneout": 0.1}
    lines = "".join(f"  {name}: {rate}\n" for name, rate in rates.items())
    head = "# @package _global_\nmodel:\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(head + lines, "utf-8")
    found: list[dict[str, Any]] = []

    def job(config: dict[str, Any], origin: Callable[[str], str]) -> int:
        found.append({name: config["model"][name] for name in rates})
        return 0

    words = ["--config-dir", str(tmp_path), "experiment=mine"]
    for extra in ([], ["debug=overfit"], ["debug=overfit", "model.zoneout=0.5"]):
        assert compose.run([*words, *extra], job) == 0
    nothing = dict.fromkeys(rates, 0.0)
    assert found == [rates, nothing, nothing | {"zoneout": 0.5}]


def test_limit_takes_five_batches(
    train: Train, modular_sum: list[str], here: Path, result: Result
) -> None:
    assert train(*modular_sum, "task.eval_batch_size=4", "debug=limit") == 0
    content = result(here)
    assert (content["steps"], content["epochs"]) == (5, 1)
    assert sum(part["rows"] for part in content["slices"]["val"]["length"].values()) == 20


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["+trainer.profiler=simple"], ["trainer.profiler=simple", "debug=profile"]),
        (["debug=profile", "trainer.profiler=advanced"], ["=advanced", "debug=profile"]),
        (["debug=profile", "+trainer.profiler.dirpath=x"], ["trainer.profiler.dirpath", "itself"]),
        (["debug=profile", "+trainer.profiler.stpes=3"], ["'steps'"]),
        (
            ["debug=profile", "+trainer.profiler.steps=0"],
            ["trainer.profiler.steps", "greater than 0"],
        ),
        (
            ["debug=profile", "trainer.profiler._target_=torch.nn.Linear"],
            ["trainer.profiler._target_", "Linear is no Profiler"],
        ),
        (["debug=profiel"], ["no debug 'profiel'", "'profile'"]),
    ],
)
def test_what_profiles_nothing_is_refused(
    train: Train,
    tiny: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
    parts: list[str],
) -> None:
    assert train(*tiny, *words) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1, err
    for part in parts:
        assert part in err
    assert list(here.iterdir()) == []


def test_presets_go_with_every_task_and_the_command_line_has_the_last_word(
    composed_once: None,
) -> None:
    found: list[dict[str, Any]] = []

    def job(config: dict[str, Any], origin: Callable[[str], str]) -> int:
        validate(config, SUPPLIED, origin)
        found.append(config)
        return 0

    tasks = sorted(path.stem for path in (CONF / "task").glob("*.yaml"))
    for name in NAMES:
        for task in tasks:
            assert compose.run([f"debug={name}", f"task={task}"], job) == 0
    assert len(found) == len(NAMES) * len(tasks) >= 9
    for config in found:
        assert config["paths"]["output_dir"] == "debug_outputs"
        assert (config["force"], config["test"]) == (True, False)
    words = ["debug=overfit", "task=imdb", "trainer.max_epochs=7", "test=true"]
    assert compose.run([*words, "model.embedding.word_dropout=0"], job) == 0
    last = found[-1]
    assert last["scheduler"]["schedule"]["_target_"].endswith("ConstantLR")
    assert last["trainer"]["check_val_every_n_epoch"] == last["trainer"]["max_epochs"] == 7
    assert last["test"] is True

"""Runs that may cost so much: what they are, what they keep, and when they end."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.conftest import Clock
from tests.runs.twins import assert_twins, run_below

from seqbench.budget import asked, ending, epochs
from seqbench.identity import group, identity

Train = Callable[..., int]
Stop = Callable[[int | None], None]
Result = Callable[[Path], dict[str, Any]]
NONE = {"parameters": None, "state": None, "steps": None, "seconds": None}


@pytest.fixture
def words(tiny: list[str], composed_once: None) -> list[str]:
    return [*tiny, "logger=none", "test=false"]


# The width


def test_a_run_is_that_of_the_width_given_by_hand(
    train: Train, words: list[str], here: Path, result: Result, capfd: pytest.CaptureFixture[str]
) -> None:
    """Bit by bit; what was asked is kept beside it."""
    words += ["model=gru", "model.dropout=0.1", "model.num_layers=2", "test=true"]
    assert train(*words, "budget.parameters=9000", "paths.output_dir=budget") == 0
    err = capfd.readouterr().err
    kept = result(here / "budget")
    width = kept["config"]["model"]["hidden_size"]
    told = f"budget: hidden_size 8 -> {width} ({kept['parameters']:,} parameters)"
    assert told in err
    run = run_below(here / "budget")
    assert told in (run / "train.log").read_text()
    assert kept["parameters"] == pytest.approx(9000, rel=0.02)
    assert kept["budget"] == {
        "asked": {"parameters": 9000},
        "hidden_size": width,
        "parameters": kept["parameters"],
    }
    saved = yaml.safe_load((run / "config.yaml").read_text())
    in_checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    for config in (saved, kept["config"], in_checkpoint["seqbench"]["config"]):
        assert config["model"]["hidden_size"] == width
        assert config["budget"] == NONE | {"parameters": 9000}

    assert train(*words, f"model.hidden_size={width}", "paths.output_dir=hand") == 0
    assert "budget" not in result(here / "hand")
    for path in (here / "budget", here / "hand"):
        content = result(path)
        content["config"]["budget"] = None
        for name in ("identity", "group", "budget"):
            content.pop(name, None)
        (run_below(path) / "result.json").write_text(json.dumps(content))
    assert_twins(here / "budget", here / "hand")


def test_a_run_with_a_budget_is_used_as_any_other(
    train: Train, words: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from seqbench import load
    from seqbench.evaluate import main as evaluate

    assert train(*words, "budget.state=24") == 0
    assert "budget: hidden_size 8 -> 12 (24 numbers of state, " in capfd.readouterr().err
    run = run_below(here)
    assert evaluate([str(run), "--split", "val", "--threads", "1"]) == 0
    assert load(run).module.network.state_size == 24
    assert train(*words, "budget.state=24", "model.hidden_size=77") == 0
    assert run_below(here) == run, "the width that is solved anyway makes no other run"
    assert "trained already" in capfd.readouterr().err


def test_budgets_go_on(words: list[str], goes_on: Callable[..., None]) -> None:
    goes_on(*words, "budget.parameters=3000", "budget.steps=15", stops=(5, 3))


def test_resume_and_runs_that_knew_no_budget(
    train: Train, words: list[str], here: Path, stopped_after: Stop, result: Result
) -> None:
    words.append("callbacks.checkpoint.every_n_steps=1")
    for budget in ("budget.parameters=3000", "budget=null"):
        given = [budget] if budget != "budget=null" else []
        folder = here / budget
        stopped_after(5)
        assert train(*words, *given, f"paths.output_dir={folder}") == 143
        stopped_after(None)
        run = run_below(folder)
        if not given:
            config = yaml.safe_load((run / "config.yaml").read_text())
            assert config.pop("budget") == NONE
            (run / "config.yaml").write_text(yaml.safe_dump(config))
        assert train(f"resume={run}", "progress=lines") == 0
        assert result(folder)["steps"] == 12


# The identity

CONFIG: dict[str, Any] = {
    "model": {"hidden_size": 8},
    "trainer": {"max_epochs": 3},
    "seed": 1,
}


def of(**budget: Any) -> str:
    return identity(CONFIG | {"budget": NONE | budget}, "data", {})


def test_without_a_budget_a_run_is_the_one_it_was() -> None:
    assert of() == identity(CONFIG, "data", {})
    assert of() == identity(CONFIG | {"budget": {}}, "data", {})
    assert group(CONFIG | {"budget": NONE}, "data", {}) == group(CONFIG, "data", {})


def test_a_budget_is_part_of_what_a_run_is() -> None:
    runs = [of(), of(parameters=9), of(state=9), of(steps=9), of(seconds=9), of(steps=8)]
    assert len(set(runs)) == len(runs)
    assert of(parameters=9) == identity(CONFIG | {"budget": {"parameters": 9}}, "data", {})
    assert of(seconds=9) == of(seconds=9.0)


def test_epochs_that_a_budget_overrules_are_no_part_of_it() -> None:
    other = CONFIG | {"trainer": {"max_epochs": 5}}
    for budget, same in (("steps", True), ("seconds", True), ("parameters", False)):
        asked_for = {"budget": NONE | {budget: 9}}
        one = identity(CONFIG | asked_for, "data", {})
        assert (one == identity(other | asked_for, "data", {})) is same


# Steps


def rows(folder: Path, split: str, name: str) -> list[tuple[int, float]]:
    """Step and value of each row of a metric."""
    with (run_below(folder) / "metrics.csv").open(newline="") as file:
        return [
            (int(row["step"]), float(row["value"]))
            for row in csv.DictReader(file)
            if (row["split"], row["name"]) == (split, name)
        ]


@pytest.mark.parametrize(
    ("given", "steps", "epochs", "validated"),
    [
        ([], 16, 3, [0, 6, 12, 16]),
        (["trainer.max_epochs=1"], 12, 2, [0, 6, 12]),
        (["trainer.accumulate_grad_batches=4"], 5, 3, [0, 2, 4, 5]),
        (["trainer.val_check_interval=3"], 7, 2, [0, 3, 6, 7]),
        (["+trainer.limit_train_batches=0.5"], 8, 3, [0, 3, 6, 8]),
        (["+trainer.check_val_every_n_epoch=2"], 15, 3, [0, 12, 15]),
        (
            [
                "+callbacks.more={_target_:lightning.pytorch.callbacks."
                "GradientAccumulationScheduler,scheduling:{0:6,2:3}}"
            ],
            5,
            4,
            [0, 1, 2, 4, 5],
        ),
    ],
    ids=["cut", "whole", "added_up", "within", "share", "seldom", "scheduled"],
)
def test_steps_are_exact_and_the_last_is_validated(
    given: list[str],
    steps: int,
    epochs: int,
    validated: list[int],
    train: Train,
    words: list[str],
    here: Path,
    result: Result,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert train(*words, *given, f"budget.steps={steps}") == 0
    content = result(here)
    assert content["steps"] == steps
    assert content["epochs"] == epochs
    assert content["budget"] == {"asked": {"steps": steps}, "steps": steps}
    assert [step for step, _ in rows(here, "val", "loss")] == validated
    best = min(rows(here, "val", "loss")[1:], key=lambda row: row[1])
    assert content["best_step"] in validated[1:]
    assert content["metrics"]["val"]["loss"] >= best[1]
    (line,) = (x for x in capfd.readouterr().err.splitlines() if f"epoch {epochs}/{epochs}  " in x)
    assert ("val loss" in line) is ("+trainer.check_val_every_n_epoch=2" not in given)


def test_schedules_see_the_steps_as_their_total(train: Train, words: list[str], here: Path) -> None:
    words += ["trainer.log_every_n_steps=1", "budget.steps=10", "trainer.max_epochs=1"]
    assert train(*words, "scheduler=one_cycle") == 0
    rates = [rate for _, rate in rows(here, "train", "learning_rate")]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        torch.optim.SGD([torch.zeros(1)], lr=1), 0.005, total_steps=10, cycle_momentum=False
    )
    wanted = []
    for _ in range(10):
        wanted.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step() if len(wanted) < 10 else None
    assert rates == pytest.approx(wanted)


@pytest.mark.parametrize(
    "scheduler",
    [
        ["scheduler=one_cycle", "scheduler.interval=epoch"],
        ["scheduler=plateau", "scheduler.schedule.patience=0"],
        ["scheduler=steps", "scheduler.schedule.milestones=[1]"],
        ["scheduler=steps", "scheduler.schedule.milestones=[3]", "scheduler.interval=step"],
    ],
    ids=["one_cycle", "plateau", "epochs", "steps"],
)
def test_any_schedule_ends_with_the_steps(
    scheduler: list[str], train: Train, words: list[str], here: Path, result: Result
) -> None:
    assert train(*words, *scheduler, "budget.steps=13", "trainer.log_every_n_steps=1") == 0
    assert result(here)["steps"] == 13
    rates = [rate for _, rate in rows(here, "train", "learning_rate")]
    assert len(rates) == 13
    if "scheduler=steps" in scheduler:
        assert rates[-1] == pytest.approx(rates[0] / 2)


@pytest.mark.parametrize(
    ("steps", "batches", "factors", "wanted"),
    [
        (1, 5, {0: 1}, 1),
        (5, 5, {0: 1}, 1),
        (6, 5, {0: 1}, 2),
        (5, 5, {0: 2}, 2),
        (4, 6, {0: 6, 2: 3}, 3),
        (5, 6, {0: 6, 2: 3}, 4),
        (2, 6, {0: 6, 2: 3}, 2),
        (10**12, 1, {0: 1, 3: 7}, 10**12),
    ],
)
def test_epochs_of_steps(steps: int, batches: int, factors: dict[int, int], wanted: int) -> None:
    assert epochs(steps, batches, factors) == wanted


def test_a_trainer_without_a_budget_is_left_as_it_is() -> None:
    node = {"max_epochs": 3, "limit_train_batches": None}
    for config in ({"trainer": node}, {"trainer": node, "budget": {"parameters": 9}}):
        assert ending(config, 7, {0: 1}) == node
    assert asked({}) == asked({"budget": NONE})


# Seconds


SECONDS = ["budget.seconds=14.5", "scheduler=constant"]


def test_seconds_end_a_training_within_an_epoch_that_is_validated(
    clock: Clock,
    train: Train,
    words: list[str],
    here: Path,
    result: Result,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert train(*words, *SECONDS) == 0
    content = result(here)
    assert (content["steps"], content["epochs"]) == (15, 3)
    assert content["budget"]["asked"] == {"seconds": 14.5}
    assert content["budget"]["seconds"] == pytest.approx(15, abs=0.5)
    assert [step for step, _ in rows(here, "val", "loss")] == [0, 6, 12, 15]
    err = capfd.readouterr().err
    assert "seconds of training are over, at step 15" in err
    assert "epoch 3  train loss" in err
    assert "-1" not in err


def test_seconds_go_on_over_processes(
    clock: Clock,
    words: list[str],
    here: Path,
    goes_on: Callable[..., None],
    result: Result,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The step of two batches in which they are over is ended."""
    times = ("throughput", "seconds", "peak_memory_bytes", "budget")
    monkeypatch.setattr("tests.runs.twins.TIMES", times)
    goes_on(*words, *SECONDS, "trainer.accumulate_grad_batches=2", stops=(5, 3))
    for folder in ("run", "twin"):
        assert result(here / folder)["steps"] == 8
        assert result(here / folder)["budget"]["seconds"] == pytest.approx(16, abs=0.5)


def test_time_that_checkpoints_take_is_none_of_training(
    clock: Clock,
    train: Train,
    words: list[str],
    here: Path,
    result: Result,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from seqbench.callbacks.continuation import Continuation

    def slow(*_: Any) -> None:
        clock.now += 100

    monkeypatch.setattr(Continuation, "_write", slow)
    monkeypatch.setattr("seqbench.callbacks.checkpoint.write_whole", slow)
    words += ["callbacks.checkpoint.every_n_steps=2", "trainer.val_check_interval=2"]
    assert train(*words, *SECONDS) == 0
    assert result(here)["steps"] == 15
    assert sum(seconds for _, seconds in rows(here, "time", "epoch_seconds")) == 15


def test_by_the_real_clock(train: Train, words: list[str], here: Path, result: Result) -> None:
    words += ["scheduler=constant", "task.train_size=2000", "callbacks.checkpoint.every_n_steps=5"]
    assert train(*words, "budget.seconds=0.2") == 0
    content = result(here)
    assert 0.2 <= content["budget"]["seconds"] < 1
    told = sum(seconds for _, seconds in rows(here, "time", "epoch_seconds"))
    assert told >= content["budget"]["seconds"] - 0.05

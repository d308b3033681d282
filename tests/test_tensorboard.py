"""TensorBoard of every kind of task: the same tags, a run's name, its one entry in HPARAMS."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tests.board import Board, tags
from tests.runs.twins import run_below

import seqbench
from seqbench import figures

pytestmark = pytest.mark.usefixtures("composed_once")

Train = Callable[..., int]
Result = Callable[[Path], dict[str, Any]]

SMALL = [
    "model=gru",
    "model.hidden_size=4",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "progress=none",
    "threads=1",
]
SPLITS = ("val", "test")
PARTS = ["_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"]

LABELS = {"loss", "accuracy", "macro_f1"}
WRITTEN = {"loss", "perplexity", "bits_per_character"}
KINDS: dict[str, tuple[list[str], set[str], set[str], set[str], set[str]]] = {
    "classify": (
        ["task=pets", "model.bidirectional=false", "callbacks=gradients"],
        LABELS,
        {"auroc"},
        {"tables/confusion", "tables/accuracy_by_length", "examples"},
        {"confusion", "accuracy_by_length"},
    ),
    "tag": (
        ["task=tagging", "task.train_size=60", "task.val_size=40", "task.test_size=40"],
        {"loss", "accuracy", "sequence_accuracy"},
        {"span_f1"},
        {"tables/spans", "tables/accuracy_by_length", "examples"},
        {"accuracy_by_length"},
    ),
    "language_model": (
        ["task=char_lm", "task.path=text.txt", "task.batch_size=4", "callbacks.samples.length=5"],
        WRITTEN,
        set(),
        set(),
        set(),
    ),
    "transduce": (
        ["task=reverse", "task.train_size=60", "task.val_size=40", "task.test_size=40"],
        {"loss", "accuracy", "exact_match"},
        set(),
        {"tables/accuracy_by_length", "examples"},
        {"accuracy_by_length"},
    ),
    "write": (["task=write_names", "callbacks.samples.length=5"], WRITTEN, set(), set(), set()),
    "regress": (
        ["task=forecast", "task.length=300", "callbacks.forecasts.windows=1"],
        {"loss", "rmse", "mae"},
        set(),
        set(),
        set(),
    ),
}
"""By kind: words, the metrics of all splits, those of val and test alone, texts and pictures of val
and test."""
MORE = {"language_model": {"samples"}, "write": {"samples"}}


@pytest.fixture
def text(here: Path) -> Path:
    (here / "text.txt").write_text("the cat sat on the mat\n" * 60, "utf-8")
    return here


@pytest.mark.parametrize("kind", KINDS)
def test_the_tags_of_every_kind_of_task(kind: str, text: Path) -> None:
    """As ``docs/tensorboard.md`` tells them."""
    words, metrics, more, texts, images = KINDS[kind]
    run = seqbench.run([*SMALL, *words])
    spec = run.model.spec
    assert spec.kind == kind
    late = [split for split in run.metrics if split != "train"]
    several = [s for s in late if len(run.content["slices"][s].get("length", {})) > 1]
    measured = {"train": metrics, **dict.fromkeys(late, metrics | more)}
    found = tags(run.path)
    assert {tag for tag in found["scalars"] if not tag.startswith("gradients/")} == {
        "train/loss_step",
        "train/learning_rate",
        "grad/norm",
        "time/epoch_seconds",
        "time/tokens_per_second",
        *(f"{split}/{name}" for split, names in measured.items() for name in names),
        *(f"z_final/{split}_{name}" for split in late for name in {"metric", *measured[split]}),
        *(f"curves/{name}_val" for name in (spec.metric, "loss")),
        *(f"curves/{name}_train" for name in metrics & {spec.metric, "loss"}),
    }

    def by_split(names: set[str], tag: str) -> set[str]:
        return {
            tag.format(name=name, split=split)
            for name in names
            for split in (several if name.endswith("by_length") else late)
        }

    assert found["texts"] == {"z_config", *MORE.get(kind, ())} | by_split(texts, "{name}/{split}")
    drawn = {"classify": {"gradients"}, "regress": {"forecasts"}}.get(kind, set())
    assert found["images"] == drawn | by_split(images, "{split}/{name}")
    assert found["hparams"] == {*PARTS}
    named = {run.content["task"], run.content["model"]}
    assert not {part for tag in set().union(*found.values()) for part in tag.split("/")} & named


def test_without_matplotlib_there_are_the_tables(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    run = seqbench.run([*SMALL, "task=pets", "test=false"])
    found = tags(run.path)
    assert found["images"] == set()
    assert "tables/confusion/val" in found["texts"]


def test_a_run_is_called_by_task_model_and_seed(names_run: Path) -> None:
    """And there is nothing below it that TensorBoard took for another."""
    board = EventMultiplexer().AddRunsFromDirectory(str(names_run.parents[2])).Reload()
    (name,) = board.Runs()
    assert name == f"text_classification/gru/{names_run.name}"
    assert names_run.name.startswith("seed-0-")


def row(here: Path) -> tuple[list[str], dict[str, Any]]:
    """The metrics that are columns of HPARAMS, in their order, and the one run's entry there."""
    board = Board(here / "outputs", runs=1)
    run = run_below(here / "outputs")
    entries = board.entries()
    (name,) = entries
    assert name == str(run.relative_to(here / "outputs"))
    return [each["displayName"] for each in board.columns()], entries[name]


def numbers(entry: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in entry.items() if " " in name}


def numbers_of(result: dict[str, Any], splits: list[str]) -> dict[str, Any]:
    """What an entry has to have of a result."""
    return {
        f"{split} {name}": pytest.approx(value, rel=1e-6)
        for split in splits
        for name, value in (
            *result["metrics"][split].items(),
            ("metric (of the task)", result["metrics"][split][result["metric"]]),
        )
    }


def test_a_run_has_one_entry_with_what_it_came_to(
    tiny: list[str], here: Path, train: Train, result: Result, stopped_after: Callable[..., None]
) -> None:
    """Only a run that is finished has any; what is tested later is added to it."""
    run = ["test=false", "seed=7", "optimizer.lr=0.004"]
    stopped_after(4)
    assert train(*tiny, *run) == 143
    assert tags(run_below(here))["hparams"] == set()
    stopped_after(None)
    assert train(*tiny, *run) == 0
    columns, entry = row(here)
    assert columns == [
        f"{split} {name}"
        for name in ("metric (of the task)", "loss", "accuracy", "sequence_accuracy")
        for split in ("val", "test", "test_length_12")
    ]
    first = {name: entry[name] for name in ("cell", "hidden_size", "lr", "seed", "task")}
    names = {"cell": "lstm", "task": "modular_sum"}
    assert first == {**names, "hidden_size": 8, "lr": 0.004, "seed": "7"}
    assert numbers(entry) == numbers_of(result(here), ["val"])

    assert train(*tiny, *run[1:]) == 0
    again, entry = row(here)
    assert again == columns
    assert numbers(entry) == numbers_of(result(here), ["val", "test", "test_length_12"])
    assert "examples/test" in tags(run_below(here))["texts"]


def test_runs_of_several_tasks_fill_the_first_columns(
    names_run: Path, sums_run: Path, tmp_path: Path
) -> None:
    for run in (names_run, sums_run):
        (tmp_path / run.parent.parent.name).mkdir()
        for file in run.glob("events.*"):
            shutil.copy(file, tmp_path / run.parent.parent.name)
    board = Board(tmp_path, runs=2)
    entries = board.entries()
    assert {*entries} == {"text_classification", "modular_sum"}
    wanted = [f"{split} {name}" for name in ("metric (of the task)", "loss") for split in SPLITS]
    assert {each["displayName"] for each in board.columns()[:5]} - {*wanted} <= {
        "test_length_12 metric (of the task)",
        "val accuracy",
    }
    for entry in entries.values():
        assert {*wanted} <= {*entry}


def test_a_run_that_failed_has_none(tiny: list[str], here: Path, train: Train) -> None:
    steep = ["optimizer=sgd", "trainer.gradient_clip_val=null", "optimizer.lr=1e30", "model=irnn"]
    assert train(*tiny, *steep) == 1
    run = run_below(here)
    assert json.loads((run / "status.json").read_text("utf-8"))["status"] == "failed"
    assert "val/loss" in tags(run)["scalars"]
    assert tags(run)["hparams"] == set()

"""One run from the command line to its directory, seen as a user sees it."""

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Train = Callable[..., int]
Result = Callable[[Path], dict[str, Any]]


def test_a_run_leaves_all_that_is_promised(
    train: Train, tiny: list[str], here: Path, result: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*tiny) == 0
    (path,) = (here / "outputs" / "modular_sum" / "lstm").glob("seed-0-*")
    names = {file.name for file in path.iterdir() if not file.name.startswith("events.")}
    assert names == {
        "config.yaml", "status.json", "result.json", "metrics.csv", "checkpoints", "train.log"
    }  # fmt: skip
    assert {file.name for file in (path / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert not list(here.rglob("*.partial"))
    assert {p.name for p in here.iterdir()} == {"outputs"}

    status = json.loads((path / "status.json").read_text())
    assert (status["status"], status["error"]) == ("ok", None)

    content = result(here)
    assert set(content) >= {
        "schema_version", "task", "model", "backend", "seed", "identity", "group", "config",
        "data", "parameters", "state_size", "best_epoch", "metrics", "slices", "reports",
        "baselines", "throughput", "seconds", "peak_memory_bytes", "environment",
    }  # fmt: skip
    assert (content["task"], content["model"], content["seed"]) == ("modular_sum", "lstm", 0)
    assert list(content["metrics"]) == ["train", "val", "test", "test_length_12"]
    for split in content["metrics"].values():
        assert set(split) == {"loss", "accuracy", "sequence_accuracy"}
    assert set(content["slices"]["val"]["length"]) == {"4", "7"}
    assert content["data"]["sizes"] == {"train": 120, "val": 40, "test": 20, "test_length_12": 20}
    assert content["environment"]["threads"] == 1
    assert content["peak_memory_bytes"] > 1e7
    assert set(content["seconds"]) == {"setup", "fit", "checkpoints", "test"}

    table = capsys.readouterr().out
    assert "test_length_12" in table
    assert "majority" in table
    assert str(path.relative_to(here)) in table


def test_metrics_csv_has_an_evaluation_before_the_first_step(
    train: Train, tiny: list[str], here: Path
) -> None:
    assert train(*tiny) == 0
    (file,) = here.rglob("metrics.csv")
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert list(rows[0]) == ["step", "epoch", "seconds", "split", "name", "value"]
    losses = [
        (int(r["step"]), float(r["value"]))
        for r in rows
        if (r["split"], r["name"]) == ("val", "loss")
    ]
    assert [step for step, _ in losses] == [0, 6, 12]
    assert losses[-1][1] < losses[0][1]
    train_names = {row["name"] for row in rows if row["split"] == "train"}
    assert train_names == {
        "loss", "loss_step", "accuracy", "sequence_accuracy", "learning_rate",
    }  # fmt: skip
    others = {(row["split"], row["name"]) for row in rows} - {
        (split, name)
        for split in ("train", "val", "test", "test_length_12")
        for name in train_names
    }
    assert others == {("grad", "norm"), ("time", "epoch_seconds"), ("time", "tokens_per_second")}


def test_the_best_checkpoint_alone_gives_the_result_s_numbers(
    train: Train, tiny: list[str], here: Path, result: Result
) -> None:
    from seqbench import build, load
    from seqbench.batch import IGNORE

    assert train(*tiny) == 0
    content = result(here)
    (checkpoint,) = here.rglob("best.ckpt")
    (here / "alone.ckpt").write_bytes(checkpoint.read_bytes())
    module = load(here / "alone.ckpt").module
    data = build.data(content["config"])
    data.setup()
    (batch,) = data.loader("test")
    with torch.no_grad():
        right = (module(batch).argmax(-1) == batch.targets).sum() / (batch.targets != IGNORE).sum()
    assert float(right) == pytest.approx(content["metrics"]["test"]["accuracy"], abs=1e-6)
    assert module.spec == data.spec


def test_tensorboard_has_curves_config_and_one_hparams_entry(
    train: Train, tiny: list[str], here: Path, result: Result
) -> None:
    assert train(*tiny) == 0
    (events,) = here.rglob("events.*")
    board = EventAccumulator(str(events.parent))
    board.Reload()
    tags = board.Tags()
    assert "z_config/text_summary" in tags["tensors"]
    assert {"val/accuracy", "train/loss", "train/loss_step", "test/accuracy"} <= {*tags["scalars"]}
    assert len(board.Scalars("val/accuracy")) == 3
    final = result(here)["metrics"]["test"]["accuracy"]
    assert [event.value for event in board.Scalars("z_final/test_accuracy")] == [
        pytest.approx(final)
    ]
    summaries = board.summary_metadata
    assert [tag for tag in summaries if tag.startswith("_hparams_/experiment")] == [
        "_hparams_/experiment"
    ]


def test_the_same_run_again_shows_its_result_and_trains_nothing(
    train: Train, tiny: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*tiny) == 0
    (file,) = here.rglob("result.json")
    before = file.stat().st_mtime_ns
    capsys.readouterr()
    assert train(*tiny, "progress=none", "trainer.log_every_n_steps=7") == 0
    shown = capsys.readouterr()
    assert "test_length_12" in shown.out
    assert "force=true trains it anew" in shown.err
    assert file.stat().st_mtime_ns == before
    assert train(*tiny, "force=true") == 0
    assert len(list(here.rglob("result.json"))) == 2


def test_a_seed_gives_the_same_numbers_alone_and_in_a_sweep(
    train: Train, tiny: list[str], here: Path
) -> None:
    def numbers(folder: str) -> dict[tuple[str, int], Any]:
        found = {}
        for file in (here / folder).rglob("result.json"):
            content = json.loads(file.read_text())
            found[content["model"], content["seed"]] = content["metrics"], content["group"]
        return found

    assert train("-m", *tiny, "model=rnn,lstm,gru", "seed=0,1", "paths.output_dir=many") == 0
    assert train(*tiny, "model=gru", "seed=1", "paths.output_dir=one") == 0
    many = numbers("many")
    assert set(many) == {(m, s) for m in ("rnn", "lstm", "gru") for s in (0, 1)}
    assert numbers("one")["gru", 1] == many["gru", 1]
    assert many["gru", 0][1] == many["gru", 1][1]
    assert many["gru", 0][0] != many["gru", 1][0]
    assert {p.name for p in here.iterdir()} == {"many", "one"}


def test_a_test_left_out_is_made_up_for_without_training(
    train: Train, tiny: list[str], here: Path, result: Result
) -> None:
    assert train(*tiny, "test=false") == 0
    before = result(here)
    assert set(before["metrics"]) == {"train", "val"}
    (last,) = here.rglob("last.ckpt")
    trained = last.stat().st_mtime_ns
    assert train(*tiny) == 0
    after = result(here)
    assert set(after["metrics"]) == {"train", "val", "test", "test_length_12"}
    assert last.stat().st_mtime_ns == trained
    assert train(*tiny, "paths.output_dir=whole") == 0
    whole = result(here / "whole")
    assert after["metrics"] == whole["metrics"]


@pytest.mark.parametrize(
    "override",
    [
        "trainer.precision=bf16-mixed",
        "trainer.gradient_clip_val=0.5",
        "trainer.accumulate_grad_batches=3",
        "callbacks=early_stopping",
        "scheduler=plateau",
        "scheduler=constant",
        "optimizer=sgd",
        "optimizer=adam",
        "logger=none",
        "trainer.deterministic=true",
        "model.backend=reference",
        "model/embedding=number",
        "task.num_workers=1",
    ],
)
def test_one_word_settings_work(train: Train, tiny: list[str], override: str) -> None:
    keep = [a for a in tiny if not (override.startswith("model/emb") and "embedding" in a)]
    assert train(*keep, override, "trainer.max_epochs=1") == 0


def test_clipping_limits_the_norm(train: Train, tiny: list[str], here: Path) -> None:
    """With a tiny limit and plain SGD, weights move by no more than steps * lr * limit."""
    from seqbench import build, load

    words = [*tiny, "optimizer=sgd", "optimizer.momentum=0", "optimizer.nesterov=false"]
    words += ["scheduler=constant", "optimizer.lr=1.0", "trainer.gradient_clip_val=1e-4"]
    assert train(*words, "trainer.max_epochs=1") == 0
    (first,) = here.rglob("last.ckpt")
    module = load(first).module
    config = module.config
    assert config is not None
    torch.manual_seed(0)
    start = build.network(config["model"], module.spec)
    moved = [
        (a - b).detach()
        for a, b in zip(start.parameters(), module.network.parameters(), strict=True)
    ]
    total = torch.cat([part.flatten() for part in moved]).norm()
    assert 1e-5 < float(total) <= 6 * 1e-4 * 1.01


def test_early_stopping_stops(train: Train, tiny: list[str], here: Path, result: Result) -> None:
    words = ["callbacks=early_stopping", "optimizer.lr=1e-9", "trainer.max_epochs=30"]
    assert train(*tiny, *words, "callbacks.early_stopping.patience=2") == 0
    assert result(here)["epochs"] <= 4


def test_a_tie_goes_to_the_lower_validation_loss(
    train: Train, tiny: list[str], here: Path, result: Result
) -> None:
    """A rate of nothing keeps the accuracy; a small one lowers the loss a little each epoch."""
    words = ["optimizer.lr=1e-6", "scheduler=constant", "trainer.max_epochs=4"]
    assert train(*tiny, *words) == 0
    (file,) = here.rglob("metrics.csv")
    rows = [
        row
        for row in csv.DictReader(file.read_text().splitlines())
        if row["split"] == "val" and row["step"] != "0"
    ]
    accuracy = [float(row["value"]) for row in rows if row["name"] == "accuracy"]
    loss = [float(row["value"]) for row in rows if row["name"] == "loss"]
    best = max(range(4), key=lambda epoch: (accuracy[epoch], -loss[epoch]))
    assert result(here)["best_epoch"] == best
    assert len(set(accuracy)) < 4


def test_a_failing_run_says_so_and_the_sweep_goes_on(
    train: Train, tiny: list[str], here: Path
) -> None:
    words = ["model=irnn", "optimizer=sgd", "trainer.gradient_clip_val=null"]
    assert train("-m", *tiny, *words, "optimizer.lr=1e30,0.01") == 1
    found = [json.loads(file.read_text()) for file in here.rglob("status.json")]
    assert sorted(status["status"] for status in found) == ["failed", "ok"]
    (failed,) = (status for status in found if status["status"] == "failed")
    assert "lower optimizer.lr" in failed["error"]
    assert "Traceback" in failed["traceback"]
    logs = [file.read_text() for file in here.rglob("train.log")]
    assert sum("failed: step " in log for log in logs) == 1
    assert not any("Traceback" in log for log in logs)
    assert len(list(here.rglob("result.json"))) == 1


EXITING = """
import sys
from seqbench.models.cells.gru import GRU

class InInit(GRU):
    def __init__(self, *arguments, **settings):
        sys.exit(0)

class InStep(GRU):
    def native(self, x, state, lengths):
        sys.exit(0)
"""


@pytest.mark.parametrize("name", ["InInit", "InStep"])
def test_a_cell_that_exits_fails_and_the_sweep_goes_on(
    train: Train, tiny: list[str], here: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (here / "exiting.py").write_text(EXITING)
    monkeypatch.syspath_prepend(str(here))
    cells = f"model.cell._target_=exiting.{name},seqbench.models.cells.gru.GRU"
    assert train("-m", *tiny, "model=gru", cells) == 1
    assert len(list(here.rglob("result.json"))) == 1
    statuses = [json.loads(file.read_text())["status"] for file in here.rglob("status.json")]
    assert sorted(statuses) == (["ok"] if name == "InInit" else ["failed", "ok"])


def curve(here: Path, name: str) -> list[tuple[int, float]]:
    (file,) = here.rglob("metrics.csv")
    rows = csv.DictReader(file.read_text().splitlines())
    return [(int(r["step"]), float(r["value"])) for r in rows if r["name"] == name]


def test_steps_are_logged_once_with_their_own_rate_and_whole_loss(
    train: Train, tiny: list[str], here: Path
) -> None:
    words = ["trainer.accumulate_grad_batches=3", "trainer.log_every_n_steps=1"]
    assert train(*tiny, *words, "trainer.max_epochs=3") == 0
    assert [step for step, _ in curve(here, "norm")] == [1, 2, 3, 4, 5, 6]
    assert all(norm > 0 for _, norm in curve(here, "norm"))
    assert all(1.5 < loss < 3 for _, loss in curve(here, "loss_step"))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        torch.optim.SGD([torch.zeros(1)], lr=1), 0.005, total_steps=6, cycle_momentum=False
    )
    wanted = [schedule.get_last_lr()[0]]
    for _ in range(5):
        schedule.optimizer.step()
        schedule.step()
        wanted.append(schedule.get_last_lr()[0])
    assert [rate for _, rate in curve(here, "learning_rate")] == pytest.approx(wanted)


def test_one_cycle_by_epochs_ends_with_the_last(train: Train, tiny: list[str], here: Path) -> None:
    assert train(*tiny, "scheduler.interval=epoch", "trainer.max_epochs=4") == 0
    rates = [rate for _, rate in curve(here, "learning_rate")]
    assert max(rates) > 0.001
    assert rates[-1] < 0.01 * max(rates)


def test_validation_within_an_epoch_does_not_stop_the_clock_for_good(
    train: Train, tiny: list[str], here: Path
) -> None:
    """Tokens count only while the clock runs: the epoch's time is all but validation's."""
    words = ["task.train_size=600", "trainer.max_epochs=1", "trainer.val_check_interval=0.1"]
    assert train(*tiny, *words) == 0
    (file,) = here.rglob("metrics.csv")
    rows = [row for row in csv.DictReader(file.read_text().splitlines()) if row["split"] == "val"]
    seconds = sorted({float(row["seconds"]) for row in rows})
    assert len(seconds) == 11
    ((_, measured),) = curve(here, "epoch_seconds")
    assert measured > 0.5 * (seconds[-1] - seconds[1])


@pytest.mark.parametrize("word", ["+trainer.max_steps=3", "+trainer.check_val_every_n_epoch=5"])
def test_a_training_that_ends_unvalidated_is_validated_then(
    train: Train, tiny: list[str], here: Path, result: Result, word: str
) -> None:
    assert train(*tiny, word) == 0
    content = result(here)
    assert set(content["metrics"]) == {"train", "val", "test", "test_length_12"}
    assert all("accuracy" in values for values in content["metrics"].values())
    assert content["best_epoch"] == content["epochs"] - 1


def test_global_torch_state_is_put_back(train: Train, tiny: list[str]) -> None:
    before = torch.get_num_threads()
    assert train(*tiny, "trainer.deterministic=true", "trainer.max_epochs=1") == 0
    assert torch.get_num_threads() == before
    assert not torch.are_deterministic_algorithms_enabled()
    assert not logging.getLogger("seqbench").handlers

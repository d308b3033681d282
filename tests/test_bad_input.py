"""A mistake gets one line and status 2, and nothing is written."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

Train = Callable[..., int]

CASES = [
    ("seeed=1", ["seeed", "'seed'"]),
    ("task.batchsize=5", ["task.batchsize", "'task.batch_size'"]),
    ("+task.batchsize=5", ["task.batchsize", "'batch_size'", "(+task.batchsize=5)"]),
    ("+model.cell.forgot_bias=1", ["model.cell.forgot_bias", "'forget_bias'"]),
    ("+trainer.max_epoch=1", ["trainer.max_epoch", "'max_epochs'"]),
    ("+optimizer.learning_rate=1", ["optimizer.learning_rate"]),
    ("+optimizer.params=[]", ["optimizer.params", "set by seqbench"]),
    ("+scheduler.schedule.gama=1", ["scheduler.schedule.gama"]),
    ("model=lstmm", ["no model 'lstmm'", "'lstm'"]),
    ("task=imbd", ["no task 'imbd'", "'imdb'"]),
    ("model/head=mea", ["no model/head 'mea'", "'mean'"]),
    ("model.head=mean", ["model.head", "model/head=mean"]),
    ("task=null", ["task=null", "choose one"]),
    ("lstm", ["'lstm'", "KEY=VALUE"]),
    ("seed=one", ["seed", "integer", "'one'"]),
    ("seed=-1", ["seed", "greater than or equal to 0"]),
    ("optimizer.lr=fast", ["optimizer.lr", "number", "'fast'"]),
    ("optimizer.lr=-1", ["learning rate"]),
    ("task.batch_size=0", ["task.batch_size", "greater than 0", "(task.batch_size=0)"]),
    ("task.train_lengths=[5,0]", ["task.train_lengths", "greater than 0"]),
    ("model.hidden_size=0", ["model.hidden_size", "greater than 0"]),
    ("model.num_layers=1.5", ["model.num_layers", "integer"]),
    ("model.dropout=1.5", ["model.dropout", "less than 1"]),
    ("model.backend=fast", ["model.backend", "'auto'"]),
    ("threads=0", ["threads", "greater than 0"]),
    ("trainer.precision=bf8", ["trainer.precision", "'bf16-mixed'"]),
    ("trainer.max_epochs=many", ["trainer.max_epochs", "integer"]),
    ("trainer.accelerator=abacus", ["trainer", "abacus"]),
    ("trainer.devices=2", ["trainer.devices=1"]),
    ("model.cell._target_=seqbench.models.cells.lstm.LSTN", ["model.cell._target_", "LSTN"]),
    ("model/head=last", ["model/head=last", "model/head=per_step"]),
    ("trainer.max_epochs=${nowhere}", ["nowhere"]),
    ("trainer.max_epochs=0", ["trainer.max_epochs", "greater than 0"]),
    ("trainer.max_epochs=-1", ["trainer.max_epochs", "greater than 0"]),
    ("trainer.accumulate_grad_batches=0", ["trainer.accumulate_grad_batches", "greater than 0"]),
    ("trainer.gradient_clip_val=-1", ["trainer.gradient_clip_val", "negative"]),
    ("scheduler.schedule.max_lr=-1", ["learning rate", "negative"]),
    ("+trainer.fast_dev_run=true", ["trainer.fast_dev_run", "checkpoint"]),
    ("+trainer.limit_test_batches=1", ["trainer.limit_test_batches", "test=false"]),
    ("+trainer.limit_val_batches=0", ["trainer.limit_val_batches", "validation"]),
    ("trainer.limit_train_batches=5", ["+trainer.limit_train_batches=VALUE"]),
    ("+optimizer.foreach=true", ["torch.optim.AdamW", "foreach"]),
    ("+trainer.limit_train_batches=0.0001", ["trainer.limit_train_batches", "none of 6"]),
    ("+trainer.val_check_interval=100", ["trainer.val_check_interval", "6 batches"]),
    ("+trainer.strategy=ddp_spawn", ["trainer.strategy", "one device"]),
    ("model.cell=gru", ["model.cell", "write model=gru"]),
    ("optimizer.betas=[0.9]", ["optimizer.betas", "more values"]),
    ("seed=5000000000", ["seed", "less than"]),
    ("threads=100000", ["threads", "1024"]),
    ("paths=null", ["paths", "group of keys"]),
    ("callbacks.checkpoint=null", ["callbacks", "needs a BestCheckpoint"]),
    ("~callbacks", ["callbacks", "missing"]),
    ("~seed", ["seed", "missing"]),
    ("+names.task=x", ["names", "leave it out"]),
    ("=5", ["'=5'", "KEY=VALUE"]),
    ("task.train_lengths=[]", ["task.train_lengths", "at least 1"]),
    ("task.train_size=100000000000", ["memory"]),
    ("model.cell._target_=os.path", ["model.cell._target_", "nothing that can be built"]),
    ("model.cell._target_=seqbench.Cell", ["model.cell._target_", "nothing that can be built"]),
    ("model.cell._target_=nowhere.Cell", ["model.cell._target_", "nowhere"]),
    ("model.head._target_=torch.nn.Linear", ["model.head._target_", "Linear is no Head"]),
    ("+callbacks.x._target_=os.getcwd", ["callbacks.x._target_", "no Callback"]),
    ("model=base", ["model.cell", "missing"]),
    ("paths.output_dir=null", ["paths.output_dir", "string"]),
]


@pytest.mark.parametrize(("word", "parts"), CASES, ids=[word for word, _ in CASES])
def test_one_line_status_two_nothing_written(
    train: Train,
    tiny: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
    word: str,
    parts: list[str],
) -> None:
    assert train(*tiny, word) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("seqbench: ")
    for part in parts:
        assert part.lower() in err.lower()
    assert list(here.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize(
    ("word", "part"),
    [("trainer=gpu", "trainer=cpu"), ("trainer.precision=16-mixed", "bf16-mixed")],
)
def test_what_this_machine_lacks_is_refused(
    train: Train, here: Path, capfd: pytest.CaptureFixture[str], word: str, part: str
) -> None:
    assert train(word) == 2
    err = capfd.readouterr().err
    assert part in err
    assert len(err.splitlines()) == 1
    assert list(here.iterdir()) == []


def test_a_typo_in_a_file_is_found_and_the_file_named(
    train: Train, tiny: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = here.parent / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "typo.yaml").write_text("# @package _global_\nmodel:\n  hiden_size: 3\n")
    assert train(*tiny, "experiment=typo", "--config-dir", str(folder.parent)) == 2
    err = capfd.readouterr().err
    assert "model.hiden_size" in err
    assert "typo.yaml" in err
    assert "'hidden_size'" in err


def test_the_output_place_must_be_writable(
    train: Train, tiny: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "taken").write_text("a file")
    assert train(*tiny, "paths.output_dir=taken") == 2
    assert "cannot write to taken" in capfd.readouterr().err
    assert (here / "taken").read_text() == "a file"


def test_a_plateau_goes_by_epochs(
    train: Train, tiny: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train(*tiny, "scheduler=plateau", "scheduler.interval=step") == 2
    assert "scheduler.interval=epoch" in capfd.readouterr().err
    assert list(here.iterdir()) == []


def test_a_hint_knows_the_choices_made(
    train: Train, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train("optimizer=sgd", "optimizer.momentun=0.5") == 2
    assert "'optimizer.momentum'" in capfd.readouterr().err


@pytest.mark.parametrize("flag", ["-m", "--multirun"])
def test_options_stand_anywhere(train: Train, tiny: list[str], here: Path, flag: str) -> None:
    words = ["trainer.max_epochs=1", "test=false", "seed=0,1"]
    assert train(*tiny, *words, flag) == 0
    assert len(list(here.rglob("result.json"))) == 2

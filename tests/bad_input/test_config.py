"""Keys, values, pairs and grammar that cannot be: one line that names them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

Refused = Callable[..., str]

CASES = [
    ("seeed=1", ["seeed", "'seed'"]),
    ("task.batchsize=5", ["task.batchsize", "'task.batch_size'"]),
    ("+task.batchsize=5", ["task.batchsize", "'batch_size'", "(+task.batchsize=5)"]),
    ("+model.cell.forgot_bias=1", ["model.cell.forgot_bias", "'forget_bias'"]),
    ("+optimizer.params=[]", ["optimizer.params", "set by seqbench"]),
    ("+scheduler.schedule.gama=1", ["scheduler.schedule.gama"]),
    ("model=lstmm", ["no model 'lstmm'", "'lstm'"]),
    ("task=imbd", ["no task 'imbd'", "'imdb'"]),
    ("model/head=mea", ["no model/head 'mea'", "'mean'"]),
    ("model.head=mean", ["model.head", "model/head=mean"]),
    ("task=null", ["task=null", "choose one"]),
    ("lstm", ["'lstm'", "KEY=VALUE"]),
    ("seed=one", ["seed", "integer", "'one'"]),
    ("optimizer.lr=fast", ["optimizer.lr", "number", "'fast'"]),
    ("optimizer.lr=-1", ["learning rate"]),
    ("task.batch_size=0", ["task.batch_size", "greater than 0", "(task.batch_size=0)"]),
    ("model.num_layers=1.5", ["model.num_layers", "integer"]),
    ("model.dropout=1.5", ["model.dropout", "less than 1"]),
    ("model.recurrent_dropout=1", ["model.recurrent_dropout", "less than 1"]),
    ("model.recurrent_dropout=-0.1", ["model.recurrent_dropout", "greater than or equal to 0"]),
    ("model.zoneout=1.5", ["model.zoneout", "less than 1"]),
    ("model.zoneout=much", ["model.zoneout", "number", "'much'"]),
    ("model.variational=0.3", ["model.variational", "boolean"]),
    ("model.backend=fast", ["model.backend", "'auto'"]),
    ("trainer.precision=bf8", ["trainer.precision", "'bf16-mixed'"]),
    ("trainer.accelerator=abacus", ["trainer", "abacus"]),
    ("trainer.devices=2", ["trainer.devices=2", "trainer=ddp trainer.devices=2"]),
    ("trainer.devices=[0,1]", ["trainer=ddp trainer.devices=2"]),
    ("+trainer.num_nodes=2", ["trainer=ddp trainer.num_nodes=2"]),
    ("model.cell._target_=seqbench.models.cells.lstm.LSTN", ["model.cell._target_", "LSTN"]),
    ("model/head=last", ["model/head=last", "model/head=per_step"]),
    ("trainer.max_epochs=${nowhere}", ["nowhere"]),
    ("trainer.max_epochs=0", ["trainer.max_epochs", "greater than 0"]),
    ("trainer.gradient_clip_val=-1", ["trainer.gradient_clip_val", "negative"]),
    ("scheduler.schedule.max_lr=-1", ["learning rate", "negative"]),
    ("+trainer.fast_dev_run=true", ["trainer.fast_dev_run", "checkpoint"]),
    ("+trainer.limit_test_batches=1", ["trainer.limit_test_batches", "test=false"]),
    ("+trainer.limit_val_batches=0", ["trainer.limit_val_batches", "validation"]),
    ("trainer.limit_train_batches=5", ["+trainer.limit_train_batches=VALUE"]),
    ("+optimizer.foreach=true", ["torch.optim.AdamW", "foreach"]),
    ("+trainer.limit_train_batches=0.0001", ["trainer.limit_train_batches", "none of 6"]),
    ("trainer.val_check_interval=100", ["trainer.val_check_interval", "6 batches"]),
    ("+trainer.strategy=ddp_spawn", ["trainer.strategy=ddp_spawn", "trainer=ddp"]),
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
    ("optimizer=[]", ["optimizer", "_target_"]),
    ("optimizer._target_=1", ["optimizer._target_", "a class"]),
    ("optimizer.lr=inf", ["optimizer.lr", "finite"]),
    ("trainer.gradient_clip_val=nan", ["trainer.gradient_clip_val", "nan"]),
    ("++trainer.check_val_every_n_epoch=0", ["trainer.check_val_every_n_epoch", "greater than 0"]),
    ("trainer.val_check_interval=0", ["trainer.val_check_interval", "greater than 0"]),
    ("+trainer.limit_val_batches=0.001", ["trainer.limit_val_batches", "none of 1 batches"]),
    ("model.num_layers=100000000", ["model.num_layers", "1000"]),
    ("model.hidden_size=99999999999999999999999", ["memory", "model.hidden_size"]),
    ("paths.output_dir=", ["paths.output_dir", "at least 1"]),
    ("model.cell.x.y.z=1", ["model.cell.x.y.z", "not a key"]),
    ("seed.x=1", ["seed.x", "not a key"]),
    ("seed=true", ["seed", "integer"]),
    ("seed=???", ["seed", "missing", "give it a value"]),
    ("budget=null", ["budget", "group of keys"]),
    ("+budget.params=9000", ["budget.params", "'parameters'", "(+budget.params=9000)"]),
    ("budget.parameters=0", ["budget.parameters", "greater than 0", "(budget.parameters=0)"]),
    ("budget.parameters=5e4", ["budget.parameters", "integer", "50000.0"]),
    ("budget.parameters=1" + "0" * 30, ["budget.parameters", "less than or equal to"]),
    ("budget.parameters=20", ["budget.parameters=20", "hidden_size=1", "embedding", "raise it"]),
    ("budget.parameters=460", ["budget.parameters=460", " has 4", "ask for one of these"]),
    ("budget.parameters=1000000000000", ["memory", "lower budget.parameters"]),
    ("budget.state=1", ["budget.state=1", "2 numbers of state", "raise it"]),
    ("budget.steps=0", ["budget.steps", "greater than 0"]),
    ("budget.steps=1.5", ["budget.steps", "integer"]),
    ("budget.seconds=0", ["budget.seconds", "greater than 0"]),
    ("budget.seconds=inf", ["budget.seconds", "finite"]),
    ("budget.seconds=nan", ["budget.seconds"]),
    ("budget.seconds=1h", ["budget.seconds", "number", "'1h'"]),
    ("budget.seconds=60", ["OneCycleLR", "budget.seconds", "scheduler=constant"]),
    pytest.param("seed=" + "9" * 5000, ["seed", "integer", "..."], id="5000 digits"),
    pytest.param("a" * 5000 + "=1", ["unknown aaa", "..."], id="a key of 5000 letters"),
]
"""What Hydra's grammar takes, and a run does not."""

GRAMMAR = [
    (["trainer=ddp", "trainer.devices=auto"], ["trainer.devices=auto", "trainer.devices=2"]),
    (["trainer=ddp", "trainer.devices=-1"], ["trainer.devices=-1", "trainer.devices=2"]),
    (["trainer=ddp", "trainer.num_nodes=2"], ["trainer.num_nodes=2", "torchrun"]),
    (["trainer=ddp", "trainer.num_nodes=0"], ["trainer.num_nodes=0", "1 or more"]),
    (["a=b=c"], ["unknown a"]),
    (["++"], ["'++'", "KEY=VALUE"]),
    (["~"], ["'~'", "KEY=VALUE"]),
    (["~nothing"], ["nothing", "does not exist"]),
    ([""], ["''", "KEY=VALUE"]),
    ([" "], ["' '", "KEY=VALUE"]),
    (["model="], ["no model ''", "lstm"]),
    (["task.train_lengths=[1,2"], ["task.train_lengths", "array", "'[1,2'"]),
    (["seed={a:1"], ["seed", "integer", "'{a:1'"]),
    (["seed='1"], ["seed='1", "text in quotes"]),
    (['seed="1'], ['seed="1', "text in quotes"]),
    (["seed=${"], ["seed", "mend its value"]),
    (["seed=${seed}"], ["seed", "interpolation", "another value"]),
    (["seed=${threads}", "threads=${seed}"], ["seed", "interpolation", "another value"]),
    (["seed=${oc.env:NOT_SET_HERE}"], ["seed", "NOT_SET_HERE", "another value"]),
    (["seed=${nosuch:1}"], ["seed", "nosuch", "another value"]),
    (["seed=1,2"], ["seed=1,2", "--multirun"]),
    (["+seed=1"], ["seed=1", "remove +"]),
    (["+model=gru"], ["model", "multiple values"]),
    (["+task=imdb"], ["task", "more than once"]),
    (["model@foo=gru"], ["model@foo", "model=NAME"]),
    (["model/nosuch=x"], ["model/nosuch", "'model/head'"]),
    (["model:x=gru"], ["model:x", "KEY=VALUE"]),
    (["seed=\0"], ["seed=\\x00", "no valid text"]),
    (["seed=\ud800"], ["seed=\\ud800", "no valid text"]),
    (["--mulitrun"], ["--mulitrun", "'--multirun'", "--help"]),
    (["-x"], ["-x", "--config-dir", "--help"]),
    (["--cfg", "jobb"], ["--cfg", "'jobb'", "'job'"]),
    (["--config-dir"], ["--config-dir", "expected one argument"]),
    (["--config-dir", "nowhere"], ["nowhere to search", "mend it"]),
    (["--config-name", "nowhere"], ["no config 'nowhere'"]),
    (["--experimental-rerun", "x"], ["--experimental-rerun", "leave"]),
    (["hydra.run.dir=x"], ["hydra.run.dir", "leave it out"]),
    (["hydra/job_logging=default"], ["hydra/job_logging", "leave it out"]),
    (["hydra.verbose=true"], ["hydra.verbose", "leave it out"]),
    (["hydra.searchpath=[pkg://nowhere]"], ["pkg://nowhere", "mend it"]),
    (["hydra.searchpath=x"], ["hydra.searchpath", "list"]),
    (["-m", "model=nosuch,lstm"], ["no model 'nosuch'", "lstm"]),
]
"""What Hydra itself refuses, or would do instead of a run."""

PAIRS = [
    (["model=gru_v1", "model.backend=native"], ["model.backend=native", "model.backend=auto"]),
    (
        ["model.zoneout=0.1", "model.recurrent_dropout=0.2", "model.backend=native"],
        ["model.backend=native", "model.recurrent_dropout=0.2 model.zoneout=0.1", "=auto"],
    ),
    (["scheduler=plateau", "scheduler.interval=step"], ["scheduler.interval=epoch"]),
    (["scheduler=steps", "scheduler.schedule.milestones=3"], ["milestones", "valid array"]),
    (["scheduler=steps", "scheduler.schedule.milestones=[2.5]"], ["milestones", "integer"]),
    (["scheduler=steps", "scheduler.schedule.milestones=[a]"], ["milestones", "integer"]),
    (["scheduler=steps", "scheduler.schedule.milestones=null"], ["milestones", "valid array"]),
    (["optimizer=sgd", "optimizer.momentun=0.5"], ["'optimizer.momentum'"]),
    (["experiment=null", "model=null"], ["model=null", "choose one"]),
    (["budget.parameters=9000", "budget.state=9"], ["budget.parameters", "budget.state", "leave"]),
    (["budget.steps=9", "budget.seconds=9"], ["budget.steps", "budget.seconds", "leave"]),
    (["budget.steps=9", "+trainer.max_steps=9"], ["trainer.max_steps", "budget.steps", "leave"]),
    (
        ["budget.seconds=9", "scheduler=constant", "+trainer.max_steps=9"],
        ["trainer.max_steps", "budget.seconds", "leave"],
    ),
    (
        ["budget.seconds=9", "scheduler=constant", "+trainer.min_epochs=2"],
        ["trainer.min_epochs", "budget.seconds", "leave it out"],
    ),
    (
        ["budget.parameters=9000", "paths.output_dir=at-${model.hidden_size}"],
        ["paths.output_dir", "model.hidden_size", "value of its own"],
    ),
    (
        ["budget.parameters=9000", "model/head=last"],
        ["model/head=last", "model/head=per_step"],
    ),
    (["budget.parameters=9000", "+budget.follow=[seed]"], ["budget.follow", "seed"]),
    (["budget.parameters=9000", "model.hidden_size=wide"], ["model.hidden_size", "integer"]),
]

TEXT_PAIRS = [
    (["model/head=per_step"], ["model/head=per_step", "model/head=last"]),
    (["model.head.one_logit=true"], ["model.head.one_logit", "there are 3"]),
    (["model.bidirectional=true", "model.head.after_padding=true"], ["after_padding", "=false"]),
    (["task.pad_to_max=true"], ["task.pad_to_max", "task.max_length"]),
    (["task.pad_to_max=true", "task.max_length=100000000000"], ["pad_to_max", "1000000"]),
    (["task.text_column=y"], ["task.text_column", "task.label_column", "'y'"]),
    (["task.classes=[p,p]"], ["task.classes", "twice"]),
    (["task.classes=[p,q]", "task.drop_classes=[q]"], ["task.classes", "task.drop_classes", "q"]),
    (["task.vocabulary_size=2"], ["task.vocabulary_size", "3"]),
    (["task.min_count=1000"], ["task.min_count=1000", "lower it"]),
    (["model/embedding=number", "+model.embedding.size=4"], ["model.embedding.size"]),
]
"""Pairs on a file of three classes."""

FILES = [
    (
        "task",
        "defaults: [modular_sum, _self_]\ntask:\n  batchsize: 3\n",
        ["task.batchsize", "mine.yaml", "'batch_size'"],
    ),
    ("experiment", "model:\n  hiden_size: 3\n", ["model.hiden_size", "mine.yaml", "'hidden_size'"]),
    ("experiment", "model:\n  hidden_size: wide\n", ["model.hidden_size", "mine.yaml", "integer"]),
    ("experiment", "defaults: [override /model: lstmm]\n", ["no model 'lstmm'", "'lstm'"]),
    ("experiment", "defaults: [nowhere]\n", ["no experiment 'nowhere'"]),
    ("experiment", "defaults: 3\n", ["defaults"]),
    ("experiment", "seed: [1\n", ["mine.yaml", "line", "mend it"]),
    ("experiment", "seed: ${seed}\n", ["seed", "interpolation"]),
    ("experiment", "\tseed: 1\n", ["mine.yaml", "line 2", "mend it"]),
    ("experiment", "- seed\n", ["experiment/mine"]),
    ("experiment", "имя".encode("cp1251"), ["yaml", "utf-8"]),
]
"""A group, a file of the user's own package, and what is told of it."""


@pytest.mark.parametrize(("word", "parts"), CASES)
def test_a_key_or_a_value(refused: Refused, tiny: list[str], word: str, parts: list[str]) -> None:
    refused("train", *tiny, word, parts=parts)


@pytest.mark.parametrize(("words", "parts"), [*GRAMMAR, *PAIRS])
def test_words_that_cannot_be(
    refused: Refused, tiny: list[str], words: list[str], parts: list[str]
) -> None:
    refused("train", *tiny, *words, parts=parts)


@pytest.mark.parametrize(("words", "parts"), TEXT_PAIRS)
def test_pairs_on_texts(
    refused: Refused, small: list[str], here: Path, words: list[str], parts: list[str]
) -> None:
    labels = "pqr"
    lines = [f"ab{i},{labels[i % 3]}" for i in range(60)]
    (here / "a.csv").write_text("\n".join(["x,y", *lines]))
    refused("train", *small, "task.path=a.csv", *words, parts=parts)


@pytest.mark.parametrize(("group", "text", "parts"), FILES)
def test_a_file_of_the_user_s_own(
    refused: Refused, here: Path, group: str, text: str | bytes, parts: list[str]
) -> None:
    folder = here.parent / "mine" / group
    folder.mkdir(parents=True)
    head = b"# @package _global_\n"
    (folder / "mine.yaml").write_bytes(head + (text if isinstance(text, bytes) else text.encode()))
    refused("train", "--config-dir", str(folder.parent), f"{group}=mine", parts=parts)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize(
    ("word", "part"),
    [("trainer=gpu", "trainer=cpu"), ("trainer.precision=16-mixed", "bf16-mixed")],
)
def test_what_this_machine_lacks(refused: Refused, word: str, part: str) -> None:
    refused("train", word, parts=[part])


@pytest.mark.parametrize("words", [["lstm"], ["--mulitrun"], ["model=lstmm"]])
def test_as_a_program(refused: Refused, words: list[str]) -> None:
    refused("train", *words, parts=[words[0].rpartition("=")[2]], process=True)


def test_the_last_of_equal_choices_counts(
    accepted: Callable[..., tuple[str, str]], tiny: list[str]
) -> None:
    out, _ = accepted("train", *tiny, "model=lstm", "model=gru", "--cfg", "job")
    assert "cells.gru.GRU" in out


def test_the_way_to_a_mistake_is_shown_when_asked_for(
    call: Callable[..., tuple[int, str, str]], here: Path
) -> None:
    for verb, words in (("train", ["seed=x"]), ("predict", ["none", "a"]), ("evaluate", ["none"])):
        status, out, err = call(verb, *words, "--traceback")
        assert (status, out) == (2, "")
        assert err.startswith("Traceback")
        assert err.splitlines()[-1].startswith("seqbench: ")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("flag", ["-m", "--multirun"])
def test_options_stand_anywhere(
    train: Callable[..., int], tiny: list[str], here: Path, flag: str
) -> None:
    words = ["trainer.max_epochs=1", "test=false", "seed=0,1"]
    assert train(*tiny, *words, flag) == 0
    assert len(list(here.rglob("result.json"))) == 2

"""What a search refuses, in one line, before it has written anything."""

from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]

LR = "optimizer.lr=loguniform(1e-4,1e-1)"

LINES = [
    ([], ["nothing to search", "optimizer.lr=loguniform"]),
    (["model=gru"], ["nothing to search"]),
    (["optimizer.lr=loguniform(1e-4)"], ["two ends", "loguniform(1e-4,1e-1)"]),
    (["optimizer.lr=uniform()"], ["two ends"]),
    (["optimizer.lr=uniform(0,1,2)"], ["two ends"]),
    (["optimizer.lr=uniform(a,b)"], ["should be numbers"]),
    (["optimizer.lr=uniform(0,nan)"], ["should be numbers"]),
    (["optimizer.lr=uniform(0,inf)"], ["should be numbers"]),
    (["model.hidden_size=int(1.5,3)"], ["whole numbers"]),
    (["model.hidden_size=int(1," + "9" * 5000 + ")"], ["whole numbers", "..."]),
    (["optimizer.lr=uniform(1,1)"], ["first end", "below"]),
    (["optimizer.lr=loguniform(0,1)"], ["above 0", "uniform(0,1)"]),
    (["model.hidden_size=logint(-3,1)"], ["above 0", "int(-3,1)"]),
    (["optimizer.lr=logunifrom(1,2)"], ["did you mean 'loguniform'"]),
    (["optimizer.lr=range(1,3)"], ["a search takes uniform(a,b)"]),
    (["model=glob(*)"], ["a search takes uniform(a,b)"]),
    (["model=rnn,rnn"], ["rnn is given twice"]),
    ([LR, "optimizer.lr=0.1"], ["optimizer.lr is given twice"]),
    (["task=pets,names"], ["task: a search is of one task"]),
    (["seed=0,1"], ["seed", "luck"]),
    (["threads=1,2"], ["threads", "nothing is trained by it"]),
    (["paths.output_dir=int(1,2)"], ["paths.output_dir", "nothing is trained by it"]),
    ([LR, "test=true"], ["test=true", "never reads the test data"]),
    ([LR, "force=true"], ["force", "another --storage"]),
    ([LR, "resume=outputs"], ["resume=outputs", "line is given again"]),
    ([LR, "progress=bar"], ["progress=bar", "progress=lines"]),
    ([LR, "-m"], ["unknown option -m"]),
    ([LR, "hydra/launcher=processes"], ["hydra/launcher", "starts its trials itself"]),
    ([LR, "+sweep=cells"], ["+sweep=cells", "starts its trials itself"]),
    (["optimizer.lr=uniform(-1e308,1e308)"], ["too far", "nearer"]),
    ([LR, "--trial", "3"], ["--trial", "'--trials'"]),
    ([LR, "--trials", "0"], ["--trials", "'0'"]),
    ([LR, "--trials", "٣" * 9], ["--trials", "from 1"]),
    ([LR, "--workers", "-1"], ["--workers"]),
    ([LR, "--seed", "x"], ["--seed", "'x'"]),
    ([LR, "--pruning", "x"], ["--pruning", "'median'"]),
    ([LR, "--sampler", "x"], ["--sampler", "'tpe'"]),
    ([LR, "--storage", "."], ["cannot be read", "--storage"]),
    ([LR, "--storage", "a\0b"], ["no usable path"]),
    ([LR, "--config-dir", "nowhere"], ["nowhere to search"]),
]
"""Of the line itself."""

KEYS = [
    (["optimizer.lrr=loguniform(1e-4,1e-1)"], ["unknown optimizer.lrr", "'optimizer.lr'"]),
    (
        ["model.hidden_size=logint(4,32)", "budget.parameters=1000"],
        ["model.hidden_size: the budget decides it"],
    ),
    (["trainer.max_epochs=1,2", "budget.steps=6"], ["trainer.max_epochs: the budget"]),
    ([LR, "trainer=ddp", "trainer.accelerator=cpu"], ["trainer=ddp", "by one process"]),
    ([LR, "model.hiden_size=3"], ["unknown model.hiden_size", "'model.hidden_size'"]),
    (["modle=rnn,gru"], ["modle"]),
    (["model=rnn,grru"], ["no model 'grru'", "'gru'"]),
    (["model.hidden_size=uniform(8,16)"], ["model.hidden_size", "integer"]),
    (["model.dropout=uniform(0,1.5)"], ["model.dropout", "1"]),
    (["~optimizer.lr=1,2", LR], ["optimizer.lr"]),
    ([LR, "a=b=c"], ["unknown a"]),
    ([LR, "lstm"], ["lstm"]),
    ([LR, "\ud800=1"], ["no valid text"]),
    ([LR, "task=pets", "task.path=nowhere.csv"], ["nowhere.csv"]),
    ([LR, "model.backend=native", "model.zoneout=0.5"], ["model.backend=native"]),
]
"""Of what is trained, at one end of a range or at each."""


@pytest.mark.parametrize(("words", "parts"), [*LINES, *KEYS])
def test_words_that_make_no_search(refused: Refused, words: list[str], parts: list[str]) -> None:
    refused("search", *words, parts=parts)


def test_a_storage_that_is_something_else(refused: Refused, here: Path) -> None:
    (here / "names.csv").write_text("name,class\n")
    refused("search", LR, "--storage", "names.csv", parts=["names.csv", "line 1", "--storage"])


def test_the_way_to_a_mistake(call: Callable[..., tuple[int, str, str]], here: Path) -> None:
    status, out, err = call("search", "--traceback", "model=gru")
    assert (status, out) == (2, "")
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("seqbench: nothing to search")


def test_help_shows_lines_to_copy(call: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = call("search", "--help")
    assert status == 0
    assert '"optimizer.lr=loguniform(1e-4,1e-1)" --trials 40' in out

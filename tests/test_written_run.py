"""Tasks whose networks write, from their yamls to a checkpoint that is measured again."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench import evaluate

SMALL = ["trainer.max_epochs=2", "model.hidden_size=24", "trainer.accelerator=cpu", "threads=1"]


@pytest.mark.parametrize("model", ["lstm", "gru"])
@pytest.mark.parametrize("task", ["names", "write_names"])
def test_it_trains_on_the_built_in_list_and_is_measured_again(
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    capfd: pytest.CaptureFixture[str],
    task: str,
    model: str,
) -> None:
    assert train(f"task={task}", f"model={model}", *SMALL, "progress=lines") == 0
    assert "data: the small built-in list" in capfd.readouterr().err
    content = result(here)
    test = content["metrics"]["test"]
    assert test.keys() == {"loss", "perplexity", "bits_per_character"}
    assert test["bits_per_character"] == pytest.approx(test["loss"] / math.log(2))
    assert test["loss"] < math.log(content["data"]["vocabulary_size"])
    assert "test" in content["baselines"]["trigram"]
    assert evaluate.main(["outputs", "--json", "--threads", "1"]) == 0
    again = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert again["metrics"]["loss"] == pytest.approx(test["loss"], rel=1e-5)
    assert again["unit"] == "names"
    assert again["baselines"] == {
        name: {"test": by["test"]} for name, by in content["baselines"].items()
    }


def test_a_file_is_measured_by_a_run_s_vocabulary(
    train: Callable[..., int], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train("task=names", *SMALL, "progress=none") == 0
    (here / "more.txt").write_text("Анна\nМария\n", "utf-8")
    (here / "strange.txt").write_text("Xqzw\nWxyz\n", "utf-8")
    capfd.readouterr()
    losses = []
    for name in ("more.txt", "strange.txt"):
        assert evaluate.main(["outputs", "--data", name, "--json", "--threads", "1"]) == 0
        content = json.loads(capfd.readouterr().out)
        assert content["rows"] == 2
        assert content["metrics"]["bits_per_character"] > 0
        losses.append(content["metrics"]["loss"])
    assert losses[0] < losses[1]


def test_languages_by_a_folder_of_names(
    train: Callable[..., int], here: Path, result: Callable[[Path], dict[str, Any]]
) -> None:
    for language, ending in (("Czech", "ova"), ("Italian", "ini"), ("Greek", "opoulos")):
        names = "".join(f"{a}{b}{ending}\n" for a in "BDKLMNPRST" for b in "aeiou")
        (here / "names").mkdir(exist_ok=True)
        (here / "names" / f"{language}.txt").write_text(f"{names}Roma\n", "utf-8")
    words = ["model.hidden_size=16", "trainer.max_epochs=4", "progress=none", "threads=1"]
    assert train("task=languages", "task.path=names", *words, "optimizer.lr=0.02") == 0
    content = result(here)
    assert content["data"]["sizes"] == {"train": 123, "val": 12, "test": 15}  # no Roma
    assert content["metrics"]["test"]["accuracy"] > 0.8
    assert content["baselines"]["majority"]["test"]["accuracy"] < 0.4


def test_another_network_is_refused(
    train: Callable[..., int], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train("task=write_names", "model._target_=seqbench.models.network.Network") == 2
    assert "use model._target_=seqbench.models.writer.Writer" in capfd.readouterr().err
    assert train("task=names", "model._target_=seqbench.models.writer.Writer") == 2
    assert "use model._target_=seqbench.models.network.Network" in capfd.readouterr().err
    assert not list(here.iterdir())

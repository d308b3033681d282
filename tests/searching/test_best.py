"""The best setting as a command line and as a yaml file, which train the same run."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from seqbench import compose
from seqbench.searching import best


@pytest.fixture(autouse=True)
def once(composed_once: None, here: Path) -> None:
    """In an empty directory."""


def composed(words: list[str]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def job(config: dict[str, Any], origin: Any) -> int:
        found.append(config)
        return 0

    compose.run(words, job)
    return found[0]


@pytest.mark.parametrize(
    "words",
    [
        ["optimizer.lr=1.2345678901234567e-05"],
        ["task=pets", "model=gru", "model.hidden_size=32", "seed=3"],
        ["task=pets", "model/head=last", "callbacks=early_stopping", "logger=none"],
        ["experiment=pets_textbook_gru", "optimizer.lr=0.5", "model=rnn"],
        ["+trainer.limit_train_batches=3", "++trainer.max_epochs=2", "model.bidirectional=True"],
        ["task.train_lengths=[4,7]", "paths.output_dir=some where", "threads=1"],
        ["task=pets", "task.path=имя, и имя.csv", "task.text_column='a,b'"],
        ["model.cell={_target_: seqbench.models.cells.gru.GRU}"],
    ],
)
def test_a_yaml_trains_what_the_words_do(words: list[str]) -> None:
    wanted = composed(words)
    text = best.experiment(words, ["one line", "another"])
    assert text is not None
    assert text.startswith("# @package _global_\n# one line\n# another\n")
    line = best.keep(Path("searches"), "found-1", text, [], wanted, composed)
    assert line == "python -m seqbench.train --config-dir searches experiment=found-1"
    assert best.essence(composed(shlex.split(line)[3:])) == best.essence(wanted)
    plain = shlex.split(best.command(words, None))
    assert plain[:3] == ["python", "-m", "seqbench.train"]
    assert composed(plain[3:]) == wanted


@pytest.mark.parametrize("word", ["~model.cell", "~experiment", "model@other=gru"])
def test_no_yaml_for_what_none_can_say(word: str) -> None:
    assert best.experiment(["task=pets", word], []) is None


def test_no_yaml_that_would_train_something_else(tmp_path: Path) -> None:
    """A preset of debug/ comes behind all experiments, so that none can choose it."""
    words = ["debug=limit", "trainer.limit_train_batches=77"]
    text = best.experiment(words, [])
    assert text is not None
    folder = tmp_path / "searches"
    assert best.keep(folder, "found", text, [], composed(words), composed) is None
    assert not folder.exists()


def test_a_folder_of_the_user_s_own_is_searched_by_both() -> None:
    own = Path("own", "model")
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("defaults: [gru, _self_]\nhidden_size: 17\n")
    words = ["model=mine"]
    wanted = composed(["--config-dir", "own", *words])
    text = best.experiment(words, [])
    assert text is not None
    place = f"hydra.searchpath=['file://{Path('own').absolute()}']"
    line = best.keep(Path("searches"), "found", text, [place], wanted, composed)
    assert line is not None
    assert composed(shlex.split(line)[3:])["model"] == wanted["model"]
    assert best.command(words, "own") == "python -m seqbench.train --config-dir own model=mine"

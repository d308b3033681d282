"""Experiments: each runs, its sizes cut; labels such as one of them had are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.places import CONF

SMALL = {
    "modular_sum": [
        "task.train_lengths=[4,7]",
        "task.train_size=200",
        "task.val_size=20",
        "task.long_length=12",
        "task.test_size=20",
    ],
    "imdb": ["task.path=reviews", "task.expected_rows=null", "task.max_length=6"],
    "pets": [],
    "names": [],
    "hello": [],
    "anna": ["task.path=text.txt", "model.hidden_size=16"],
    "mnist": ["task.path=images"],
    "ptb": ["task.path=text.txt", "model.hidden_size=8", "task.batch_size=5"],
}
SOURCE: dict[str, dict[str, Any]] = {
    "modular_sum_textbook_rnn": {"trainer.max_epochs": 200, "optimizer.lr": 1e-3},
    "modular_sum_textbook_lstm": {"trainer.max_epochs": 100, "model.hidden_size": 64},
    "modular_sum_textbook_gru": {"trainer.max_epochs": 70, "task.shuffle": False},
    "imdb_25x8_rnn": {"trainer.max_epochs": 5, "optimizer.lr": 1e-7, "model.num_layers": 25},
    "imdb_25x8_lstm": {"trainer.max_epochs": 2, "optimizer.lr": 1e-10, "model.hidden_size": 8},
    "imdb_25x8_gru_v1": {"trainer.max_epochs": 3, "optimizer.lr": 1e-9, "task.batch_size": 1000},
    "pets_textbook_elman": {"optimizer.lr": 0.01, "model.backend": "reference"},
    "pets_textbook_rnn": {"optimizer.lr": 0.1, "optimizer.momentum": 0, "model.hidden_size": 10},
    "pets_textbook_lstm": {"model.head.hidden_layer": 64, "model.embedding.size": 300},
    "pets_textbook_gru": {"model.head.after_padding": True, "task.contradictions": "first"},
    "names_textbook": {
        "trainer.max_epochs": 100,
        "model.hidden_size": 12,
        "optimizer.lr": 0.01,
        "task.lowercase": True,
        "task.marks": False,
        "task.pad_with_spaces": True,
    },
    "hello_cell": {"trainer.max_epochs": 15, "model.hidden_size": 4, "optimizer.lr": 0.1},
    "hello_rnn": {"trainer.max_epochs": 15, "model.hidden_size": 4, "optimizer.lr": 0.05},
    "hello_embedding": {
        "trainer.max_epochs": 15,
        "model.hidden_size": 8,
        "model.num_layers": 2,
        "model.embedding.size": 10,
        "optimizer.lr": 0.1,
    },
    "anna_textbook": {
        "trainer.max_epochs": 50,
        "task.level": "whitespace",
        "task.lowercase": False,
        "task.sequence_length": 32,
        "task.batch_size": 16,
        "model.embedding.size": 64,
        "optimizer.lr": 0.01,
        "trainer.gradient_clip_val": 5.0,
        "callbacks.samples.prompts": ["Анна Не"],
        "callbacks.samples.top_k": 5,
        "callbacks.samples.uniform": True,
    },
    "anna_adaptive": {"trainer.max_epochs": 12, "task.level": "whitespace"},
    "mnist_pixels": {"task.step": 1, "model.cell.update_bias": 4, "trainer.max_epochs": 6},
    "ptb_small": {
        "trainer.max_epochs": 13,
        "task.sequence_length": 20,
        "model.num_layers": 2,
        "model.embedding.size": 200,
        "optimizer.lr": 20.0,
        "trainer.gradient_clip_val": 0.25,
    },
}
"""Some of what the sources did."""

SOUND = ("anna_adaptive", "ptb_small", "mnist_pixels")


def text(file: Path) -> None:
    """Some hundred words, those of a prompt among them."""
    words = [f"слово{i % 400}" for i in range(1, 4000)]
    file.write_text(" ".join([*words, "Анна Не"] * 2), "utf-8")


def reviews(folder: Path, labels: list[int]) -> None:
    folder.mkdir()
    rows = "".join(f"a film {i} {'good' if i % 2 else 'bad'},{x}\n" for i, x in enumerate(labels))
    for split in ("train", "test"):
        (folder / f"{split}.csv").write_text("text,label\n" + rows)


def test_all_experiments_are_known() -> None:
    assert {path.stem for path in (CONF / "experiment").glob("*.yaml")} == set(SOURCE)


@pytest.mark.parametrize("name", SOURCE)
def test_it_runs_with_the_source_s_settings(
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    idx_files: Callable[..., dict[str, bytes]],
    name: str,
) -> None:
    task = next(task for task in SMALL if name.startswith(task))
    reviews(here / "reviews", [i % 2 for i in range(40)])
    text(here / "text.txt")
    (here / "images").mkdir()
    for file, body in idx_files().items():
        (here / "images" / file).write_bytes(body)
    words = [*SMALL[task], "trainer.accelerator=cpu", "progress=none", "threads=1"]
    assert train(f"experiment={name}", *words, "trainer.max_epochs=1") == 0
    content = result(here)
    assert content["experiment"] == name
    for key, wanted in SOURCE[name].items():
        node: Any = content["config"]
        for part in key.split("."):
            node = node[part]
        if key != "trainer.max_epochs":
            assert node == wanted, key
    first = (CONF / "experiment" / f"{name}.yaml").read_text("utf-8")
    assert f"max_epochs: {SOURCE[name].get('trainer.max_epochs', 3)}\n" in first
    for part in ("Seen here", *(() if name in SOUND else ("Reported", "What is wrong with it"))):
        assert part in first


def test_the_old_labels_are_refused(
    train: Callable[..., int], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reviews(here / "reviews", [0] * 40)
    assert train("experiment=imdb_25x8_lstm", *SMALL["imdb"]) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1
    for part in ("train.csv", "all 40 rows have the label 'negative'", "two classes"):
        assert part in err
    assert {path.name for path in here.iterdir()} == {"reviews"}

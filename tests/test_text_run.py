"""Labelled texts from a csv file to a checkpoint that encodes raw text by itself."""

import csv
import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.places import CONF

WORDS = [
    "task=text_classification",
    "task.text_column=имя",
    "task.label_column=класс",
    "task.level=char",
    "model.hidden_size=16",
    "model.embedding.size=8",
    "trainer.accelerator=cpu",
    "progress=lines",
    "threads=1",
]
VOWELS, CONSONANTS = "аеиоу", "бвгдж"


def write(path: Path, letters: dict[str, str], rows: int = 600) -> None:
    """Names whose class is told by the letters they are made of."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("имя", "класс"))
        for _ in range(rows):
            label = draw.choice(sorted(letters))
            writer.writerow(("".join(draw.choices(letters[label], k=draw.randint(2, 9))), label))


def test_a_csv_of_names_trains_and_its_checkpoint_stands_alone(
    train: Callable[..., int], here: Path, result: Callable[[Path], dict[str, Any]]
) -> None:
    from seqbench import load

    write(here / "Клички, все.csv", {"кошка": VOWELS + "мн", "собака": CONSONANTS + "мн"})
    words = [*WORDS, "task.path=Клички, все.csv", "model=gru", "model.bidirectional=true"]
    assert train(*words, "trainer.max_epochs=3", "optimizer.lr=0.02") == 0
    content = result(here)
    assert content["metrics"]["test"]["accuracy"] > 0.9
    assert content["metrics"]["test"]["auroc"] > 0.9
    assert 0.4 < content["baselines"]["majority"]["test"]["accuracy"] < 0.6
    assert content["data"]["sizes"] == {"train": 486, "val": 54, "test": 60}

    assert set(content["reports"]) == {"train", "val", "test"}
    for split, report in content["reports"].items():
        metrics, matrix = content["metrics"][split], np.array(report["confusion"])
        assert matrix.sum() == content["data"]["sizes"][split]
        assert metrics["accuracy"] == pytest.approx(matrix.trace() / matrix.sum())
        classes = report["classes"]
        assert list(classes) == ["кошка", "собака"]
        assert [values["support"] for values in classes.values()] == matrix.sum(1).tolist()
        f1 = [values["f1"] for values in classes.values()]
        assert metrics["macro_f1"] == pytest.approx(sum(f1) / 2)

    (checkpoint,) = here.rglob("best.ckpt")
    trained = load(checkpoint)
    assert trained.spec.labels == ("кошка", "собака")
    assert trained.spec.vocabulary[:2] == ("<pad>", "<unk>")
    assert set(trained.spec.vocabulary[2:]) == set(VOWELS + CONSONANTS + "мн")
    found = trained.predict(["АЕИ", "бвг", "жжж☃"])
    assert [each.label for each in found] == ["кошка", "собака", "собака"]
    assert [each.unknown for each in found] == [0, 0, 1]


def test_too_good_to_be_true_is_told(
    train: Callable[..., int], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.csv", {"x": VOWELS, "y": CONSONANTS})
    assert train(*WORDS, "task.path=a.csv", "optimizer.lr=0.02", "task.batch_size=8") == 0
    assert capfd.readouterr().err.count("wrong labels") == 1
    (log,) = here.rglob("train.log")
    assert "WARNING" in log.read_text("utf-8")
    assert "texts more than once" in log.read_text("utf-8")
    assert not logging.getLogger("seqbench").handlers


OTHERS = ("base", "per_step", "identity", "adaptive_softmax", "regression", "features")
"""Yaml files of what is not for a text with a class."""


@pytest.mark.parametrize(
    "choice",
    [
        f"{group}={path.stem}"
        for group in ("model", "model/head", "model/embedding")
        for path in sorted((CONF / group).glob("*.yaml"))
        if path.stem not in OTHERS
    ],
)
def test_every_model_head_and_embedding_trains(
    train: Callable[..., int], here: Path, choice: str
) -> None:
    write(here / "a.csv", {"x": VOWELS, "y": CONSONANTS}, rows=60)
    words = [w for w in WORDS if "embedding" not in w or not choice.startswith("model/emb")]
    assert train(*words, "task.path=a.csv", "trainer.max_epochs=1", choice) == 0


def test_the_same_data_elsewhere_are_the_same_run(
    train: Callable[..., int], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(here / "a.csv", {"x": VOWELS, "y": CONSONANTS}, rows=100)
    (here / "b.csv").write_bytes((here / "a.csv").read_bytes())
    assert train(*WORDS, "task.path=a.csv", "trainer.max_epochs=1") == 0
    assert train(*WORDS, "task.path=b.csv", "trainer.max_epochs=1") == 0
    assert "trained already" in capfd.readouterr().err
    write(here / "b.csv", {"x": VOWELS, "y": CONSONANTS}, rows=101)
    assert train(*WORDS, "task.path=b.csv", "trainer.max_epochs=1") == 0
    assert len(list(here.rglob("result.json"))) == 2


def test_pets_run_from_start_to_end_on_the_built_in_list(
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = ["task=pets", "model=gru", "trainer.max_epochs=2", "progress=lines", "threads=1"]
    assert train(*words) == 0
    content = result(here)
    assert sum(content["data"]["sizes"].values()) == content["data"]["rows"]["train"] > 300
    assert content["data"]["policies"]["contradictions"]["train"]["texts"] == 0
    assert content["data"]["mended"] == {"train": 0, "val": 0, "test": 0}
    assert {"accuracy", "macro_f1", "auroc"} <= content["metrics"]["test"].keys()
    told = capfd.readouterr()
    assert f"built-in list pets, {content['data']['rows']['train']} rows" in told.err
    assert "task.path=FILE" in told.err
    assert "macro_f1" in told.out
    assert train(*words, "task.built_in=nets") == 2
    assert "task.built_in=nets: no such list; did you mean 'pets'?" in capfd.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_pets_of_a_file_with_columns_of_its_own(
    train: Callable[..., int],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
) -> None:
    write(here / "клички.csv", {"кошка": VOWELS + "мн", "собака": CONSONANTS + "мн"}, rows=80)
    text = (here / "клички.csv").read_text("utf-8")
    (here / "клички.csv").write_text(text, encoding)
    words = ["task=pets", "task.path=клички.csv", "task.text_column=имя"]
    words += ["task.label_column=класс", f"task.encoding={encoding}", "trainer.max_epochs=1"]
    assert train(*words, "threads=1", "task.classes=[собака,кошка]", "model.hidden_size=8") == 0
    content = result(here)
    assert list(content["data"]["class_counts"]["train"]) == ["собака", "кошка"]
    monkeypatch.setenv("SEQBENCH_DATA_DIR", str(here))
    words = ["task=pets", "task.folder=клички.csv", *words[2:], "threads=1"]
    assert train(*words, "model.hidden_size=8", "seed=1") == 0
    assert len(list(here.rglob("result.json"))) == 2


def test_no_network_and_no_data(here: Path) -> None:
    """The hub's address is read when its library is imported, so in a process of its own."""
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "seqbench.train", "task=imdb"],
        env=os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(here.parent / "hf")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "SEQBENCH_DATA_DIR" in ended.stderr
    assert list(here.iterdir()) == []
    assert time.monotonic() - started < 60

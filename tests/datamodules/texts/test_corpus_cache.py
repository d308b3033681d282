"""The encoded data are found again where nothing changed, and made anew where anything did."""

import csv
import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.datamodules.text_classification import TextClassification
from seqbench.datamodules.texts.corpus import CorpusSettings

WORDS = [f"w{i}" for i in range(50)]


def review(random: np.random.Generator) -> str:
    return " ".join(random.choice(WORDS, random.integers(3, 20))) + "."


def write(path: Path, rows: Sequence[tuple[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    random = np.random.default_rng(seed)
    return [(review(random), ("neg", "pos")[i % 2]) for i in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "data" / "train.csv", reviews(200))
    write(tmp_path / "data" / "test.csv", reviews(100, seed=1))
    return tmp_path / "data"


def load(path: Path, cache: Path | None = None, **settings: Any) -> TextClassification:
    cache = cache or path.parent / "cache"
    data = TextClassification(cache_dir=str(cache), path=str(path), **settings)
    data.prepare_data()
    data.setup()
    return data


def decoded(data: TextClassification, split: str) -> list[str]:
    ragged = data.splits[split]
    rows = np.split(ragged.tokens, ragged.offsets[1:-1])
    return [" ".join(data.spec.vocabulary[i] for i in row) for row in rows]


def test_the_cache_is_found_again_without_reading_the_texts(folder: Path) -> None:
    load(folder, max_length=5)
    program = (
        "import sys\n"
        "from seqbench.datamodules.text_classification import TextClassification\n"
        f"data = TextClassification(cache_dir={str(folder.parent / 'cache')!r},"
        f" path={str(folder)!r}, batch_size=7, max_length=9, keep='tail')\n"
        "data.setup()\n"
        "assert not {'pyarrow', 'datasets', 'pandas'} & sys.modules.keys()\n"
        f"other, path = {str(folder.parent / 'other')!r}, {str(folder)!r}\n"
        "TextClassification(cache_dir=other, path=path).setup()\n"
        "assert 'datasets' not in sys.modules\n"
        "print(len(data.splits['train']))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.stdout, result.returncode) == ("180\n", 0), result.stderr
    assert (
        len([path for path in (folder.parent / "cache" / "texts").iterdir() if path.is_dir()]) == 1
    )


def caches(folder: Path) -> set[str]:
    return {path.name for path in (folder.parent / "cache" / "texts").iterdir() if path.is_dir()}


def test_each_setting_that_matters_has_its_own_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other: dict[str, Any] = {
        "classes": ["pos", "neg"],
        "val_fraction": 0.2,
        "test_fraction": 0.2,
        "data_seed": 1,
        "level": "char",
        "lowercase": False,
        "strip_html": True,
        "vocabulary_size": 20,
        "min_count": 3,
        "expected_rows": {"train": 200},
        "drop_classes": ["other"],
        "contradictions": "drop",
        "duplicates": "drop",
        "mend_homoglyphs": True,
        "encoding": "latin-1",
    }
    columns = {"text_column", "label_column"}
    fields = {field.name for field in dataclasses.fields(CorpusSettings)}
    assert fields | {"encoding"} == other.keys() | columns
    data = load(folder)
    for number, (name, value) in enumerate(other.items(), start=2):
        changed = load(folder, **{name: value})
        assert len(caches(folder)) == number, name
        drawing = ["classes", "val_fraction", "test_fraction", "data_seed", "encoding"]
        drawing += ["drop_classes", "contradictions", "duplicates", "mend_homoglyphs"]
        assert (changed.fingerprint != data.fingerprint) == (name in drawing), name
    monkeypatch.setattr("seqbench.datamodules.text_classification.VERSION", -1)
    load(folder)
    assert len(caches(folder)) == len(other) + 2


def test_columns_and_content_have_their_own_cache(tmp_path: Path) -> None:
    rows = [(f"a{i}", f"b{i}", i % 2, (i + 1) % 2) for i in range(40)]
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "x", "y"), *rows])
    prints = {
        load(path, text_column=text, label_column=label).fingerprint
        for text in "ab"
        for label in "xy"
    }
    assert len(prints) == 4
    with path.open("a") as file:
        file.write("a,b,0,1\n")
    assert load(path, text_column="a", label_column="x").fingerprint not in prints


def test_the_same_data_elsewhere_have_the_same_fingerprint_and_cache(folder: Path) -> None:
    first = load(folder)
    moved = folder.rename(folder.with_name("moved"))
    second = load(moved)
    assert first.fingerprint == second.fingerprint
    assert len(caches(folder)) == 1
    write(moved / "test.csv", reviews(100, seed=3))
    assert load(moved).fingerprint != first.fingerprint


def test_a_truncated_cache_is_rebuilt(folder: Path) -> None:
    before = decoded(load(folder), "train")
    (tokens,) = (folder.parent / "cache").glob("texts/*/train.tokens.npy")
    os.truncate(tokens, tokens.stat().st_size // 2)
    assert decoded(load(folder), "train") == before


def test_two_processes_at_once(folder: Path) -> None:
    program = (
        "from seqbench.datamodules.text_classification import TextClassification\n"
        f"data = TextClassification(cache_dir={str(folder.parent / 'cache')!r},"
        f" path={str(folder)!r})\n"
        "data.setup()\n"
        "print(data.splits['train'].tokens.sum())\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1] == f"{load(folder).splits['train'].tokens.sum()}\n".encode()

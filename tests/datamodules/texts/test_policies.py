"""Texts under two labels, rows that stand twice, classes that are left out."""

import csv
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqbench.datamodules.text_classification import TextClassification
from seqbench.datamodules.texts.policies import Contradictions, Duplicates, apply_policies
from seqbench.errors import UserError

Load = Callable[..., TextClassification]
Refusal = Callable[..., str]
Decoded = Callable[[TextClassification], list[tuple[str, str]]]
Rows = Sequence[tuple[str, str]]


def write(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def by_hand(rows: list[tuple[int, int]], contradictions: str, duplicates: str) -> list[int]:
    """The same rules, one row at a time."""
    kept: list[int] = []
    for i, (text, label) in enumerate(rows):
        labels = [b for a, b in rows if a == text]
        most = max(Counter(labels).values())
        right = {
            "keep": True,
            "drop": len({*labels}) == 1,
            "majority": label == next(b for b in labels if labels.count(b) == most),
            "first": label == labels[0],
        }[contradictions]
        if right and (duplicates == "keep" or (text, label) not in [rows[k] for k in kept]):
            kept.append(i)
    return kept


@pytest.mark.parametrize("contradictions", get_args(Contradictions))
@pytest.mark.parametrize("duplicates", get_args(Duplicates))
def test_policies_are_what_they_are_by_hand(
    contradictions: Contradictions, duplicates: Duplicates
) -> None:
    draw = random.Random(0)
    for _ in range(50):
        size = draw.randint(1, 40)
        rows = [(draw.randint(-9, 9), draw.randint(0, 2)) for _ in range(size)]
        keys, labels = (np.array(column) for column in zip(*rows, strict=True))
        kept, counts = apply_policies(keys, labels, contradictions, duplicates)
        assert kept.tolist() == by_hand(rows, contradictions, duplicates)
        assert len(rows) - len(kept) == sum(met["rows_left_out"] for met in counts.values())
        met = sum(len({b for a, b in rows if a == text}) > 1 for text in {a for a, _ in rows})
        assert counts["contradictions"]["texts"] == met


def test_first_and_drop_are_pandas_drop_duplicates() -> None:
    draw = np.random.default_rng(0)
    keys, labels = draw.integers(0, 50, 300), draw.integers(0, 3, 300)
    kept, _ = apply_policies(keys, labels, "first", "drop")
    frame = pd.DataFrame({"text": keys, "label": labels}).drop_duplicates("text")
    assert kept.tolist() == frame.index.tolist()


FILLER = [(f"filler {i}", "ab"[i % 2]) for i in range(40)]
CROSSED = [("Same Text", "a"), ("same  text ", "b"), ("SAME TEXT", "b"), ("other", "a")] * 2


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ("keep", ["a", "a", "b", "b", "b", "b"]),
        ("drop", []),
        ("majority", ["b", "b", "b", "b"]),
        ("first", ["a", "a"]),
    ],
)
def test_a_policy_is_applied_to_texts_as_the_model_sees_them(
    tmp_path: Path, load: Load, rows: Decoded, policy: str, left: list[str]
) -> None:
    path = write(tmp_path / "a.csv", [*FILLER, *CROSSED])
    data = load(path, contradictions=policy)
    assert [label for text, label in rows(data) if text == "same text"] == left
    assert data.facts["policies"]["contradictions"] == {
        "train": {"texts": 1, "rows_left_out": 6 - len(left)}
    }
    assert data.facts["contradictions"] == (policy == "keep")
    told = f"task.contradictions={policy}: train {6 - len(left)} rows of 1 texts under two labels"
    assert any(told in note for note in data.notes) == (policy != "keep")
    assert load(path, contradictions=policy).notes == data.notes


def test_characters_are_compared_without_the_space_around_them(tmp_path: Path, load: Load) -> None:
    crossed = [(" Бapсик", "a"), ("барсик ", "b"), ("бар сик", "a"), ("<i>Барсик", "a")]
    path = write(tmp_path / "a.csv", [*FILLER, *crossed])
    settings: dict[str, Any] = {"level": "char", "contradictions": "drop"}

    def met(**more: Any) -> dict[str, int]:
        found: dict[str, int] = load(path, **settings, **more).facts["policies"]["contradictions"]
        return found["train"]  # type: ignore[return-value]

    assert met() == {"texts": 0, "rows_left_out": 0}
    assert met(mend_homoglyphs=True) == {"texts": 1, "rows_left_out": 2}
    assert met(mend_homoglyphs=True, strip_html=True) == {"texts": 1, "rows_left_out": 3}
    assert met(mend_homoglyphs=True, lowercase=False) == {"texts": 0, "rows_left_out": 0}


def test_duplicates_are_dropped_within_each_split_and_never_across(
    tmp_path: Path, load: Load
) -> None:
    folder = tmp_path / "data"
    write(folder / "train.csv", [*FILLER, ("one", "a"), ("One", "a"), ("one", "b")])
    write(folder / "val.csv", FILLER)
    write(folder / "test.csv", [*FILLER, ("one", "b"), ("two", "a"), ("two", "a")])
    data = load(folder, duplicates="drop")
    assert data.facts["sizes"] == {"train": 42, "val": 40, "test": 42}
    assert data.facts["policies"]["duplicates"]["train"] == {"texts": 1, "rows_left_out": 1}
    assert data.facts["duplicates"] == {"train": 1, "val": 0, "test": 0}
    told = "duplicates=drop: train 1 rows of 1 texts, test 1 rows of 1"
    assert any(told in note for note in data.notes)
    data = load(folder, duplicates="drop", contradictions="first")
    assert data.facts["sizes"] == {"train": 41, "val": 40, "test": 42}
    assert data.facts["contradictions"] == 1, "one stands under a in train and under b in test"
    assert data.facts["overlaps"]["train/test"] == 41


def test_a_policy_that_leaves_one_class_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    path = write(tmp_path / "a.csv", [("x", "a"), ("x", "b"), ("y", "a"), ("z", "a")])
    message = refusal(path, contradictions="drop")
    assert "after task.contradictions=drop: all 2 rows have the label 'a'" in message


def test_classes_are_dropped_and_counted(tmp_path: Path, load: Load, refusal: Refusal) -> None:
    path = write(tmp_path / "a.csv", [*FILLER, ("g", "goat"), ("h", "goat"), ("", "goat")])
    data = load(path, drop_classes=["pig", "goat"])
    assert data.spec.labels == ("a", "b")
    assert data.facts["dropped_classes"] == {"train": {"goat": 2, "pig": 0}}
    assert data.facts["dropped"] == {"train": 1}
    assert "left out by task.drop_classes: train (goat 2)" in data.notes
    assert load(path, drop_classes=["goat"], classes=["b", "a"]).spec.labels == ("b", "a")
    message = refusal(tmp_path / "a.csv", drop_classes=["pig"], classes=["b", "a"])
    assert "row 41 has the unknown label 'goat'; the classes are b, a" in message
    assert "no row with a text" in refusal(path, drop_classes=["a", "b", "goat"])
    with pytest.raises(UserError, match=r"task\.classes and task\.drop_classes both name b$"):
        load(path, drop_classes=["b"], classes=["b", "a"])


def test_classes_that_the_data_name_can_be_dropped(
    tmp_path: Path, load: Load, rows: Decoded
) -> None:
    import datasets

    names = datasets.ClassLabel(names=["none", "b", "a"])
    features = datasets.Features({"text": datasets.Value("string"), "label": names})
    texts = {"text": ["none", "b", "a"] * 10, "label": [0, 1, 2] * 10}
    datasets.Dataset.from_dict(texts, features=features).to_parquet(str(tmp_path / "a.parquet"))
    data = load(tmp_path / "a.parquet", drop_classes=["none"])
    assert data.spec.labels == ("b", "a")
    assert {*rows(data)} == {("a", "a"), ("b", "b")}
    assert load(tmp_path / "a.parquet").spec.labels == ("none", "b", "a")
    plain = pa.table({"text": ["x", "y", "z"] * 10, "label": [-1, 0, 1] * 10})
    pq.write_table(plain, tmp_path / "b.parquet")
    data = load(tmp_path / "b.parquet", drop_classes=["-1"], classes=["n", "p"])
    assert {*rows(data)} == {("y", "n"), ("z", "p")}

"""A labelled file is read for the spec of another task's data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.datamodules.base import TaskData
from seqbench.datamodules.text_classification import TextClassification
from seqbench.datamodules.texts.encoder import TextEncoder
from seqbench.errors import UserError

Load = Callable[..., TextClassification]


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["text,label", *rows]), "utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path, load: Load) -> TextClassification:
    rows = [row for i in range(20) for row in (f"a good film {i},pos", f"Don't see {i}!,neg")]
    path = write(tmp_path / "train.csv", *rows)
    return load(path, max_length=4, keep="tail", drop_classes=["unsure"], contradictions="drop")


@pytest.mark.parametrize("level", ["word", "char"])
def test_rows_are_encoded_as_the_spec_says(tmp_path: Path, load: Load, level: str) -> None:
    path = write(tmp_path / "train.csv", *(f"a gооd film {i},{'np'[i % 2]}" for i in range(40)))
    data = load(path, level=level, max_length=4, keep="head+tail", mend_homoglyphs=True)
    texts = ["A gоod film!", "<br>", "unseen words, a film of them", "a a a"] * 700
    test = write(
        tmp_path / "test.csv", *(f'"{text}",{"pn"[i % 2]}' for i, text in enumerate(texts))
    )
    other = load(path, level="char", lowercase=False, duplicates="drop")
    for task in (data, other):
        found = task.from_file(str(test), data.spec)
        wanted = TextEncoder.from_spec(data.spec).dataset(texts)
        assert isinstance(found, type(wanted))
        assert found.tokens.tolist() == wanted.tokens.tolist()
        assert found.offsets.tolist() == wanted.offsets.tolist()
        assert found.targets.tolist() == [1, 0] * 1400
        rows = np.array([3, 0, 2])
        assert found[rows].inputs.equal(wanted[rows].inputs)
        assert found.lengths.max() == 4


def test_one_class_is_enough_and_policies_do_not_apply(
    tmp_path: Path, data: TextClassification, caplog: pytest.LogCaptureFixture
) -> None:
    test = write(tmp_path / "b.csv", "one,pos", "one,pos", ",neg", "one,unsure")
    before = sorted(path.name for path in (tmp_path / "cache").rglob("*"))
    with caplog.at_level("INFO"):
        found = data.from_file(str(test), data.spec)
    assert found.targets.tolist() == [1, 1]
    assert found.tokens.tolist() == [1, 1]
    assert "b.csv: 2 texts; empty, dropped: 1" in caplog.text
    assert "task.drop_classes: unsure 1" in caplog.text
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*")) == before


def test_a_folder_of_class_files(tmp_path: Path, data: TextClassification) -> None:
    (tmp_path / "new").mkdir()
    for name in ("neg", "pos"):
        (tmp_path / "new" / f"{name}.txt").write_text("one\ntwo\n")
    assert data.from_file(str(tmp_path / "new"), data.spec).targets.tolist() == [0, 0, 1, 1]
    with pytest.raises(UserError, match="none: no such file or folder"):
        data.from_file(str(tmp_path / "none"), data.spec)
    write(tmp_path / "new" / "train.csv", "a,pos")
    write(tmp_path / "new" / "test.csv", "a,pos")
    with pytest.raises(UserError, match="the folder holds train, test; name one of its files"):
        data.from_file(str(tmp_path / "new"), data.spec)


def test_indices_are_labels_where_the_classes_were_given(
    tmp_path: Path, load: Load, data: TextClassification
) -> None:
    test = tmp_path / "a.jsonl"
    test.write_text("".join(json.dumps({"text": "a", "label": i}) + "\n" for i in (1, 0, 1)))
    given = load(tmp_path / "train.csv", classes=["neg", "pos"])
    assert given.from_file(str(test), given.spec).targets.tolist() == [1, 0, 1]
    with pytest.raises(UserError, match="row 1 has the unknown label 1; the classes are neg, pos"):
        data.from_file(str(test), data.spec)


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (["a,pos", "b,bad"], {}, "row 2 has the unknown label 'bad'; the classes are neg, pos"),
        ([], {}, "has a header but no rows"),
        ([",pos"], {}, "no row with a text and a label"),
        (["ё,pos"], {"encoding": "ascii"}, "not in the encoding ascii from line 2"),
        (["a,pos"], {"text_column": "x"}, "no column 'x'"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(
    tmp_path: Path,
    data: TextClassification,
    rows: list[str],
    settings: dict[str, Any],
    message: str,
) -> None:
    test = write(tmp_path / "test.csv", *rows)
    task = TextClassification(cache_dir=str(tmp_path / "cache"), **settings)
    with pytest.raises(UserError, match=message) as caught:
        task.from_file(str(test), data.spec)
    assert "test.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_task_of_no_files_says_so(data: TextClassification) -> None:
    with pytest.raises(UserError, match="this task reads no data from a file; leave --data out"):
        TaskData.from_file(data, "a.csv", data.spec)

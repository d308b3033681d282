"""Texts without labels, from files of all kinds."""

import json
from pathlib import Path

import pandas as pd
import pytest

from seqbench.datamodules.texts.plain import find_lists, texts
from seqbench.errors import UserError

WANTED = ["Анна", "", "Дарья, 2", "Ия"]


def write(folder: Path, kind: str, encoding: str = "utf-8") -> Path:
    file = folder / f"names.{kind}"
    if kind == "parquet":
        pd.DataFrame({"id": range(4), "имя": WANTED}).to_parquet(file)
    elif kind == "txt":
        file.write_text("\n".join([" Анна ", *WANTED[1:]]), encoding)
    elif kind == "jsonl":
        rows = [json.dumps({"имя": name or None}, ensure_ascii=False) for name in WANTED]
        file.write_text("\n".join(rows), encoding)
    else:
        mark = "," if kind == "csv" else "\t"
        rows = [f'{i}{mark}"{name}"' for i, name in enumerate(WANTED)]
        file.write_text("\n".join([f"id{mark}имя", *rows]), encoding)
    return file


@pytest.mark.parametrize("kind", ["txt", "csv", "tsv", "jsonl", "parquet"])
def test_every_format_gives_the_same_texts(tmp_path: Path, kind: str) -> None:
    assert list(texts(write(tmp_path, kind), "имя", "utf-8")) == WANTED


@pytest.mark.parametrize("kind", ["txt", "csv"])
def test_another_encoding(tmp_path: Path, kind: str) -> None:
    assert list(texts(write(tmp_path, kind, "cp1251"), "имя", "cp1251")) == WANTED


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_column_that_is_not_there(tmp_path: Path, kind: str) -> None:
    file = write(tmp_path, kind)
    with pytest.raises(UserError, match=r"no column 'name'; there are .*'имя': set task\.text_col"):
        list(texts(file, "name", "utf-8"))


def test_a_column_of_numbers_and_a_damaged_file(tmp_path: Path) -> None:
    file = write(tmp_path, "parquet")
    with pytest.raises(UserError, match=r"the column 'id' holds int64, no strings"):
        list(texts(file, "id", "utf-8"))
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"names\.parquet: damaged, or no parquet file"):
        list(texts(file, "имя", "utf-8"))


def test_which_file_is_which_split(tmp_path: Path) -> None:
    for name in ("train.txt", "valid.csv", "test.txt", "notes.md", ".test.csv"):
        (tmp_path / name).write_text("Анна\n", "utf-8")
    found = find_lists(str(tmp_path))
    assert {split: file.name for split, file in found.items()} == {
        "train": "train.txt",
        "val": "valid.csv",
        "test": "test.txt",
    }
    (tmp_path / "dev.txt").write_text("Анна\n", "utf-8")
    with pytest.raises(UserError, match=r"dev\.txt and valid\.csv both look like the split val"):
        find_lists(str(tmp_path))


def test_what_cannot_be_found(tmp_path: Path) -> None:
    (tmp_path / "names.doc").write_text("Анна\n", "utf-8")
    with pytest.raises(UserError, match=r"names\.doc: what can be read is a file \(\.txt, "):
        find_lists(str(tmp_path / "names.doc"))
    with pytest.raises(UserError, match=r"no train\.txt or train\.csv there, but names\.doc"):
        find_lists(str(tmp_path))
    with pytest.raises(UserError, match=r"nowhere: no such file"):
        find_lists(str(tmp_path / "nowhere"))

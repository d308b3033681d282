"""Files as users have them: read as they stand, or refused in one line that says why."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqbench.datamodules.text_classification import TextClassification
from seqbench.errors import UserError

GOOD = [["a fine film", "pos"], ["a dull film", "neg"]] * 10


def write_csv(
    path: Path,
    rows: Sequence[Sequence[str]],
    header: Sequence[str] = ("text", "label"),
    encoding: str = "utf-8",
) -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def load(tmp_path: Path, path: Path, **settings: Any) -> TextClassification:
    data = TextClassification(cache_dir=str(tmp_path / "cache"), path=str(path), **settings)
    data.prepare_data()
    data.setup()
    return data


def refusal(tmp_path: Path, path: Path, **settings: Any) -> str:
    """The message of the UserError; nothing but a lock is left in the cache."""
    with pytest.raises(UserError) as caught:
        load(tmp_path, path, **settings)
    assert "\n" not in str(caught.value)
    left = [file for file in (tmp_path / "cache").rglob("*") if file.suffix != ".lock"]
    assert all(file.name == "texts" for file in left), left
    return str(caught.value)


def test_every_cell_of_a_csv_is_text(tmp_path: Path) -> None:
    names = ["NA", "None", "null", "nan", "N/A", "inf", "1e5", "True", "007", "-"]
    rows = [[name, label] for name in names for label in ("NA", "0") for _ in range(2)]
    data = load(
        tmp_path, write_csv(tmp_path / "a.csv", rows), level="char", lowercase=False, min_count=1
    )
    assert data.spec.labels == ("0", "NA")
    assert sum(data.facts["sizes"].values()) == len(rows)
    assert data.facts["dropped"] == {"train": 0}
    assert {"N", "u", "0", "7"} <= set(data.spec.vocabulary)


def test_rows_without_text_or_label_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = [*GOOD, ["", "pos"], ["  ", "neg"], ["a film", ""], ["a film", " "]]
    data = load(tmp_path, write_csv(tmp_path / "a.csv", rows))
    assert data.facts["dropped"] == {"train": 4}
    assert sum(data.facts["sizes"].values()) == 20
    columns = {"text": ["a", None, "b", "c"] * 5, "label": [0, 1, 1, None] * 5}
    data = load(tmp_path, write_parquet(tmp_path / "a.parquet", **columns))
    assert data.facts["dropped"] == {"train": 10}


def test_quotes_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    rows = [['he said, "go"\nand went', "pos"], ["a, b", "neg"]] * 5
    data = load(tmp_path, write_csv(tmp_path / "a.csv", rows, encoding="utf-8-sig"))
    assert {"said", "went", ","} <= set(data.spec.vocabulary)
    assert sum(data.facts["sizes"].values()) == 10


def test_long_texts_are_read(tmp_path: Path) -> None:
    rows = [["word " * 100_000, "pos"], ["short", "neg"]] * 3
    data = load(tmp_path, write_csv(tmp_path / "a.csv", rows))
    assert data.splits["train"].lengths.max() == 100_000


def test_columns_and_encoding_are_settings(tmp_path: Path) -> None:
    rows = [["1", "Барсик", "кошка"], ["2", "Шарик", "собака"]] * 5
    header = ["№", "имя", "класс"]
    path = write_csv(tmp_path / "a.csv", rows, header, "utf-16")
    columns = {"text_column": "имя", "label_column": "класс"}
    data = load(tmp_path, path, encoding="utf-16", **columns)
    assert data.spec.labels == ("кошка", "собака")
    path = write_csv(tmp_path / "b.csv", [row[1:] for row in rows], header[1:], "cp1251")
    data = load(tmp_path, path, encoding="cp1251", classes=["собака", "кошка"], **columns)
    assert data.spec.labels == ("собака", "кошка")
    assert "барсик" in data.spec.vocabulary
    message = refusal(tmp_path / "x", path, **columns)
    assert "b.csv: not in the encoding utf-8 from line 1 on; set task.encoding" in message


def test_the_first_undecodable_line_is_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["fine", "pos"]] * 30_000)
    with path.open("ab") as file:
        file.write("плохо,neg\n".encode("cp1251"))
    assert "from line 30002 on" in refusal(tmp_path, path)
    assert "task.encoding=utf9: no such encoding" in refusal(tmp_path, path, encoding="utf9")


def test_malformed_rows_are_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [*GOOD, ["one", "two", "three"], *GOOD])
    message = refusal(tmp_path, path)
    assert "a.csv" in message
    assert "line 22" in message
    path = write_csv(tmp_path / "b.csv", [["a", "b", "pos"], ["c", "d", "neg"]] * 5)
    message = refusal(tmp_path, path)
    assert "b.csv" in message
    assert "line 2" in message
    path = write_csv(tmp_path / "d.csv", [*GOOD * 500, ["one", "two", "three"], *GOOD])
    assert "line 10002" in refusal(tmp_path, path)
    path = tmp_path / "c.csv"
    path.write_text('text,label\nfine,pos\n"never closed,neg\nbad,neg\n')
    assert "c.csv: malformed csv" in refusal(tmp_path, path)


def test_missing_columns_say_which_there_are(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", GOOD, ["review", "label"])
    assert "no column 'text'; there are 'review', 'label': set task.text_column" in refusal(
        tmp_path, path
    )
    path = write_parquet(tmp_path / "a.parquet", text=["a"], sentiment=[1])
    assert "no column 'label'; there are 'text', 'sentiment': set task.label_column" in refusal(
        tmp_path, path
    )


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    assert "no such file or folder" in refusal(tmp_path, tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    assert "empty.csv: the file is empty" in refusal(tmp_path, tmp_path / "empty.csv")
    path = write_csv(tmp_path / "header.csv", [])
    assert "header.csv: the file has a header but no rows" in refusal(tmp_path, path)
    path = write_parquet(tmp_path / "none.parquet", text=pa.array([], "string"), label=[])
    assert "none.parquet" in refusal(tmp_path, path)
    path = write_csv(tmp_path / "blank.csv", [["", "pos"]] * 3)
    assert "no row with a text and a label" in refusal(tmp_path, path)
    (tmp_path / "no.parquet").write_bytes(b"PAR1 and nothing else")
    assert "no.parquet: damaged, or no parquet file" in refusal(tmp_path, tmp_path / "no.parquet")
    (tmp_path / "a.txt").write_text("text")
    assert "a.txt: what can be read is a file (.parquet, .csv" in refusal(
        tmp_path, tmp_path / "a.txt"
    )


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", text=["fine", "bad"] * 500, label=[0, 1] * 500)
    path.write_bytes(path.read_bytes()[:-100])
    assert "damaged" in refusal(tmp_path, path)
    path = write_parquet(tmp_path / "a.parquet", text=["fine", "bad"] * 500, label=[0, 1] * 500)
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    assert "a.parquet" in refusal(tmp_path, path)


def test_columns_of_a_wrong_type_are_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", text=[1, 2], label=[0, 1])
    assert "column 'text' holds int64, where strings are needed" in refusal(tmp_path, path)
    path = write_parquet(tmp_path / "b.parquet", text=["a", "b"], label=[0.5, 1.0])
    assert "column 'label' holds double" in refusal(tmp_path, path)


def test_a_folder_gives_its_splits_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    assert "no train.csv or train.parquet there, but nothing" in refusal(tmp_path, folder)
    write_csv(folder / "train.csv", GOOD)
    write_csv(folder / "validation.csv", GOOD[:4])
    write_parquet(folder / "test.parquet", text=["a", "b"], label=["neg", "pos"])
    write_csv(folder / "unsupervised.csv", [["a", "-1"]])
    data = load(tmp_path, folder)
    assert data.facts["sizes"] == {"train": 20, "val": 4, "test": 2}
    assert list(data.splits) == ["train", "val", "test"]
    write_csv(folder / "dev.csv", GOOD)
    assert "both look like the split val" in refusal(tmp_path / "x", folder)


def test_the_data_directory_is_used_where_no_path_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(tmp_path / "train.csv", GOOD)
    monkeypatch.setenv("SEQBENCH_DATA_DIR", str(tmp_path.parent))
    data = TextClassification(cache_dir=str(tmp_path / "cache"), folder=tmp_path.name)
    data.setup()
    assert sum(data.facts["sizes"].values()) == 20
    for folder in ("elsewhere", None):
        data = TextClassification(cache_dir=str(tmp_path / "cache"), folder=folder)
        with pytest.raises(UserError, match=r"task\.path=FILE"):
            data.setup()


def test_columns_of_categories_are_texts_as_well(tmp_path: Path) -> None:
    texts, labels = zip(*GOOD, strict=True)
    columns = {"text": pa.array(texts), "label": pa.array(labels)}
    plain = load(tmp_path, write_parquet(tmp_path / "a.parquet", **columns))
    encoded = {name: column.dictionary_encode() for name, column in columns.items()}
    coded = load(tmp_path, write_parquet(tmp_path / "b.parquet", **encoded))
    assert coded.spec.vocabulary == plain.spec.vocabulary
    assert coded.spec.labels == plain.spec.labels == ("neg", "pos")
    assert coded.facts == plain.facts

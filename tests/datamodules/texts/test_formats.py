"""Every format gives the same rows; what cannot be read is refused by file and line."""

import csv
import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.datamodules.text_classification import TextClassification
from seqbench.datamodules.texts.encoder import TextEncoder
from seqbench.datamodules.texts.files import Files
from seqbench.errors import UserError

Load = Callable[..., TextClassification]
Refusal = Callable[..., str]
Decoded = Callable[[TextClassification], list[tuple[str, str]]]

ROWS = [
    ("the dull film", "neg"),
    ('a "fine", film', "pos"),
    ("кот\tи ёж", "neg"),
    ("go", "pos"),
] * 5


def write(path: Path, encoding: str = "utf-8", end: str = "\n") -> Path:
    """ROWS in the format of the suffix; without one, as a folder of class files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        lines = [json.dumps({"label": b, "text": a}, ensure_ascii=False) + end for a, b in ROWS]
        path.write_text("".join(lines), encoding, newline="")
    elif path.suffix:
        with path.open("w", newline="", encoding=encoding) as file:
            comma = {".csv": ",", ".tsv": "\t"}[path.suffix]
            writer = csv.writer(file, delimiter=comma, lineterminator=end)
            writer.writerows([("text", "label"), *ROWS])
    else:
        path.mkdir(parents=True)
        for label in ("neg", "pos"):
            lines = [f" {text} {end}" for text, its in ROWS if its == label]
            (path / f"{label}.txt").write_text("".join(lines), encoding, newline="")
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.tsv", "a.jsonl", "classes"])
@pytest.mark.parametrize(
    ("encoding", "end"),
    [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("cp1251", "\r\n"), ("utf-16", "\n")],
)
def test_every_format_gives_the_same_rows(
    tmp_path: Path, load: Load, rows: Decoded, name: str, encoding: str, end: str
) -> None:
    path = write(tmp_path / name.lower(), encoding, end)
    path = path.rename(tmp_path / name)
    data = load(path, encoding="utf-8" if encoding == "utf-8-sig" else encoding)
    assert data.spec.labels == ("neg", "pos")
    wanted = [("the dull film", "neg"), ('a " fine ", film', "pos"), ("кот и ёж", "neg")]
    assert rows(data) == sorted([*wanted, ("go", "pos")] * 5)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_fields_of_any_length(tmp_path: Path, load: Load, name: str) -> None:
    long, path = "x" * 5_000_000, tmp_path / name
    texts, labels = [long, "ann" * 4_000, "bo"] * 3, ["u", "v", "w"] * 3
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"text": texts, "label": labels}), path)
    elif path.suffix == ".jsonl":
        objects = ({"text": a, "label": b} for a, b in zip(texts, labels, strict=True))
        path.write_text("".join(json.dumps(each) + "\n" for each in objects))
    else:
        comma = "," if path.suffix == ".csv" else "\t"
        lines = [comma.join(row) for row in zip(texts, labels, strict=True)]
        path.write_text("\n".join([f"text{comma}label", *lines]))
    before = csv.field_size_limit()
    data = load(path, level="char", max_length=100, val_fraction=0.4, test_fraction=0.4)
    assert data.splits["train"].lengths.max() == 100
    assert data.splits["train"].offsets[-1] == 5_012_002
    assert csv.field_size_limit() == before


def test_json_labels_are_strings_or_integers_and_null_is_empty(
    tmp_path: Path, load: Load, rows: Decoded
) -> None:
    path = tmp_path / "a.jsonl"
    lines = ['{"text": "a", "label": null}', '{"text": null, "label": 7}', "", '{"text": "b\\n",']
    lines[-1] += ' "label": 10, "more": [1, {"x": 2}]}'
    path.write_text("\n".join([*lines, '{"text": "c", "label": -2}'] * 600))
    data = load(path)
    assert data.spec.labels == ("-2", "10")
    assert set(rows(data)) == {("b", "10"), ("c", "-2")}
    assert data.facts["dropped"] == {"train": 1200}
    assert load(path, drop_classes=["7"]).facts["dropped_classes"] == {"train": {"7": 0}}


def test_a_folder_of_folders_of_class_files_brings_its_splits(tmp_path: Path, load: Load) -> None:
    for split in ("train", "dev", "test"):
        write(tmp_path / "data" / split)
    (tmp_path / "data" / "README.txt").write_text("no class")
    (tmp_path / "data" / "train" / "readme.txt").write_text("no class")
    (tmp_path / "data" / "train" / "._pos.txt").write_bytes(b"\0")
    (tmp_path / "data" / "train" / "notes.md").write_text("no class")
    data = load(tmp_path / "data")
    assert data.spec.labels == ("neg", "pos")
    assert data.facts["sizes"] == {"train": 20, "val": 20, "test": 20}


def test_new_suffixes_stand_beside_the_old_in_a_folder(tmp_path: Path, load: Load) -> None:
    folder = tmp_path / "data"
    for name in ("train.jsonl", "valid.tsv", "test.csv"):
        write(folder / name)
    (folder / "README.txt").write_text("no class")
    assert load(folder).facts["sizes"] == {"train": 20, "val": 20, "test": 20}


def test_the_same_bytes_under_another_suffix_are_other_data(tmp_path: Path, load: Load) -> None:
    lines = [f"a{i},b{i}\tx{i % 2},y{i % 2}" for i in range(20)]
    (tmp_path / "a.tsv").write_text("\n".join(["text,t\tlabel,u", *lines]))
    (tmp_path / "a.csv").write_bytes((tmp_path / "a.tsv").read_bytes())
    tsv = load(tmp_path / "a.tsv", text_column="text,t", label_column="label,u")
    assert tsv.spec.labels == ("x0,y0", "x1,y1")
    csv_ = load(tmp_path / "a.csv", text_column="text", label_column="u")
    assert csv_.spec.labels == ("y0", "y1")
    contents = {Files({"train": tmp_path / name}).content for name in ("a.csv", "a.tsv")}
    assert len(contents) == 2


BAD: list[tuple[str, bytes, dict[str, Any], list[str]]] = [
    ("a.tsv", b"", {}, ["a.tsv: the file is empty"]),
    ("a.tsv", b"text\tlabel\n", {}, ["a.tsv: the file has a header but no rows"]),
    ("a.tsv", b"text,label\na,b\n", {}, ["a.tsv: no column 'text'; there are 'text,label'"]),
    ("a.tsv", b"text\tlabel\na\tb\tc\n", {}, ["a.tsv: malformed tsv", "line 2 has 3 fields"]),
    ("a.csv", b"text,label,text\na,b,c\n", {}, ["a.csv: 2 columns are named 'text'"]),
    ("a.csv", b'text,label\na,b\n"open,b\nc,d\n', {}, ["begins in line 3", "never closed"]),
    ("a.csv", b'text,label\na,b\n\n"x" y,b\n', {}, ["a.csv", "line 4", "closing quote"]),
    ("a.csv", b"text,label\na,b\nc\0,d\n", {}, ["a.csv: line 3 holds a NUL"]),
    ("a.csv", b"\xef\xbb\xbftext,label\na,b\n", {"encoding": "cp1251"}, ["a.csv", "=utf-8"]),
    ("a.csv", "text,label\nё,b\n".encode("cp1251"), {}, ["a.csv", "utf-8 from line 2", "cp1251"]),
    ("a.csv", b"text,label\n\x98,b\n", {"encoding": "cp1251"}, ["line 2 on", "instance to utf-8"]),
    ("a.csv", b"text,label\na,b\n", {"encoding": "utf-16"}, ["a.csv: not in the encoding utf-16"]),
    ("a.csv", b"text,label\na,b\n", {"encoding": "rot13"}, ["task.encoding=rot13: no such"]),
    ("a.csv", b"text,label\na,b\n", {"encoding": ""}, ["task.encoding=: no such"]),
    ("a.jsonl", b"\n \n", {}, ["a.jsonl: the file is empty"]),
    ("a.jsonl", b'{"text": "a", "label": "b"}\n{"text"', {}, ["line 2 is not JSON", "character"]),
    ("a.jsonl", b'\n["text", "label"]', {}, ["a.jsonl: line 2 is no JSON object such as"]),
    ("a.jsonl", b'{"text": "a"}', {}, ["line 1: no column 'label'; there are 'text'"]),
    ("a.jsonl", b'{"text": 1, "label": 1}', {}, ["line 1: 'text' is no string but 1"]),
    ("a.jsonl", b'{"text": "a", "label": true}', {}, ["'label' is no string or integer but true"]),
    ("a.jsonl", b'{"text": "a", "label": 0.5}', {}, ["'label' is no string or integer but 0.5"]),
    ("a.jsonl", b'{"text": "a", "label": %d}' % 2**64, {}, ["line 1: 'label' is no string or int"]),
    ("a.jsonl", b'{"text": "a", "label": 1, "text": ""}', {}, ["line 1", "name 'text' stands"]),
    ("a.jsonl", b'{"text": "\\ud800", "label": 1}', {}, ["a.jsonl: line 1 cannot be read"]),
    ("a.jsonl", b"[" * 100_000, {}, ["a.jsonl: line 1 cannot be read"]),
    (
        "a.jsonl",
        b'{"text": "a", "label": 1}\n{"text": "a", "label": "1"}',
        {},
        ['a.jsonl: line 2: the label "1" is of another type'],
    ),
    ("a.jsonl", b'{"text": "a\0b", "label": 1}', {}, ["a.jsonl: line 1 holds a NUL"]),
    ("a.txt", b"one\ntwo\n", {}, ["a.txt: what can be read is a file (.parquet, .csv"]),
    ("a.xlsx", b"PK", {}, ["a.xlsx: what can be read is"]),
]


@pytest.mark.parametrize(("name", "content", "settings", "parts"), BAD)
def test_a_bad_file_is_refused_in_one_line(
    tmp_path: Path,
    refusal: Refusal,
    name: str,
    content: bytes,
    settings: dict[str, Any],
    parts: list[str],
) -> None:
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name, **settings)
    assert len(message) < 400
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        (["train.csv", "train.jsonl"], ["train.csv and train.jsonl both look like"]),
        (["train.csv", "train/a.txt"], ["train and train.csv both look like the split train"]),
        (["train/a.txt", "b.txt"], ["are b.txt classes beside the folders train?"]),
        (["train.txt", "test.txt"], ["train.txt: is train a class or a split?"]),
        (["a.txt", "test/a.txt"], ["are a.txt classes beside"]),
        (["test.csv"], ["no train.csv or train.parquet there, but test.csv", ".jsonl"]),
        (["notes.md", ".hidden.txt"], ["there, but notes.md;", ".txt file a class"]),
        (["a.txt", "b.txt"], ["a.txt: the file is empty"]),
    ],
)
def test_a_folder_that_could_be_read_in_two_ways_or_none_is_refused(
    tmp_path: Path, refusal: Refusal, files: list[str], parts: list[str]
) -> None:
    for name in files:
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).touch()
    message = refusal(tmp_path / "data")
    for part in parts:
        assert part in message


@pytest.mark.skipif(
    not (Path(os.environ.get("SEQBENCH_DATA_DIR", "/nowhere")) / "names").exists(),
    reason="needs the folder names under SEQBENCH_DATA_DIR",
)
def test_eighteen_languages(load: Load) -> None:
    data = load(folder="names/by_language", level="char")
    assert len(data.spec.labels) == 18
    assert data.facts["rows"] == {"train": 20_050}
    assert data.facts["majority"] == "Russian"


def test_files_of_one_class_are_never_lost(tmp_path: Path, load: Load) -> None:
    folder = tmp_path / "classes"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "b.TXT"):
        (folder / name).write_text("x\ny\nz\n")
    with pytest.raises(UserError, match=r"b\.txt: b\.TXT is of the same class; keep one"):
        load(folder)


def test_class_files_are_read_in_one_order_however_names_are_written(
    tmp_path: Path, load: Load
) -> None:
    orders = []
    for form in ("NFC", "NFD"):
        folder = tmp_path / form
        folder.mkdir()
        for name in ("É", "F"):
            (folder / f"{unicodedata.normalize(form, name)}.txt").write_text("x\ny\nz\nu\nv\n")
        data = load(folder, contradictions="keep", level="char")
        orders.append([data.splits["train"].targets.tolist(), data.fingerprint])
    assert orders[0] == orders[1]


def test_classes_named_by_numbers_mean_the_same_in_every_format(tmp_path: Path, load: Load) -> None:
    rows = [(f"t{i}", 1 if i < 30 else 0) for i in range(50)]
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"{t},{x}\n" for t, x in rows))
    lines = (json.dumps({"text": t, "label": x}) for t, x in rows)
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    for name in ("a.csv", "a.jsonl"):
        data = load(tmp_path / name, classes=["1", "0"])
        counts = data.facts["class_counts"].values()
        assert sum(each["1"] for each in counts) == 30


def test_the_order_of_classes_changes_no_split(tmp_path: Path, load: Load) -> None:
    rows = "".join(f"t{i},{'ab'[i % 2]}\n" for i in range(60))
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}")
    one, other = (load(tmp_path / "a.csv", classes=[*order]) for order in ("ab", "ba"))
    for split in ("train", "val", "test"):
        assert (one.splits[split].targets == 1 - other.splits[split].targets).all()
        assert (one.splits[split].offsets == other.splits[split].offsets).all()


def test_white_space_around_a_text_is_nothing(tmp_path: Path, load: Load) -> None:
    rows = "".join(f"t{i},{'ab'[i % 2]}\n" for i in range(40)) + "Rex ,a\n rex,a\n"
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}")
    data = load(tmp_path / "a.csv", level="char")
    assert data.facts["duplicates"] == {"train": 1}
    encoder = TextEncoder.from_spec(data.spec)
    assert encoder.encode([" Rex\t"]) == encoder.encode(["rex"])

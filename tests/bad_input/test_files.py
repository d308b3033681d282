"""Data files that cannot be learnt from, and odd ones that can."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Refused = Callable[..., str]
Accepted = Callable[..., tuple[str, str]]


def parquet(**columns: list[Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def labelled(*labels: str) -> bytes:
    return ("x,y\n" + "".join(f"ab{i},{labels[i % len(labels)]}\n" for i in range(40))).encode()


GOOD = labelled("p", "q")
NAMED = ["task.classes=[negative,positive]"]
DEEP, LONG = b"[" * 100_000 + b"\n", b'{"x":"a","y":' + b"9" * 5000 + b"}\n"

TABLES: list[tuple[str, bytes, list[str]]] = [
    ("a.csv", b"", ["empty"]),
    ("a.csv", b"x,y\n", ["header but no rows"]),
    ("a.csv", b"x,y\n ,p\n,q\n", ["no row with a text"]),
    ("a.csv", b"x,y\na\0b,p\nc,q\n", ["line 2", "NUL"]),
    ("a.csv", b'x,y\na,p\n"b,q\n', ["line 3", "quote", "never closed"]),
    ("a.csv", b'x,y\n"a"b,p\n', ["line 2", "quote", "twice"]),
    ("a.csv", b"x,x,y\na,b,p\n", ["2 columns", "'x'", "rename"]),
    ("a.csv", b"name,y\na,p\n", ["'x'", "'name'", "task.text_column"]),
    ("a.csv", b"x,label\na,p\n", ["'y'", "'label'", "task.label_column"]),
    ("a.csv", b"x;y\na;p\n", ["'x'", "'x;y'"]),
    ("a.csv", b"x,y\na,p\nb,q,r\n", ["line 3", "3 fields", "header 2"]),
    ("a.csv", labelled("p"), ["'p'", "two classes"]),
    ("a.csv", b"x,y\na,p\nb,q\n", ["no row is left", "two classes"]),
    ("a.csv", "x,y\nа,p\n".encode("cp1251"), ["line 2", "task.encoding", "cp1251"]),
    ("a.csv", GOOD.decode().encode("utf-16"), ["task.encoding", "utf-16"]),
    ("a.csv", b"\x89PNG\r\n" + bytes(range(256)), ["line 1", "task.encoding"]),
    ("a.csv", b"\0" * 5000, ["line 1", "NUL"]),
    ("a.tsv", b"x,y\na,p\n", ["'x,y'", "task.text_column"]),
    ("a.tsv", b"x\ty\na\tp\tq\n", ["line 2", "malformed tsv"]),
    ("a.xlsx", b"PK\x03\x04", [".csv", ".parquet"]),
    ("a.txt", b"a\n", [".csv", ".txt file a class"]),
    ("a.jsonl", b"", ["empty", "JSON object a line"]),
    ("a.jsonl", b'{"x":"a","y":"p"}\n{"x":\n', ["line 2", "not JSON", "character 7"]),
    ("a.jsonl", b'["a","p"]\n', ["line 1", "no JSON object"]),
    ("a.jsonl", b'{"x":"a"}\n', ["line 1", "'y'", "task.label_column"]),
    ("a.jsonl", b'{"x":{"z":1},"y":"p"}\n', ["line 1", "'x'", "no string"]),
    ("a.jsonl", b'{"x":"a","y":["p"]}\n', ["line 1", "'y'", "no string or integer"]),
    ("a.jsonl", b'{"x":"a","y":1}\n{"x":"b","y":"1"}\n', ["line 2", "another type"]),
    ("a.jsonl", b'{"x":"a","x":"b","y":"p"}\n', ["line 1", "'x'", "twice"]),
    ("a.jsonl", b'{"x":"\\ud800","y":"p"}\n', ["line 1", "surrogates"]),
    pytest.param("a.jsonl", DEEP, ["line 1", "recursion"], id="deep"),  # type: ignore[list-item]
    pytest.param("a.jsonl", LONG, ["line 1", "5000 digits"], id="long"),  # type: ignore[list-item]
    ("a.parquet", b"", ["a.parquet", "damaged"]),
    ("a.parquet", GOOD, ["damaged", "no parquet file"]),
    ("a.parquet", parquet(x=["a"], y=["p"])[:-100], ["damaged", "no parquet file"]),
    ("a.parquet", parquet(x=pa.array([], "str"), y=pa.array([], "str")), ["no rows"]),
    ("a.parquet", parquet(x=["a"], z=["p"]), ["'y'", "'z'", "task.label_column"]),
    ("a.parquet", parquet(x=[1, 2], y=["p", "q"]), ["'x'", "int64", "strings"]),
    ("a.parquet", parquet(x=["a", "b"], y=[0.5, 1.5]), ["'y'", "double", "integers"]),
    ("a.parquet", parquet(x=[["a"], ["b"]], y=[0, 1]), ["'x'", "list", "strings"]),
]

SETTINGS = [
    (GOOD, ["task.encoding=klingon"], ["task.encoding=klingon", "utf-8"]),
    (GOOD, ["task.encoding=hex"], ["task.encoding=hex", "utf-8"]),
    (GOOD, ["task.encoding=utf-16"], ["a.csv", "encoding utf-16"]),
    (GOOD, ["task.classes=[p]"], ["row 2", "'q'", "task.classes"]),
    (GOOD, ["task.drop_classes=[q]"], ["'p'", "two classes"]),
    (GOOD, ["task.expected_rows={train: 3}"], ["40 rows", "task.expected_rows.train is 3"]),
    (GOOD, ["task.expected_rows={trian: 3}"], ["split trian", "task.expected_rows.trian"]),
    (labelled("0"), NAMED, ["all 40 rows", "'negative'", "two classes"]),
    (labelled("0", "1", "2"), NAMED, ["row 3", "'2'", "negative, positive"]),
    (labelled("-1", "0"), NAMED, ["row 1", "'-1'", "task.classes"]),
    (labelled("0"), ["task=imdb", "task.expected_rows=null"], ["'negative'", "two classes"]),
]
"""A csv file, words, and what is told of both."""

FOLDERS: list[tuple[dict[str, bytes], list[str]]] = [
    ({}, ["no train.csv", "nothing"]),
    ({"test.csv": GOOD}, ["no train.csv", "test.csv"]),
    ({"train.csv": GOOD, "train.tsv": GOOD}, ["train.csv and train.tsv", "keep one"]),
    ({"train.csv": GOOD, "test.csv": labelled("p")}, ["split test", "two classes"]),
    ({"train.csv": GOOD, "test.csv": labelled("p", "z")}, ["split test", "row 2", "'z'"]),
    ({"cat.txt": b"a\nb\n"}, ["'cat'", "two classes"]),
    ({"cat.txt": b"a\n", "dog.txt": b""}, ["dog.txt", "empty"]),
    ({"cat.txt": b"a\n", "dog.txt": b"b\0\n"}, ["dog.txt", "line 1", "NUL"]),
    ({"cat.txt": b"a\n", "train.txt": b"b\n"}, ["train.txt", "class or a split"]),
    ({"a.csv": GOOD, "b.csv": GOOD}, ["no train.csv", "a.csv, b.csv"]),
]

WORKS = [
    ("mark.csv", b"\xef\xbb\xbf" + GOOD),
    ("lines.csv", GOOD.replace(b"\n", b"\r\n")),
    ("long.csv", GOOD + b"a" * 10_000 + b",p\n" + b"b " * 8_000 + b",q\n"),
    ("UPPER.CSV", GOOD),
    ("t.tsv", GOOD.replace(b",", b"\t")),
    ("gaps.csv", GOOD.replace(b"\n", b"\n\n") + b"last"),
    ("p.parquet", parquet(x=["ab", "cd"] * 20, y=[0, 1] * 20)),
]


@pytest.fixture
def nothing_kept(here: Path) -> Callable[[], None]:
    def check() -> None:
        cache = here.parent / "cache"
        assert not [file for file in cache.rglob("*") if file.is_file() and file.suffix != ".lock"]

    return check


@pytest.mark.parametrize(("name", "content", "parts"), TABLES)
def test_a_table(
    refused: Refused,
    small: list[str],
    here: Path,
    nothing_kept: Callable[[], None],
    name: str,
    content: bytes,
    parts: list[str],
) -> None:
    (here / name).write_bytes(content)
    refused("train", *small, f"task.path={name}", parts=[name, *parts])
    nothing_kept()


@pytest.mark.parametrize(("content", "words", "parts"), SETTINGS)
def test_a_table_and_its_settings(
    refused: Refused,
    small: list[str],
    here: Path,
    nothing_kept: Callable[[], None],
    content: bytes,
    words: list[str],
    parts: list[str],
) -> None:
    (here / "a.csv").write_bytes(content)
    refused("train", *small, "task.path=a.csv", *words, parts=parts)
    nothing_kept()


@pytest.mark.parametrize(("files", "parts"), FOLDERS)
def test_a_folder(
    refused: Refused,
    small: list[str],
    here: Path,
    nothing_kept: Callable[[], None],
    files: dict[str, bytes],
    parts: list[str],
) -> None:
    (here / "data").mkdir()
    for name, content in files.items():
        (here / "data" / name).write_bytes(content)
    refused("train", *small, "task.path=data", parts=["data", *parts])
    nothing_kept()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["task.path=none.csv"], ["none.csv", "no such file"]),
        (["task.folder=none"], ["no data", "SEQBENCH_DATA_DIR"]),
        ([], ["no data", "task.path=FILE"]),
        (["task.path=/dev/null"], ["/dev/null", "neither a file nor a folder"]),
        (["task.built_in=nets"], ["task.built_in=nets", "'pets'"]),
        (["task.path=~nobody_at_all/a.csv"], ["~nobody_at_all/a.csv", "no usable path"]),
        ([f"task.path={'a' * 300}"], ["aaa", "too long"]),
    ],
)
def test_no_data(refused: Refused, small: list[str], words: list[str], parts: list[str]) -> None:
    refused("train", *small, *words, parts=parts)


def test_a_bad_file_told_by_a_program(refused: Refused, small: list[str], here: Path) -> None:
    (here / "a.csv").write_bytes(b"x,y\n")
    refused("train", *small, "task.path=a.csv", parts=["a.csv", "no rows"], process=True)


@pytest.mark.parametrize(("name", "content"), WORKS, ids=[name for name, _ in WORKS])
def test_an_odd_file_works(
    accepted: Accepted, small: list[str], here: Path, name: str, content: bytes
) -> None:
    (here / name).write_bytes(content)
    accepted("train", *small, f"task.path={name}")
    assert len(list(here.rglob("result.json"))) == 1


@pytest.mark.parametrize(
    ("content", "words", "parts"),
    [
        (b"", [], ["empty"]),
        (b"x,y\na,p\n", [], ["'имя'", "'x'"]),
        ("имя,класс\nа,ёж\n".encode(), [], ["row 1", "'ёж'", "кошка, собака"]),
        ("имя,класс\nа,кошка\n".encode("cp1251"), [], ["line 1", "task.encoding"]),
        (b"x", ["--split", "val"], ["--data", "--split"]),
        (b"x", ["--write"], ["--write"]),
        (None, [], ["a.csv", "no such file"]),
    ],
)
def test_a_file_to_evaluate_on(
    refused: Refused,
    names_run: Path,
    here: Path,
    content: bytes | None,
    words: list[str],
    parts: list[str],
) -> None:
    if content is not None:
        (here / "a.csv").write_bytes(content)
    refused("evaluate", str(names_run), "--data", "a.csv", *words, parts=parts)

"""Files of tagged words that cannot be learnt from, and odd ones that can."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]
Accepted = Callable[..., tuple[str, str]]

GOOD = b"".join(b"a%d B-X\nb I-X\nc O\n\n" % i for i in range(12))
UNIVERSAL = b"# text = a b\n1-2\tab\t_\t_\n1\ta\ta\tDET\n2\tb\tb\tNOUN\n\n" * 12
SMALL = [
    "task=tagging",
    "model.hidden_size=4",
    "model.embedding.size=4",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "logger=none",
    "progress=none",
    "threads=1",
]

FILES: list[tuple[str, bytes, list[str]]] = [
    ("a.txt", b"", ["a.txt", "no word there"]),
    ("a.txt", b"-DOCSTART- O\n\n", ["no word there"]),
    ("a.txt", b"a\nb\n\n", ["line 1", "1 column", "task.tag_column"]),
    ("a.txt", b"a O\nb\n", ["line 2", "1 column", "line 1 2 columns", "task.separator"]),
    ("a.txt", GOOD + b"New York B-X\n", ["line 49", "3 columns", "line 1 2 columns"]),
    ("a.tsv", GOOD, ["line 1", "1 column", "task.separator"]),
    ("a.tsv", b"a\tO\nb\t\n", ["line 2", "column -1", "tags", "empty"]),
    ("a.tsv", b"a\tO\n\tX\n", ["line 2", "column 0", "words", "empty"]),
    ("a.txt", b"a O\nb O\n\n" * 9, ["'O'", "two tags", "task.tag_column"]),
    ("a.txt", b"a O\nb X\n", ["sentences in all: 1", "blank line"]),
    ("a.txt", b"a O\nb\0 X\n", ["line 2", "NUL", "task.encoding"]),
    ("a.txt", "a O\nж X\n".encode("cp1251"), ["line 2", "task.encoding", "cp1251"]),
    ("a.txt", GOOD.decode().encode("utf-16"), ["task.encoding", "utf-16"]),
    ("a.txt", b"\x89PNG\r\n" + bytes(range(256)), ["line 1", "task.encoding"]),
    ("a.conllu", UNIVERSAL, ["column 0", "task.word_column=1", "task.tag_column=3"]),
]

SETTINGS: list[tuple[list[str], list[str]]] = [
    (["task.tag_column=2"], ["line 1", "2 columns", "task.tag_column=2"]),
    (["task.word_column=-3"], ["line 1", "2 columns", "task.word_column=-3"]),
    (["task.word_column=1"], ["line 1", "task.word_column=1", "task.tag_column=-1", "the same"]),
    (["task.tag_column=0"], ["task.word_column", "task.tag_column", "both 0"]),
    (["task.tag_column=ner"], ["task.tag_column", "'ner'"]),
    (["task.separator=;"], ["task.separator", "';'", "'tab'"]),
    (["task.separator=tab"], ["line 1", "1 column", "task.separator"]),
    (["task.comment="], ["task.comment", "at least 1 character"]),
    (["task.encoding=klingon"], ["task.encoding=klingon", "utf-8"]),
    (["task.min_count=50"], ["task.min_count=50", "lower it"]),
    (["task.unknown_singletons=1"], ["task.unknown_singletons", "less than 1"]),
    (["task.train_size=0"], ["task.train_size", "greater than or equal to 1"]),
    (["task.built_in=names"], ["task.built_in", "'grammar'"]),
    (["task.seperator=tab"], ["task.seperator", "'task.separator'"]),
    (["model/head=last"], ["model/head=last", "model/head=per_step"]),
]

FOLDERS: list[tuple[dict[str, bytes], list[str]]] = [
    ({}, ["no train.conll", "nothing"]),
    ({"test.conll": GOOD}, ["no train.conll", "test.conll"]),
    ({"README.txt": GOOD}, ["no train.conll", "README.txt"]),
    ({"train.txt": GOOD, "train.conll": GOOD}, ["train.conll and train.txt", "keep one"]),
    ({"train.txt": GOOD, "test.txt": b"\n"}, ["test.txt", "split test", "no word there"]),
    ({"train.txt": GOOD, "dev.txt": b"a O\nb\n"}, ["dev.txt", "line 2", "1 column"]),
]

WORKS: list[tuple[str, bytes, list[str]]] = [
    ("mark.txt", b"\xef\xbb\xbf# B-X\n" + GOOD.strip().replace(b"\n", b"\r\n"), []),
    ("any.suffix", GOOD, []),
    ("tabs.bio", GOOD.replace(b" ", b"\t"), ["task.separator=tab"]),
    ("u.conllu", UNIVERSAL, ["task.word_column=1", "task.tag_column=3"]),
    ("noise.txt", GOOD + b"x ???\ny B-\n{z} [=]\n", []),  # tags of no kind
    ("long.txt", b"a O\nb X\n" * 3000 + b"\n" + GOOD, ["task.max_length=20"]),
]


@pytest.mark.parametrize(("name", "content", "parts"), FILES)
def test_files(refused: Refused, here: Path, name: str, content: bytes, parts: list[str]) -> None:
    (here / name).write_bytes(content)
    refused("train", *SMALL, f"task.path={name}", parts=[name, *parts])


@pytest.mark.parametrize(("words", "parts"), SETTINGS)
def test_settings(refused: Refused, here: Path, words: list[str], parts: list[str]) -> None:
    (here / "a.txt").write_bytes(GOOD)
    refused("train", *SMALL, "task.path=a.txt", *words, parts=parts)


@pytest.mark.parametrize(("files", "parts"), FOLDERS)
def test_folders(refused: Refused, here: Path, files: dict[str, bytes], parts: list[str]) -> None:
    (here / "data").mkdir()
    for name, content in files.items():
        (here / "data" / name).write_bytes(content)
    refused("train", *SMALL, "task.path=data", parts=["data", *parts])


def test_nothing_there(refused: Refused) -> None:
    refused("train", *SMALL, "task.path=nowhere", parts=["task.path=nowhere", "no such file"])
    refused("train", *SMALL, "task.built_in=null", parts=["no data", "task.path=FILE"])


@pytest.mark.parametrize(("name", "content", "words"), WORKS)
def test_odd_files_that_work(
    accepted: Accepted, here: Path, name: str, content: bytes, words: list[str]
) -> None:
    (here / name).write_bytes(content)
    out, _ = accepted("train", *SMALL, f"task.path={name}", *words)
    (path,) = here.rglob("result.json")
    (log,) = here.rglob("train.log")
    found = json.loads(path.read_text("utf-8"))
    assert sum(found["data"]["sizes"].values()) >= 12
    assert ("span_f1" in out) == (name not in ("u.conllu", "noise.txt", "long.txt"))
    assert found["data"]["cut"] == (name == "long.txt" and "cut to 20 words: 1" in log.read_text())


def test_a_file_to_measure(refused: Refused, accepted: Accepted, here: Path) -> None:
    (here / "a.txt").write_bytes(GOOD)
    accepted("train", *SMALL, "task.path=a.txt")
    for content, parts in (
        (b"a O\nb B-Y\n", ["line 2", "'B-Y'", "'B-X'"]),
        (b"a O\nb\n", ["line 2", "1 column"]),
        (b"", ["no word there"]),
    ):
        (here / "b.txt").write_bytes(content)
        refused("evaluate", "outputs", "--data", "b.txt", parts=["b.txt", *parts])
    (here / "b.txt").write_bytes(b"\xef\xbb\xbfnew O\r\na1 B-X")
    out, _ = accepted("evaluate", "outputs", "--data", "b.txt", "--json")
    assert json.loads(out)["rows"] == 1

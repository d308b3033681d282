"""Files of word vectors that cannot be used."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]

GOOD = b"ab 1 2\ncd 3 4\nef 5 6\n"
TORN = gzip.compress(bytes(range(32, 127)).join([b"\n"] * 90))[:80]
BINARY = b"3 2\n" + b"".join(word + struct.pack("ff", 0.5, 2) for word in (b"ab ", b"cd ", b"ef "))
NUMBERS = "word and its numbers"

CASES = [
    pytest.param(b"", ["empty"], id="empty"),
    pytest.param(gzip.compress(b""), ["empty"], id="empty gzip"),
    pytest.param(b"\n\n", ["line 1", NUMBERS], id="blank"),
    pytest.param(b"ab\ncd\n", ["line 1", NUMBERS, "'ab'"], id="words"),
    pytest.param(b"ab,1,2\n", ["line 1", NUMBERS, "'ab,1,2'"], id="commas"),
    pytest.param(b"<html> and so on\n", ["line 1", NUMBERS, "<html>"], id="no numbers"),
    pytest.param(GOOD + b"gh 7\n", ["line 4", "1 numbers", "others have 2"], id="short row"),
    pytest.param(GOOD + b"gh\n", ["line 4", "0 numbers", "others have 2"], id="no row"),
    pytest.param(GOOD + b"gh 7.5 8.5 9.5\n", ["line 4", "more than the 2"], id="long row"),
    pytest.param(b"3 2\n" + GOOD.replace(b"4", b"x"), ["line 3", "'x'", "'cd'"], id="no number"),
    pytest.param(GOOD.replace(b"4", b"nan"), ["line 2", "'nan'", "'cd'"], id="nan"),
    pytest.param(GOOD.replace(b"5", b"-inf"), ["line 3", "'-inf'", "'ef'"], id="infinite"),
    pytest.param(GOOD.replace(b"5", b"1e39"), ["line 3", "'1e39'", "'ef'"], id="too large"),
    pytest.param(b"ab 1 2 3\n", ["3 numbers", "model.embedding.size=3"], id="size"),
    pytest.param(b"9 300\nab 1 2\n", ["300 numbers", "model.embedding.size=300"], id="header size"),
    pytest.param(b"5 2\n" + GOOD, ["5 vectors", "there are 3", "part of it"], id="fewer rows"),
    pytest.param(b"3 2\n", ["3 vectors", "there are 0"], id="header alone"),
    pytest.param(BINARY, ["binary word2vec", "as text"], id="binary word2vec"),
    pytest.param(b"\xba\x16\x4f\x2f\x0c\0\0\0ab", ["binary", "as text"], id="binary fasttext"),
    pytest.param("ab 1 2\n".encode("utf-16"), ["binary, or no UTF-8"], id="utf-16"),
    pytest.param(b"PK\x03\x04\x14\0", ["zip archive", "unpack"], id="zip"),
    pytest.param(TORN, ["damaged", "fetch it anew"], id="torn gzip"),
    pytest.param(gzip.compress(GOOD)[:-4] + b"abcd", ["damaged", "fetch it anew"], id="bad gzip"),
    pytest.param(b"\x1f\x8bab", ["damaged", "fetch it anew"], id="no gzip"),
    pytest.param(b"ab 1 2" * 200_000, ["line 1", "no end"], id="no line ends"),
    pytest.param("кот 1 2\n<unk> 1 2\n".encode(), ["none of the", "language"], id="no word known"),
]


@pytest.fixture
def words(here: Path, small: list[str]) -> list[str]:
    """Overrides for texts of the words ab, cd and ef."""
    texts = ["ab", "cd", "ab ef", "cd ef"] * 10
    rows = "".join(f"{text},{'pq'[i % 2]}\n" for i, text in enumerate(texts))
    (here / "a.csv").write_text(f"x,y\n{rows}")
    return [*small, "task.level=word", "task.path=a.csv", "model.embedding.size=2"]


@pytest.mark.parametrize(("content", "parts"), CASES)
def test_a_file_of_vectors(
    refused: Refused, words: list[str], here: Path, content: bytes, parts: list[str]
) -> None:
    (here / "v.vec").write_bytes(content)
    refused("train", *words, "model.embedding.path=v.vec", parts=["v.vec", *parts])


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("nowhere.txt", ["model.embedding.path=nowhere.txt", "no such file"]),
        (".", ["model.embedding.path=.", "a folder"]),
        ("~nobody_at_all/v", ["~nobody_at_all", "no usable path"]),
    ],
)
def test_a_place_of_vectors(
    refused: Refused, words: list[str], path: str, parts: list[str]
) -> None:
    refused("train", *words, f"model.embedding.path={path}", parts=parts)


def test_settings_that_go_with_no_vectors(
    refused: Refused, words: list[str], tiny: list[str], here: Path
) -> None:
    (here / "v.vec").write_bytes(GOOD)
    path = "model.embedding.path=v.vec"
    refused("train", *words, "model.embedding.freeze=true", parts=["freeze=true", "path=FILE"])
    refused("train", *tiny, path, parts=["model.embedding.path", "no vocabulary"])
    refused("train", *words, path, "task.level=char", parts=["none of the", "task.level"])
    others = [word for word in words if "embedding" not in word]
    refused("train", *others, "model/embedding=one_hot", f"+{path}", parts=["embedding.path"])

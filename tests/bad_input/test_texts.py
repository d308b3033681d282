"""What predict cannot read, and what it can although it looks odd."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]

WORDS = [
    ([], ["texts", "--input FILE"]),
    ([""], ["text 1", "empty"]),
    (["а", " \t"], ["text 2", "empty"]),
    (["\udcff"], ["text 1", "Unicode"]),
    (["а", "\ud800"], ["text 2", "Unicode"]),
    (["а", "--input", "a.txt"], ["texts", "--input FILE"]),
    (["а", "--encoding", "klingon"], ["--encoding klingon", "utf-8"]),
    (["--input", "a.txt", "--encoding", "hex"], ["--encoding hex", "utf-8"]),
    (["--input", "a.txt", "--encoding", "utf-16"], ["a.txt", "utf-16", "--encoding"]),
    (["--input", "none.txt"], ["none.txt", "No such file"]),
    (["--input", "."], [".", "Is a directory"]),
    (["--input", "a\0b"], ["no usable path"]),
    (["--input", "a" * 300], ["aaa", "too long"]),
    (["а", "--top", "0"], ["--top 0", "1 or more"]),
    (["а", "--top", "many"], ["--top", "'many'"]),
    (["а", "--threads", "0"], ["--threads", "'0'", "1024"]),
    (["а", "--threads", "100000"], ["--threads", "'100000'", "1024"]),
    (["а", "--device", "tpu"], ["--device", "'tpu'", "'cpu'"]),
    (["а", "--format", "xml"], ["--format", "'xml'", "'jsonl'"]),
    (["а", "--fromat", "table"], ["--fromat", "'--format'", "--help"]),
    (["а", "--trust"], ["--trust", "expected one argument"]),
]

NUMBERS = [
    ("10", ["text 1", "'10'", "from 0 to 9"]),
    ("3 1 -4", ["text 1", "'-4'", "from 0 to 9"]),
    ("1.5", ["text 1", "'1.5'", "whole number"]),
    ("1 два", ["text 1", "'два'", "whole number"]),
    ("٣", ["text 1", "whole number"]),
    ("1;2", ["text 1", "'1;2'", "spaces between"]),
    (",", ["text 1", "no number", "spaces between"]),
    ("9" * 5000, ["text 1", "999", "whole number"]),
]


@pytest.mark.parametrize(("words", "parts"), WORDS)
def test_words(
    refused: Refused, names_run: Path, here: Path, words: list[str], parts: list[str]
) -> None:
    (here / "a.txt").write_text("абв\n", "utf-8")
    refused("predict", str(names_run), *words, parts=parts)


@pytest.mark.parametrize(("text", "parts"), NUMBERS)
def test_numbers(refused: Refused, sums_run: Path, text: str, parts: list[str]) -> None:
    refused("predict", str(sums_run), text, parts=parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"\x01\n\x89PNG\n", ["line 2", "utf-8", "--encoding"]),
        ("ok\nабв\n".encode("cp1251"), ["line 2", "utf-8", "cp1251"]),
        ("абв".encode("utf-16"), ["line 1", "utf-8", "--encoding"]),
    ],
)
def test_a_file_in_another_encoding(
    refused: Refused, names_run: Path, here: Path, content: bytes, parts: list[str]
) -> None:
    (here / "b.txt").write_bytes(content)
    refused("predict", str(names_run), "--input", "b.txt", parts=["b.txt", *parts])


def test_a_line_that_is_no_number(refused: Refused, sums_run: Path, here: Path) -> None:
    (here / "b.txt").write_text("1 2\n\n3 x\n")
    refused("predict", str(sums_run), "--input", "b.txt", parts=["b.txt: line 3", "'x'"])


def test_nothing_given(refused: Refused) -> None:
    refused("predict", parts=["RUN", "--help"])
    refused("evaluate", parts=["RUN", "--help"])


@pytest.mark.parametrize(
    ("verb", "words", "parts"),
    [
        ("predict", ["none", "а", "--nope"], ["--nope"]),
        ("evaluate", ["none", "--data", "x", "--split", "y"], ["--data", "--split"]),
    ],
)
def test_as_a_program(refused: Refused, verb: str, words: list[str], parts: list[str]) -> None:
    refused(verb, *words, parts=parts, process=True)


@pytest.mark.parametrize(
    "text", ["☃☃", "-5", "а" * 100_000, "а\0б", "а\nб", "e\u0301", "\u202eабв", "👩‍👩‍👧", "{x}=[y]"]
)
def test_an_odd_text_gets_a_label(
    accepted: Callable[..., tuple[str, str]], names_run: Path, here: Path, text: str
) -> None:
    out, err = accepted("predict", str(names_run), text)
    (found,) = map(json.loads, out.splitlines())
    assert found["text"] == text
    assert found["label"] in ("кошка", "собака")
    assert ("without a known token" in err) == (found["tokens"] == found["unknown"])
    assert list(here.iterdir()) == []

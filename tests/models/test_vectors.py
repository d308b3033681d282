import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from seqbench.errors import UserError
from seqbench.models.pretrained import find
from seqbench.models.vectors import read

PLAIN = b"cat 0.5 -1\ndog 2e-1 .25\n"
BOTH = {b"cat": [0.5, -1], b"dog": [0.2, 0.25]}


def written(folder: Path, content: bytes) -> str:
    (folder / "v").write_bytes(content)
    return str(folder / "v")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAIN, id="glove"),
        pytest.param(b"2 2\n" + PLAIN, id="word2vec"),
        pytest.param((b"2 2\n" + PLAIN).replace(b"\n", b" \n"), id="fasttext"),
        pytest.param(b"2 2\n" + PLAIN.rstrip(), id="no last line end"),
        pytest.param(PLAIN.replace(b"\n", b"\r\n"), id="windows"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN + b"\n\n", id="mark and empty lines"),
        pytest.param(gzip.compress(b"2 2\n" + PLAIN), id="gzip"),
        pytest.param(b"caf\xe9 1 1\n\xff\xfe 2 2\n" + PLAIN, id="no UTF-8"),
        pytest.param(PLAIN + b"cat 7 7\ndog nan 7\n", id="the first counts"),
        pytest.param(b". . . 1 1\n at me@x.org 1 2\n" + PLAIN + b". . 0.1 1\n", id="spaces"),
        pytest.param(b"3 1 1\n" + PLAIN, id="a number for a word"),
        pytest.param(PLAIN + b"cow no numbers\nhen inf nan\n", id="others are not read"),
    ],
)
def test_formats(tmp_path: Path, content: bytes) -> None:
    found = read(written(tmp_path, content), 2, {b"cat", b"dog", b"absent"})
    assert {word: vector.tolist() for word, vector in found.items()} == {
        word: np.array(vector, np.float32).tolist() for word, vector in BOTH.items()
    }
    assert all(vector.dtype == np.float32 for vector in found.values())


def test_a_word_may_hold_spaces_or_be_one(tmp_path: Path) -> None:
    path = written(tmp_path, b". . . 1 2\n  3 4\n\xd1\x91 5 6\n")
    found = read(path, 2, {b". . .", b" ", "ё".encode()})
    assert {word: vector.tolist() for word, vector in found.items()} == {
        b". . .": [1, 2],
        b" ": [3, 4],
        "ё".encode(): [5, 6],
    }


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    row = b" ".join([b"0.123456"] * 100)
    with (tmp_path / "v").open("wb") as file:
        file.writelines(b"w%d %s\n" % (i, row) for i in range(5000))
    tracemalloc.start()
    found = read(str(tmp_path / "v"), 100, {b"w7", b"w4999"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 2
    assert (tmp_path / "v").stat().st_size > 4e6
    assert peak < 4e5


def test_tokens_are_looked_up_as_they_are_then_in_lower_case(tmp_path: Path) -> None:
    path = written(tmp_path, b"cat 1 1\nDog 2 2\ndog 3 3\nHEN 4 4\nlondon 5 5\n")
    tokens = {1: "<unk>", 3: "Cat", 4: "Dog", 6: "hen", 7: "cat", 9: "London"}
    vectors, pretrained = find(path, 2, tokens)
    assert vectors.ids.tolist() == [3, 4, 7, 9]
    assert vectors.values.tolist() == [[1, 1], [2, 2], [1, 1], [5, 5]]
    assert (pretrained.found, pretrained.by_lower_case, pretrained.vocabulary) == (4, 2, 5)
    counts = np.array([0, 4, 0, 1, 2, 0, 8, 16, 0, 1])
    assert pretrained.facts(counts) == {
        "path": path,
        "size": 2,
        "found": 4,
        "by_lower_case": 2,
        "vocabulary": 5,
        "train_share": 20 / 32,
    }
    told = f"{path}: 4 of 5 words of the vocabulary (80.0%)"
    assert pretrained.note(counts) == f"{told}, 62.5% of the training tokens; 2 by their lower case"
    assert pretrained.note(None) == f"{told}; 2 by their lower case"


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (b"cat 1 1\n<unk> 2 2\nunk 3 3\n</s> 4 4\n", {1: [2, 2], 2: [4, 4], 5: [1, 1]}),
        (b"unk 3 3\ncat 1 1\n<eos> 5 5\n", {1: [3, 3], 2: [5, 5], 5: [1, 1]}),
        (b"UNK 3 3\ncat 1 1\n", {5: [1, 1]}),
    ],
)
def test_marks_are_taken_and_are_no_words(
    tmp_path: Path, content: bytes, taken: dict[int, list[float]]
) -> None:
    tokens = {1: "<unk>", 2: "<eos>", 3: "<s>", 5: "cat", 6: "cow"}
    vectors, pretrained = find(written(tmp_path, content), 2, tokens)
    assert dict(zip(vectors.ids.tolist(), vectors.values.tolist(), strict=True)) == taken
    assert (pretrained.found, pretrained.vocabulary) == (1, 2)
    assert "50.0% of the training tokens" in pretrained.note(np.array([0, 9, 9, 9, 0, 27, 0]))
    with pytest.raises(UserError, match=r"none of the 1 words of the vocabulary \('cow'\)"):
        find(written(tmp_path, content), 2, {1: "<unk>", 2: "<eos>", 6: "cow"})


def test_the_digest_is_of_what_was_taken(tmp_path: Path) -> None:
    def digest(content: bytes) -> str:
        return find(written(tmp_path, content), 2, {1: "cat", 2: "dog"})[1].digest

    first = digest(PLAIN)
    assert digest(b"3 2\nhen 1 1\n" + PLAIN) == first
    assert digest(PLAIN.replace(b"0.5", b"0.25")) != first
    assert digest(PLAIN.replace(b"dog", b"hen")) != first
    assert digest(b"dog 0.5 -1\n") != digest(b"cat 0.5 -1\n")

"""Files with a word a line, as they come."""

from pathlib import Path
from typing import Any

import pytest

from seqbench.datamodules.texts.conll import Columns, find_tagged
from seqbench.errors import UserError

CONLL_2003 = """\
-DOCSTART- -X- -X- O

U.N. NNP I-NP I-ORG
official NN I-NP O
Ekeus NNP I-NP I-PER

-DOCSTART- -X- -X- O
#1 NNP I-NP I-MISC
. . O O
"""
CONLLU = """\
# sent_id = 1
# text = vámonos al 10 000
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3\t10 000\t_\tNUM\t_\t_\t1\tobl\t_\t_
3.1\tgone\tgo\tVERB\t_\t_\t_\t_\t_\t_

# sent_id = 2
1\t#\t#\tSYM\t_\t_\t0\troot\t_\tSpaceAfter=No
"""


def read(
    folder: Path, content: str | bytes, name: str = "a.txt", **settings: Any
) -> list[list[tuple[str, str]]]:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = list(Columns(**settings).read(file, "utf-8"))
    return [list(zip(each.words, each.tags, strict=True)) for each in found]


def test_conll_2003(tmp_path: Path) -> None:
    wanted = [
        [("U.N.", "I-ORG"), ("official", "O"), ("Ekeus", "I-PER")],
        [("#1", "I-MISC"), (".", "O")],
    ]
    assert read(tmp_path, CONLL_2003) == wanted
    pos = read(tmp_path, CONLL_2003, tag=1)
    assert [tag for sentence in pos for _, tag in sentence] == ["NNP", "NN", "NNP", "NNP", "."]


def test_universal_dependencies(tmp_path: Path) -> None:
    wanted = [[("vamos", "VERB"), ("nos", "PRON"), ("10 000", "NUM")], [("#", "SYM")]]
    assert read(tmp_path, CONLLU, "a.conllu", word=1, tag=3) == wanted
    assert read(tmp_path, CONLLU, "A.CONLLU", word=1, tag=-7) == wanted


@pytest.mark.parametrize(
    "content",
    [
        "a X\nb Y\n\nc X\n",
        "a X\nb Y\n\nc X",  # no line end behind the last
        "\n\n \t\na X\nb Y\n\n\n\nc X\n\n\n",
        "a X\r\nb Y\r\n\r\nc X\r\n",
        "\ufeffa X\nb Y\n\nc X\n",
        "a\tX\nb  \t Y\n\n c X \n",
        "a X\nb Y\n-DOCSTART- O\nc X\n",
        "\ufeff-DOCSTART- O\r\na X\r\nb Y\r\n\r\nc X",
    ],
)
def test_sentences_end_at_blank_lines_whatever_ends_a_line(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == [[("a", "X"), ("b", "Y")], [("c", "X")]]


def test_lines_are_numbered_as_an_editor_has_them(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU, "utf-8")
    found = list(Columns(1, 3).read(tmp_path / "a.conllu", "utf-8"))
    assert [each.lines for each in found] == [[4, 5, 6], [10]]


def test_separators(tmp_path: Path) -> None:
    line = "New York\t B-LOC \n"
    assert read(tmp_path, line, separator="tab") == [[("New York", "B-LOC")]]
    assert read(tmp_path, line, "a.tsv") == [[("New York", "B-LOC")]]
    assert read(tmp_path, line) == [[("New", "B-LOC")]]
    assert read(tmp_path, "a b X\n", "a.tsv", separator="whitespace") == [[("a", "X")]]
    # White space of other alphabets parts no columns.
    assert read(tmp_path, "10\xa0000 NUM\n\u3000\n") == [[("10\xa0000", "NUM")]]


def test_comments_are_left_out_where_they_are_such(tmp_path: Path) -> None:
    content = "# B-TAG\n#love O\nb X\n"
    assert read(tmp_path, content)[0][0] == ("#", "B-TAG")
    assert read(tmp_path, content, comment="# ") == [[("#love", "O"), ("b", "X")]]
    assert read(tmp_path, content, comment="#") == [[("b", "X")]]


def test_sentences_may_differ_in_columns_that_are_counted_from_the_first(tmp_path: Path) -> None:
    content = "a X -\n\nb Y - -\n"
    assert read(tmp_path, content, tag=1) == [[("a", "X")], [("b", "Y")]]


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        ("a X\nb\n", {}, r"line 2 has 1 column, line 1 2 columns: mend it, or set task\.separ"),
        ("a X\n\nb - Y\n", {}, r"line 3 has 3 columns, line 1 2 columns"),
        ("a X\nb - Y\n", {"tag": 1}, r"line 2 has 3 columns, line 1 2 columns"),
        ("a X\nNew York X\n", {}, r"line 2 has 3 columns, line 1 2 columns"),
        ("a - X\n\nb Y\n", {"tag": 2}, r"line 3 has 2 columns, none of .* task\.tag_column=2: "),
        ("a X\n", {"word": -3}, r"line 1 has 2 columns, none of .* task\.word_column=-3: "),
        ("a\nb\n", {}, r"line 1 has 1 column, so that task\.word_column=0 and task\.tag_column=-1"),
        (
            "a X\n",
            {"word": 1},
            r"line 1 has 2 columns, so that task\.word_column=1 and .* the same",
        ),
        ("a X\n", {"separator": "tab"}, r"line 1 has 1 column, so that .* task\.separator"),
        ("a\tX\nb\t\n", {"separator": "tab"}, r"line 2: its column -1, of tags, is empty"),
        ("\tX\n", {"separator": "tab"}, r"line 1: its column 0, of words, is empty"),
        ("a X\nb\0 Y\n", {}, r"line 2 holds a NUL"),
        ("ж X\nа Y\n".encode("cp1251"), {}, r"not in the encoding utf-8 from line 1 on"),
    ],
)
def test_what_is_no_such_file(
    tmp_path: Path, content: str | bytes, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, content, **settings)
    assert str(caught.value).startswith(f"{tmp_path / 'a.txt'}: ")
    assert "\n" not in str(caught.value)


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"task\.word_column and task\.tag_column are both 1"):
        Columns(1, 1)
    with pytest.raises(
        UserError, match=r"a\.conllu: column 0 .* set task\.word_column=1 and task\."
    ):
        read(tmp_path, CONLLU, "a.conllu")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["train.conll", "dev.conll", "test.conll"], ["train.conll", "dev.conll", "test.conll"]),
        (["eng.train", "eng.testa", "eng.testb"], ["eng.train", "eng.testa", "eng.testb"]),
        (["train.txt", "testa.txt", "testb.txt"], ["train.txt", "testa.txt", "testb.txt"]),
        (
            ["x-ud-dev.conllu", "x-ud-train.conllu", "x-ud-test.conllu", "x-ud-dev.txt.gz"],
            ["x-ud-train.conllu", "x-ud-dev.conllu", "x-ud-test.conllu"],
        ),
        (["Train.tsv", "valid.IOB", "README.txt", "contest.txt"], ["Train.tsv", "valid.IOB", None]),
        (["train.bio", ".test.bio"], ["train.bio", None, None]),
    ],
)
def test_a_folder_of_splits(tmp_path: Path, names: list[str], wanted: list[str | None]) -> None:
    for name in names:
        (tmp_path / name).write_text("a X\n")
    found = find_tagged(str(tmp_path))
    splits = zip(("train", "val", "test"), wanted, strict=True)
    assert [(split, file.name) for split, file in found.items()] == [
        (split, name) for split, name in splits if name
    ]


def test_a_file_may_have_any_suffix(tmp_path: Path) -> None:
    (tmp_path / "words.ner").write_text("a X\n")
    assert find_tagged(str(tmp_path / "words.ner")) == {"train": tmp_path / "words.ner"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], r"no train\.conll or train\.txt there, but nothing; what can be read"),
        (["test.conll"], r"no train\.conll or train\.txt there, but test\.conll"),
        (["train.conll", "train.txt"], r"train\.conll and train\.txt both look like the split tr"),
        (["train.txt", "test.txt", "testb.txt"], r"test\.txt and testb\.txt both .* split test; k"),
        (["train.txt", "x.dev", "val.txt"], r"val\.txt and x\.dev both look like the split val"),
    ],
)
def test_a_folder_that_is_none(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).write_text("a X\n")
    with pytest.raises(UserError, match=message):
        find_tagged(str(tmp_path))

"""Many texts at once are cut as each would be alone, and few are held at a time."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from seqbench.datamodules.texts import cutting
from seqbench.datamodules.texts.cutting import cut, cut_pieces, interning_table
from seqbench.datamodules.texts.encoder import Level, TextSplitter

ALL = "".join(chr(i) for i in range(1, sys.maxunicode + 1) if not 0xD800 <= i < 0xE000)
TEXTS = [
    *("A fine film, truly!!", "don't", "", " \x1c\t ", "<br/>", " a<br />b ", "a\xa0b\u3000c\x85d"),
    *("ΣΑΣ İstanbul", "naïve cafe\u0301 x² 10\xa0000", "Бapcик Toм", "<unk> <pad>", "日本語 हिन्दी"),
    *("a b", "\n", "_a-b_ 3.14", "a\x1db\x1ec\x1fd"),
]  # fmt: skip


def splitter(level: Level, clean: bool) -> TextSplitter:
    return TextSplitter(level=level, lowercase=clean, strip_html=clean, mend_homoglyphs=clean)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("level", ["word", "whitespace", "char"])
def test_texts_and_pieces_are_cut_as_one_by_one(
    level: Level, clean: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in ("CHUNK", "LETTERS"):
        monkeypatch.setattr(cutting, size, 30)
    monkeypatch.setattr(cutting, "BLOCK", 7)
    split = splitter(level, clean)
    table = interning_table()
    parts = list(cut(TEXTS, split, table))
    assert len(parts) > 3
    lengths, numbers = map(np.concatenate, zip(*parts, strict=True))
    pieces = list(table)
    found = [[pieces[i] for i in row] for row in np.split(numbers, np.cumsum(lengths)[:-1])]
    assert found == [split.pieces(text) for text in TEXTS]

    tokens, flat, widths = cut_pieces(pieces, split)
    cuts = [[tokens[i] for i in row] for row in np.split(flat, np.cumsum(widths)[:-1])]
    assert cuts == [split.tokens(piece) for piece in pieces]


@pytest.mark.parametrize("level", ["word", "whitespace"])
def test_all_white_space_of_unicode_is_told_as_python_tells_it(level: Level) -> None:
    split, table = splitter(level, False), interning_table()
    ((_, numbers),) = cut([ALL], split, table)
    assert [list(table)[i] for i in numbers] == split.pieces(ALL)


def test_few_texts_are_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "CHUNK", 100)
    read: list[str] = []

    def texts() -> Iterator[str]:
        for _ in range(300):
            read.append("nine char")
            yield read[-1]

    found = cut(texts(), splitter("word", False), interning_table())
    for done in range(1, 20):
        lengths, numbers = next(found)
        assert (len(lengths), len(numbers)) == (10, 20)
        assert len(read) == 10 * (done + 1)

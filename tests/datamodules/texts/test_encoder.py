"""Splitting, vocabulary and encoding of texts."""

import random
from typing import Any

import pytest
from tokenizers import Tokenizer

from seqbench.datamodules.texts.encoder import (
    PADDING,
    UNKNOWN,
    Level,
    TextEncoder,
    TextSplitter,
    choose_vocabulary,
    plain,
)


def splitter(
    level: Level = "word", lowercase: bool = True, strip_html: bool = False
) -> TextSplitter:
    return TextSplitter(level=level, lowercase=lowercase, strip_html=strip_html)


def tokens(text: str, split: TextSplitter) -> list[str]:
    return [token for piece in split.pieces(text) for token in split.tokens(piece)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't go!!", ["don", "'", "t", "go", "!!"]),
        ("  \n\t ", [UNKNOWN]),
        ("", [UNKNOWN]),
        ("ЁЖ и ёж", ["ёж", "и", "ёж"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("a\x1cb", ["a", "b"]),
        ("<unk>", ["<", "unk", ">"]),
    ],
)
def test_words_and_punctuation(text: str, expected: list[str]) -> None:
    assert tokens(text, splitter()) == expected


def test_characters_keep_spaces_and_are_one_token_each() -> None:
    assert tokens("Aб c", splitter("char")) == ["a", "б", " ", "c"]
    assert tokens("Aб", splitter("char", lowercase=False)) == ["A", "б"]


def test_words_between_white_space_stay_whole() -> None:
    text = " Don't  go<pad>!!\t<unk> 10\xa0000\n"
    assert tokens(text, splitter("whitespace", lowercase=False)) == [
        *("Don't", "go<pad>!!", "<unk>", "10\xa0000")
    ]
    assert tokens("", splitter("whitespace")) == [UNKNOWN]


def test_no_text_holds_padding() -> None:
    settings = {"lowercase": False, "strip_html": False, "max_length": None, "keep": "head"}
    encoder = TextEncoder((PADDING, UNKNOWN, "go"), {"level": "whitespace", **settings})
    assert encoder.encode(["<pad> go <unk>"]) == [[1, 2, 1]]


def test_html_tags_become_a_space_and_comparisons_stay() -> None:
    split = splitter(strip_html=True)
    assert tokens("good<br /><br/>film</I>, 1 < 2 > 0", split) == [
        *("good", "film", ",", "1", "<", "2", ">", "0")
    ]
    assert "br" in tokens("good<br />film", splitter())


def test_vocabulary_is_by_count_then_by_token_whatever_the_order_of_the_counts() -> None:
    counts = {"b": 2, "a": 2, "c": 3, "rare": 1, UNKNOWN: 9}
    for seed in range(5):
        items = list(counts.items())
        random.Random(seed).shuffle(items)
        chosen = choose_vocabulary(dict(items), size=10, min_count=2)
        assert chosen == (PADDING, UNKNOWN, "c", "a", "b")
    assert choose_vocabulary(counts, size=4, min_count=1) == (PADDING, UNKNOWN, "c", "a")


def test_encoder_is_rebuilt_from_plain_values_and_cuts_as_told() -> None:
    encoder = TextEncoder(
        (PADDING, UNKNOWN, "good", "film", "."),
        {
            "level": "word",
            "lowercase": True,
            "strip_html": False,
            "max_length": 3,
            "keep": "tail",
        },
    )
    assert encoder.encode(["Good, good film.", "", "never seen"]) == [[2, 1, 2, 3, 4], [1], [1, 1]]
    data = encoder.dataset(["Good, good film.", "", "never seen"])
    assert data.lengths.tolist() == [3, 1, 2]
    batch = data[data.lengths.argsort()[::-1].copy()]
    assert batch.inputs.tolist() == [[2, 3, 4], [1, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("level", ["word", "whitespace", "char"])
def test_encoding_a_text_is_encoding_its_tokens(level: Level) -> None:
    """The library's tokenizer on whole texts and the cut of single pieces agree on odd texts."""
    draw = random.Random(0)
    alphabet = "abÉßİΣς9½_-'’.!?  \t\n\x1c\x85\xa0\u200b\u2028\u0301हि你好🙂<>/&\ufeff"
    texts = ["".join(draw.choices(alphabet, k=draw.randrange(30))) for _ in range(500)]
    split = splitter(level, strip_html=True)
    cut = [tokens(text, split) for text in texts]
    vocabulary = (PADDING, UNKNOWN, *sorted({t for row in cut for t in row} - {UNKNOWN, PADDING}))
    encoder = TextEncoder(
        vocabulary,
        {
            "level": level,
            "lowercase": True,
            "strip_html": True,
            "max_length": None,
            "keep": "head",
        },
    )
    index = {token: i for i, token in enumerate(vocabulary)}
    assert encoder.encode(texts) == [[index[token] for token in row] for row in cut]


def test_a_piece_that_stands_often_is_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TextEncoder((PADDING, UNKNOWN, "a", "b"), plain("word"))
    given: list[list[str]] = []

    class Counting:
        def __init__(self, tokenizer: Tokenizer) -> None:
            self.tokenizer = tokenizer

        def encode_batch_fast(self, pieces: list[list[str]], **options: bool) -> list[Any]:
            given.extend(pieces)
            found: list[Any] = self.tokenizer.encode_batch_fast(pieces, **options)
            return found

    monkeypatch.setattr(encoder, "tokenizer", Counting(encoder.tokenizer))
    assert encoder.encode(["a b! a", "", "b! a a"]) == [[2, 3, 1, 2], [1], [3, 1, 2, 2]]
    assert sorted(given) == [[""], ["a"], ["b!"]]

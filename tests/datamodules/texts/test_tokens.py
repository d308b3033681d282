"""Running text to tokens and back."""

import unicodedata

import pytest

from seqbench.datamodules.texts.encoder import TextSplitter
from seqbench.datamodules.texts.tokens import END, START, Level, Tokens

VOCABULARY = ("<pad>", "<unk>", "a", "b", "<s>", "<eos>", ".", "(", ")")


def tokens(level: Level, **settings: bool) -> Tokens:
    return Tokens(VOCABULARY, level=level, lowercase=False, **settings)


@pytest.mark.parametrize(
    "text",
    [
        "हिन्दी भाषा",
        unicodedata.normalize("NFD", "Ёлка йод café"),
        "don't (stop) now...",
        "a1_b 3.14",
    ],
)
def test_words_are_those_of_labelled_texts(text: str) -> None:
    """Accents and vowel signs belong to their words."""
    splitter = TextSplitter(level="word", lowercase=False, strip_html=False)
    wanted = [token for piece in splitter.pieces(text) for token in splitter.tokens(piece)]
    assert tokens("word").split(text) == wanted


def test_a_line_of_a_prompt_ends_as_one_of_the_text_does() -> None:
    for level in ("word", "whitespace"):
        marked = tokens(level, end_of_line=True)
        assert marked.split("a b\nb\r\n") == ["a", "b", END, "b", END]
        assert tokens(level).split("a b\nb\r\n") == ["a", "b", "b"]
    assert tokens("char").split("a\r\nb\r") == ["a", "\n", "b", "\n"]


def test_marks_are_marks_only_where_a_task_has_them() -> None:
    ids = [VOCABULARY.index(token) for token in ("a", START, "b", END, "a")]
    assert tokens("whitespace").text(ids) == "a <s> b <eos> a"
    assert tokens("whitespace", end_of_line=True).text(ids) == "a <s> b\na"
    named = Tokens(VOCABULARY, level="char", lowercase=False, start=4, end=5)
    assert named.text([4, 2, 3, 5]) == "ab\n"
    assert tokens("word").split("<eos>") == ["<", "eos", ">"]
    assert tokens("word", end_of_line=True).split("<eos>") == [END]


def test_white_space_is_guessed_around_punctuation() -> None:
    ids = [VOCABULARY.index(token) for token in ("a", "(", "b", ")", ".", "a")]
    assert tokens("word").text(ids) == "a (b). a"
    assert tokens("whitespace").text(ids) == "a ( b ) . a"

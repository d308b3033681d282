"""Sentences about names of people and of places."""

from collections import Counter

import pytest

from seqbench.datamodules.texts.conll import Sentence
from seqbench.datamodules.texts.grammar import BEFORE, BEHIND, FIRST, SECOND, draw_sentences

SAID = [
    *((words.split(), kind, "before") for kind in BEFORE for words in BEFORE[kind]),
    *((words.split(), kind, "behind") for kind in BEHIND for words in BEHIND[kind]),
]
NAMES = {*FIRST, *SECOND}


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    (split,) = draw_sentences([2000], 0)
    return split


def read_off(words: list[str], sides: tuple[str, ...]) -> list[str | None]:
    """The kind of each name, as the words on these sides of it say; None where they don't.

    A name's own words are the nearest on their side that say anything, up to the next name.
    """
    starts = [
        i for i, word in enumerate(words) if word in FIRST and (not i or words[i - 1] not in FIRST)
    ]
    said: list[str | None] = [None] * len(starts)
    for step in range(len(words)):
        for phrase, kind, side in SAID:
            if side in sides and words[step : step + len(phrase)] == phrase:
                if side == "before":
                    place = next(n for n, start in enumerate(starts) if start > step)
                else:
                    place = max(n for n, start in enumerate(starts) if start < step)
                assert said[place] is None
                said[place] = kind
    return said


def kinds(sentence: Sentence) -> list[str]:
    return [tag[2:] for tag in sentence.tags if tag.startswith("B-")]


def test_both_sides_together_decide_every_name(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        assert read_off(sentence.words, ("before", "behind")) == kinds(sentence)


@pytest.mark.parametrize("side", ["before", "behind"])
def test_one_side_decides_half_of_them_and_says_nothing_of_the_rest(
    sentences: list[Sentence], side: str
) -> None:
    open_names: Counter[str] = Counter()
    decided = 0
    for sentence in sentences:
        pairs = zip(read_off(sentence.words, (side,)), kinds(sentence), strict=True)
        for said, kind in pairs:
            decided += said == kind
            open_names[kind] += said is None
    names = decided + open_names.total()
    assert names > 2500
    assert decided / names == pytest.approx(0.5, abs=0.04)
    assert open_names["PER"] / open_names.total() == pytest.approx(0.5, abs=0.04)


def test_names_are_of_both_kinds_and_of_one_word_or_two(sentences: list[Sentence]) -> None:
    found: Counter[tuple[str, str]] = Counter()
    for sentence in sentences:
        assert len(sentence.words) == len(sentence.tags)
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            assert (tag == "O") == (word not in NAMES)
            assert tag[:1] == ("O" if tag == "O" else "I" if word in SECOND else "B")
            found[word, tag[2:]] += tag != "O"
    assert {word for word, _ in found} >= NAMES
    assert all(found[name, kind] > 10 for name in NAMES for kind in ("PER", "LOC"))
    assert not {*FIRST} & {*SECOND}


def test_words_that_decide_are_up_to_three_phrases_away(sentences: list[Sentence]) -> None:
    lengths = {len(sentence) for sentence in sentences}
    assert min(lengths) <= 5
    assert max(lengths) > 45
    commas = Counter(sentence.words.count(",") for sentence in sentences)
    assert {*commas} == {0, 2, 3, 4, 5, 6, 7, 8}


def test_splits_have_no_sentence_in_common_and_a_seed_gives_them_again() -> None:
    splits = draw_sentences([300, 50, 100], 7)
    texts = [" ".join(sentence.words) for split in splits for sentence in split]
    assert [*map(len, splits)] == [300, 50, 100]
    assert len({*texts}) == 450
    assert draw_sentences([300, 50, 100], 7) == splits
    assert draw_sentences([300, 50, 100], 8)[0] != splits[0]

"""Runs of tokens, and what is made of them, against scikit-learn's own reading of the texts."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from seqbench.classical.grams import Grams
from seqbench.classical.reading import Flat

WORDS = [f"w{i}" for i in range(12)]


def drawn(seed: int, rows: int, most: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(1, 12, random.integers(1, most)).tolist() for _ in range(rows)]


def flat(rows: list[list[int]]) -> Flat:
    offsets = np.cumsum([0, *map(len, rows)])
    return Flat(np.array([i for row in rows for i in row]), offsets, np.zeros(len(rows), np.int64))


@pytest.mark.parametrize(("longest", "least", "edges"), [(2, 2, False), (4, 1, True), (1, 3, True)])
def test_runs_are_those_that_scikit_learn_counts(longest: int, least: int, edges: bool) -> None:
    train, other = drawn(0, 30, 9), [*drawn(1, 10, 20), [1]]
    grams = Grams(flat(train), 12, least=least, edges=edges)
    for _ in range(longest):
        grams.grow()

    def text(row: list[int]) -> str:
        return " ".join(WORDS[i] for i in ([0, *row, 0] if edges else row))

    theirs = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, longest), min_df=least)
    wanted = theirs.fit_transform([text(row) for row in train])
    pairs = [
        (grams.train(longest), wanted),
        (grams.counts(flat(other), longest), theirs.transform([text(row) for row in other])),
    ]
    for ours, their in pairs:
        assert ours.shape == their.shape
        # Columns are in another order: each as the numbers that stand in it, over both.
    ours, their = (np.vstack([a.toarray() for a in each]) for each in zip(*pairs, strict=True))
    assert sorted(map(tuple, ours.T)) == sorted(map(tuple, their.T))


def test_a_shorter_length_is_a_part_of_the_longer_one() -> None:
    train = flat(drawn(0, 30, 9))
    grams = Grams(train, 12, least=1, edges=False)
    grams.grow()
    short = grams.train(1).toarray()
    grams.grow()
    assert (grams.train(1).toarray() == short).all()
    assert (grams.counts(train, 2).toarray() == grams.train(2).toarray()).all()
    assert not (grams.counts(flat([[11, 11, 11, 11, 11]]), 2).toarray() < 0).any()


def test_no_run_reaches_over_two_texts() -> None:
    grams = Grams(flat([[1, 2], [3, 4]]), 12, least=1, edges=False)
    grams.grow()
    grams.grow()
    assert [len(known) for known in grams.known] == [4, 2]

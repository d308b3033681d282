"""Sentences whose names are of people or of places, as words before or behind them decide."""

from collections.abc import Sequence

import numpy as np

from seqbench.datamodules.texts.conll import Sentence

FIRST = (
    *("Jordan", "Victoria", "Sydney", "Austin", "Florence", "Lincoln", "Chelsea", "Georgia"),
    *("Dakota", "Brooklyn", "Madison", "Carolina", "Houston", "Charlotte", "Paris", "Devon"),
)
"""Names of people and of places alike, and so with a word of ``SECOND`` behind them."""
SECOND = ("Hill", "Marsh", "Lake", "Woods", "Park", "Wells", "Banks", "Ford", "Field", "Brook")

BEFORE = {
    "PER": ("my cousin", "our teacher", "the singer", "his neighbour", "the old nurse", "a pilot"),
    "LOC": ("the village", "our harbour", "the old town", "a valley", "the island", "his suburb"),
}
"""What says, before a name, of what it is."""
NEUTRAL = (
    *("was mentioned", "came to mind", "is well known", "was praised", "turned up in a letter"),
    *("changed a lot", "is on this list", "was in the news"),
)
BEHIND = {
    "PER": ("sang", "laughed", "resigned", "wept", "fell asleep", "told a story", "paid", "smiled"),
    "LOC": (
        *("flooded", "borders the sea", "covers two islands", "lies below us", "has no station"),
        *("was rebuilt", "spans the river", "has four bridges"),
    ),
}
"""What says it behind the name."""

FILLERS = (
    *("as we heard yesterday", "so they say", "to be honest", "after all this time", "it seems"),
    *("if the paper is right", "as far as anyone knows", "for once", "in spite of the rain"),
    *("and nobody was surprised", "much to our delight", "as you may remember"),
)
MOST_FILLERS = 3
JOINTS = ("and", "while", "but", "; then")
ENDS = ("", "again", "last week", "in the end", "this year")


def draw_sentences(sizes: Sequence[int], seed: int) -> list[list[Sentence]]:
    """Splits of these sizes, no two of their sentences alike.

    A sentence is one clause or two. Of a clause's name and kind, of the side on which the word
    stands that tells the kind, and of up to ``MOST_FILLERS`` phrases between that word and the
    name, each is drawn by itself, uniformly; all else says nothing of the kind::

        our harbour , so they say , Florence Marsh was mentioned again and Jordan , it seems , sang
                                    B-LOC    I-LOC                         B-PER

    Who reads from one direction alone has, at half the names, nothing to go by, and is wrong in
    half of these: a span F1 of 0.75 is the most that can be expected of it; of both directions 1.
    """
    random = np.random.default_rng(seed)
    seen: set[str] = set()
    splits: list[list[Sentence]] = []
    for size in sizes:
        split: list[Sentence] = []
        while len(split) < size:
            sentence = _sentence(random)
            text = " ".join(sentence.words)
            if text not in seen:
                seen.add(text)
                split.append(sentence)
        splits.append(split)
    return splits


def _sentence(random: np.random.Generator) -> Sentence:
    sentence = Sentence()
    _clause(random, sentence)
    if random.random() < 0.5:
        _add(sentence, _one(random, JOINTS))
        _clause(random, sentence)
    _add(sentence, ".")
    return sentence


def _clause(random: np.random.Generator, sentence: Sentence) -> None:
    """Put a clause behind what the sentence has."""
    kind = _one(random, ("PER", "LOC"))
    name = _one(random, FIRST)
    if random.random() < 0.5:
        name = f"{name} {_one(random, SECOND)}"
    phrases = random.choice(len(FILLERS), int(random.integers(MOST_FILLERS + 1)), replace=False)
    between = "".join(f", {FILLERS[i]} " for i in phrases) + ", " * bool(len(phrases))
    if random.random() < 0.5:
        _add(sentence, f"{_one(random, BEFORE[kind])} {between}")
        _add(sentence, name, kind)
        _add(sentence, _one(random, NEUTRAL))
    else:
        _add(sentence, name, kind)
        _add(sentence, f"{between}{_one(random, BEHIND[kind])}")
    _add(sentence, _one(random, ENDS))


def _add(sentence: Sentence, text: str, kind: str | None = None) -> None:
    words = text.split()
    sentence.words += words
    sentence.tags += [f"{'I' if i else 'B'}-{kind}" if kind else "O" for i in range(len(words))]


def _one(random: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(random.integers(len(choices)))]

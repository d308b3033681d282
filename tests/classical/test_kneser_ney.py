"""Modified Kneser-Ney against its equations, worked out one token at a time."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from seqbench.classical.kneser_ney import ABSENT, USUAL, Counts, Ints, KneserNey, _discounts

V = 6
OUTCOMES = np.arange(1, V)


def drawn(seed: int, texts: int = 12) -> list[list[int]]:
    """Texts of the tokens 1 to 4, that go on from one to another more often than not."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(texts):
        text = [1]
        for _ in range(random.integers(2, 9)):
            likely = random.random() < 0.7
            text.append(1 + text[-1] % 4 if likely else int(random.integers(1, 5)))
        found.append(text)
    return found


def elements(texts: Sequence[Sequence[int]], order: int) -> tuple[Ints, list[Ints]]:
    """Targets, all tokens but the first of each text, and the tokens before them, one added."""
    pairs = [(text, i) for text in texts for i in range(1, len(text))]
    targets = np.array([text[i] for text, i in pairs])
    back = [
        np.array([text[i - n] + 1 if i >= n else ABSENT for text, i in pairs])
        for n in range(1, order)
    ]
    return targets, back


def fitted(texts: Sequence[Sequence[int]], order: int) -> KneserNey:
    targets, back = elements(texts, order)
    counts = Counts(targets, V)
    for each in back:
        counts.grow(each)
    return KneserNey(counts, OUTCOMES)


class Slow:
    """The same by dictionaries: of contexts as tuples, from the last token back."""

    def __init__(self, texts: Sequence[Sequence[int]], order: int) -> None:
        self.order = order
        self.tables: list[dict[tuple[int, ...], Counter[int]]] = []
        for length in range(order):
            table: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
            extensions: defaultdict[tuple[tuple[int, ...], int], set[int]] = defaultdict(set)
            for text in texts:
                for i in range(1, len(text)):
                    if i < length:
                        continue
                    context = tuple(text[i - n] for n in range(1, length + 1))
                    if length == order - 1 or i == length:
                        table[context][text[i]] += 1
                    else:
                        extensions[context, text[i]].add(text[i - length - 1])
            for (context, token), before in extensions.items():
                table[context][token] += len(before)
            self.tables.append(dict(table))

    def probability(self, token: int, before: tuple[int, ...]) -> float:
        return self._probability(token, before[: self.order - 1])

    def _probability(self, token: int, context: tuple[int, ...]) -> float:
        table = self.tables[len(context)]
        if not context:
            lacking = [t for t in OUTCOMES if t not in table[()]]
            lower = float(token in lacking) / len(lacking)
        else:
            lower = self._probability(token, context[:-1])
        if context not in table:
            return lower
        counts = [n for found in table.values() for n in found.values()]
        discounts: list[float] = [0.0, *_discounts(np.array(counts)).tolist()]
        taken = {t: discounts[min(n, 3)] for t, n in table[context].items()}
        total = table[context].total()
        own = max(table[context][token] - taken.get(token, 0.0), 0.0) / total
        return own + sum(taken.values()) / total * lower


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_it_is_what_its_equations_say(order: int) -> None:
    train, other = drawn(0), [*drawn(1, 6), [1, 5, 2, 2, 2, 2, 2, 2], [5, 5]]
    slow, quick = Slow(train, order), fitted(train, order)
    found = quick.probabilities(*elements(other, order))
    wanted = [
        slow.probability(text[i], tuple(reversed(text[:i])))
        for text in other
        for i in range(1, len(text))
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("labelled", [None, 0, 1])
def test_all_that_can_come_has_a_probability_of_one(order: int, labelled: int | None) -> None:
    train = drawn(2)
    targets, back = elements(train, order)
    label = np.arange(len(targets)) % 3 + 1
    if labelled is not None:
        back.insert(labelled, label)
    counts = Counts(targets, V)
    for each in back:
        counts.grow(each)
    model = KneserNey(counts, OUTCOMES)
    new, behind = elements(drawn(3), order)
    if labelled is not None:
        behind.insert(labelled, np.arange(len(new)) % 5 + 1)  # of two labels train has none
    total = sum(model.probabilities(np.full(len(new), token), behind) for token in OUTCOMES)
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)
    assert not model.probabilities(np.zeros(len(new), np.int64), behind).any()  # padding


def test_a_label_that_decides_is_made_use_of() -> None:
    targets = np.tile([1, 2], 50)
    label = targets.copy()
    plain, told = Counts(targets, V), Counts(targets, V)
    told.grow(label)
    without = KneserNey(plain, OUTCOMES).probabilities(targets, [])
    within = KneserNey(told, OUTCOMES).probabilities(targets, [label])
    assert without.max() < 0.51
    assert within.min() > 0.97


def test_discounts_come_of_the_counts_of_counts() -> None:
    times = np.repeat([1, 2, 3, 4, 9], [10, 6, 3, 2, 5])
    y = 10 / (10 + 2 * 6)
    wanted = [1 - 2 * y * 6 / 10, 2 - 3 * y * 3 / 6, 3 - 4 * y * 2 / 3]
    np.testing.assert_allclose(_discounts(times), wanted)
    np.testing.assert_allclose(_discounts(times[times != 4]), USUAL)


def test_what_train_lacks_gets_what_is_left() -> None:
    """The unknown token, where train has none: all that was taken off the single tokens."""
    targets = np.array([1, 2, 2, 3, 3, 3, 4, 4, 4, 4])
    model = KneserNey(Counts(targets, V), OUTCOMES)
    unknown = model.probabilities(np.array([5]), [])[0]
    y = 1 / 3
    assert unknown == pytest.approx((1 - 2 * y + 2 - 3 * y + 2 * (3 - 4 * y)) / 10)
    assert model.parameters == 4 + 1

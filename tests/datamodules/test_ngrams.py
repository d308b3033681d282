"""Add-one n-grams against counting in dictionaries."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from seqbench.datamodules import ngrams
from seqbench.datamodules.ngrams import Rows, add_one

IDS = 7


def drawn(seed: int, sizes: list[int], groups: int = 0) -> Rows:
    random = np.random.default_rng(seed)
    total = sum(sizes)
    return Rows(
        random.integers(1, IDS, total),
        random.integers(1, IDS, total),
        np.cumsum([0, *sizes]),
        random.integers(0, groups, len(sizes)) if groups else None,
    )


def naive(rows: Rows, order: int) -> list[tuple[tuple[int, ...], int]]:
    found = []
    for row, (start, end) in enumerate(pairwise(rows.offsets)):
        inputs = [0] * order + rows.inputs[np.arange(start, end)].tolist()
        for i, target in enumerate(rows.targets[np.arange(start, end)].tolist()):
            context = inputs[i + order + 1 - (order - 1) : i + order + 1] if order > 1 else []
            group = 0 if rows.groups is None else int(rows.groups[row])
            found.append(((group, *context), target))
    return found


def naive_loss(train: Rows, test: Rows, order: int, outcomes: int) -> float:
    both = Counter(naive(train, order))
    contexts = Counter(context for context, _ in naive(train, order))
    losses = [
        -math.log((both[context, target] + 1) / (contexts[context] + outcomes))
        for context, target in naive(test, order)
    ]
    return sum(losses) / len(losses)


@pytest.mark.parametrize("chunk", [10, ngrams.CHUNK])
@pytest.mark.parametrize("groups", [0, 3])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_counts_as_a_dictionary_does(
    order: int, groups: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ngrams, "CHUNK", chunk)
    train, test = drawn(0, [5, 1, 30, 2, 12], groups), drawn(1, [4, 1, 17], groups)
    found = add_one(train, {"a": test, "b": train}, order=order, ids=IDS, outcomes=6)
    assert found.name == {1: "unigram", 2: "bigram", 3: "trigram", 4: "4-gram"}[order]
    assert found.loss["a"] == pytest.approx(naive_loss(train, test, order, 6), rel=1e-12)
    assert found.loss["b"] == pytest.approx(naive_loss(train, train, order, 6), rel=1e-12)


def test_probabilities_of_what_can_come_sum_to_one() -> None:
    train = drawn(0, [40])
    losses = [
        add_one(
            train,
            {"next": Rows(np.array([2, 3]), np.array([4, target]), np.array([0, 2]))},
            order=3,
            ids=IDS,
            outcomes=IDS - 1,
        ).loss["next"]
        for target in range(1, IDS)
    ]
    fixed = add_one(
        train,
        {"first": Rows(np.array([2]), np.array([4]), np.array([0, 1]))},
        order=3,
        ids=IDS,
        outcomes=IDS - 1,
    ).loss["first"]
    assert sum(math.exp(fixed - 2 * loss) for loss in losses) == pytest.approx(1)


def test_a_stream_is_one_sequence() -> None:
    tokens: npt.NDArray[np.integer] = np.array([1, 2, 3, 1, 2], np.uint16)
    rows = Rows.stream(tokens[:-1], tokens[1:])
    assert rows.offsets.tolist() == [0, 4]
    found = add_one(rows, {"same": rows}, order=2, ids=4, outcomes=3)
    # After 1 twice a 2; after 2 once a 3; after 3 once a 1.
    wanted = -(2 * math.log(3 / 5) + 2 * math.log(2 / 4)) / 4
    assert found.loss["same"] == pytest.approx(wanted)


def test_the_order_is_lowered_to_what_fits() -> None:
    rows = drawn(0, [100])
    for ids, name in ((271, "trigram"), (272, "bigram"), (4472, "bigram"), (4473, "unigram")):
        assert add_one(rows, {}, order=3, ids=ids, outcomes=6).name == name


def test_metrics() -> None:
    rows = drawn(0, [100])
    found = add_one(rows, {"a": rows, "b": rows}, order=2, ids=IDS, outcomes=6)
    metrics = found.metrics({"a": 2.0})
    loss = found.loss["a"]
    assert metrics["a"] == {
        "loss": loss,
        "perplexity": math.exp(loss),
        "bits_per_character": loss / math.log(2) / 2,
    }
    assert metrics["b"].keys() == {"loss", "perplexity"}

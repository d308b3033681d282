"""Digits reversed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.batch import IGNORE
from seqbench.datamodules.pairs import Pairs, commonest
from seqbench.datamodules.reverse import Reverse
from seqbench.errors import UserError


def made(**settings: Any) -> Reverse:
    small = {"max_length": 5, "long_length": 8, "train_size": 300, "val_size": 40, "test_size": 40}
    data = Reverse(**(small | settings))
    data.setup()
    return data


def rows(data: Pairs) -> list[tuple[list[int], list[int]]]:
    batch = data[np.arange(len(data))]
    assert batch.target_lengths is not None
    return [
        (source[:n].tolist(), target[:m].tolist())
        for source, target, n, m in zip(
            batch.inputs, batch.targets, batch.lengths, batch.target_lengths, strict=True
        )
    ]


def test_targets_are_the_digits_from_the_last_to_the_first_and_an_end() -> None:
    data = made()
    for pairs in data.splits.values():
        for source, target in rows(pairs):
            assert target == [*reversed(source), data.spec.end_id]


def test_lengths_and_sizes() -> None:
    data = made(train_size=302)
    lengths = {split: np.bincount(pairs.lengths).tolist() for split, pairs in data.splits.items()}
    assert lengths["train"] == [0, 0, 76, 76, 75, 75]
    assert lengths["test"] == [0, 0, 10, 10, 10, 10]
    assert lengths["test_length_8"] == [0] * 8 + [40]
    assert data.tests == ["test", "test_length_8"]


def test_splits_share_no_sequence() -> None:
    data = made(train_size=3000, max_length=3)
    seen = {split: {tuple(s) for s, _ in rows(pairs)} for split, pairs in data.splits.items()}
    assert len(seen["train"] | seen["val"] | seen["test"]) == sum(
        len(seen[split]) for split in ("train", "val", "test")
    )


def test_padding_of_sources_and_targets() -> None:
    batch = made().splits["train"][np.array([0, 299])]
    assert batch.lengths.tolist() == [2, 5]
    assert batch.inputs[0, 2:].tolist() == [10] * 3
    assert batch.targets[0, 3:].tolist() == [IGNORE] * 3


def test_data_are_drawn_by_their_own_seed() -> None:
    assert made(seed=1).fingerprint == made(seed=2).fingerprint
    assert made(data_seed=1).fingerprint != made(data_seed=2).fingerprint


def test_the_commonest_answer_by_hand() -> None:
    train = Pairs([[1], [1, 2]], [[1], [2, 1]], padding_id=10, end_id=3)
    val = Pairs([[1], [2, 1, 1]], [[1], [1, 1, 1]], padding_id=10, end_id=3)
    # At the first place 1 and 2 occur once each (the first wins), at the second 1 and the end,
    # at the third the end alone; behind it the end. Right are 1 -, and 1 1 - end.
    scores = commonest({"train": train, "val": val})["val"]
    assert scores == {"accuracy": pytest.approx(4 / 6), "exact_match": 0.0}


def test_a_file_of_digits(tmp_path: Path) -> None:
    data = made()
    (tmp_path / "more.txt").write_text("3 1 4\n\n2 7\n")
    found = data.from_file(str(tmp_path / "more.txt"), data.spec)
    assert rows(found) == [([3, 1, 4], [4, 1, 3, 10]), ([2, 7], [7, 2, 10])]
    (tmp_path / "bad.txt").write_text("3 1\n3 10\n")
    with pytest.raises(UserError, match=r"bad\.txt: line 2: '10' should be .* from 0 to 9"):
        data.from_file(str(tmp_path / "bad.txt"), data.spec)


def test_a_range_of_lengths_that_is_none() -> None:
    with pytest.raises(UserError, match=r"task\.min_length=6 is more than task\.max_length=5"):
        made(min_length=6)

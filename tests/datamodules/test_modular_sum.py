from itertools import pairwise

import numpy as np
import torch

from seqbench.batch import IGNORE
from seqbench.datamodules.modular_sum import ModularSum
from seqbench.datamodules.sampling import BucketSampler


def made(seed: int = 0, data_seed: int = 0) -> ModularSum:
    data = ModularSum(train_size=300, val_size=100, test_size=100, seed=seed, data_seed=data_seed)
    data.setup()
    return data


def rows(data: ModularSum, split: str) -> list[bytes]:
    ragged = data.splits[split]
    return [ragged.tokens[a:b].tobytes() for a, b in pairwise(ragged.offsets)]


def test_targets_are_the_modular_sum() -> None:
    batch = made().splits["train"][np.array([0, 299, 300, 899])]
    for inputs, length, targets in zip(batch.inputs, batch.lengths, batch.targets, strict=True):
        x, y = inputs[:length], targets[:length]
        assert y[0] == x[0]
        assert torch.equal(y[1:], (x[1:] + x[0]) % 10)
        assert (targets[length:] == IGNORE).all()
        assert (inputs[length:] == 10).all()


def test_sizes_and_lengths() -> None:
    data = made()
    assert list(data.splits) == ["train", "val", "test", "test_length_1000"]
    assert data.tests == ["test", "test_length_1000"]
    lengths = {
        name: np.unique(split.lengths, return_counts=True) for name, split in data.splits.items()
    }
    assert [part.tolist() for part in lengths["train"]] == [[25, 75, 125], [300] * 3]
    assert [part.tolist() for part in lengths["test"]] == [[100], [100]]
    assert [part.tolist() for part in lengths["test_length_1000"]] == [[1000], [100]]


def test_splits_are_disjoint_by_construction() -> None:
    """Even at lengths so short that chance alone would make splits overlap."""
    data = ModularSum(train_lengths=[3], test_length=3, train_size=800, val_size=100, test_size=100)
    data.setup()
    train, val, test = ({*rows(data, name)} for name in ("train", "val", "test"))
    assert len(train) > 400
    assert not train & val
    assert not train & test
    assert not val & test


def test_digits_are_uniform() -> None:
    data = ModularSum(train_size=4000)
    data.setup()
    for split in ("train", "test_length_1000"):
        counts = np.bincount(data.splits[split].tokens, minlength=10)
        assert len(counts) == 10
        assert (abs(counts / counts.mean() - 1) < 0.05).all()
        first = data.splits[split].tokens[data.splits[split].offsets[:-1]]
        assert len(np.unique(first)) == 10


def test_the_data_seed_draws_and_the_seed_does_not() -> None:
    assert made().fingerprint == made(seed=5).fingerprint
    assert made().fingerprint != made(data_seed=1).fingerprint


def test_majority() -> None:
    values = made().baselines["majority"]
    assert set(values) == {"val", "test", "test_length_1000"}
    assert 0.08 < values["test"]["accuracy"] < 0.12
    assert values["test"]["sequence_accuracy"] == 0


def test_unshuffled_takes_each_length_in_turn_every_epoch() -> None:
    data = ModularSum(train_size=300, val_size=10, test_size=10, batch_size=100, shuffle=False)
    data.setup()
    orders = []
    for epoch in range(2):
        loader = data.train_dataloader()
        assert isinstance(loader.sampler, BucketSampler)
        loader.sampler.set_epoch(epoch)
        orders.append(np.concatenate(list(loader.sampler)).tolist())
        assert [batch.inputs.shape[1] for batch in loader] == [25] * 3 + [75] * 3 + [125] * 3
    assert orders == [list(range(900))] * 2


def test_the_rows_to_look_into_a_network_with_are_the_longest() -> None:
    """The same each time; shorter ones among them are left out where they are the fewer."""
    data = made()
    first = data.probe("val", 32)
    assert first.inputs.shape == (32, 125)
    assert torch.equal(first.inputs, data.splits["val"][np.arange(200, 232)].inputs)
    assert torch.equal(first.inputs, made(seed=1).probe("val", 32).inputs)
    assert data.probe("val", 120).lengths.tolist() == [125] * 100
    assert sorted(data.probe("val", 230).lengths.tolist()) == [75] * 100 + [125] * 100
    assert len(data.probe("test", 1000).lengths) == 100

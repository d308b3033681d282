import numpy as np
import pytest

from seqbench.datamodules.sampling import BucketSampler

LENGTHS = np.random.default_rng(0).integers(1, 400, 2003)


def order(sampler: BucketSampler) -> list[list[int]]:
    return [batch.tolist() for batch in sampler]


def test_each_row_once_an_epoch() -> None:
    for shuffle in (True, False):
        sampler = BucketSampler(LENGTHS, 32, shuffle=shuffle)
        batches = order(sampler)
        assert sorted(row for batch in batches for row in batch) == list(range(2003))
        assert len(batches) == len(sampler) == 63


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    def at(seed: int, epoch: int) -> list[list[int]]:
        sampler = BucketSampler(LENGTHS, 32, shuffle=True, seed=seed)
        sampler.set_epoch(epoch)
        np.random.seed(epoch)  # noqa: NPY002  the global stream must not matter
        return order(sampler)

    assert at(1, 3) == at(1, 3)
    assert at(1, 3) != at(1, 4)
    assert at(1, 3) != at(2, 3)


def test_a_start_offset_skips_and_then_is_spent() -> None:
    sampler = BucketSampler(LENGTHS, 32, shuffle=True)
    whole = order(sampler)
    sampler.start = 10
    assert len(sampler) == 63
    assert order(sampler) == whole[10:]
    assert order(sampler) == whole


@pytest.mark.parametrize("shuffle", [True, False])
def test_ranks_share_without_overlap(shuffle: bool) -> None:
    parts = [
        order(BucketSampler(LENGTHS, 32, shuffle=shuffle, rank=rank, world_size=4))
        for rank in range(4)
    ]
    rows = [row for part in parts for batch in part for row in batch]
    assert len(rows) == len(set(rows))
    if shuffle:
        assert {len(part) for part in parts} == {15}
    else:
        assert sorted(rows) == list(range(2003))


def test_little_padding_and_changing_neighbours() -> None:
    sampler = BucketSampler(LENGTHS, 16, shuffle=True)
    batches = order(sampler)
    padded = sum(len(batch) * LENGTHS[batch].max() for batch in batches)
    assert LENGTHS.sum() / padded >= 0.95
    sampler.set_epoch(1)
    first = {frozenset(batch) for batch in batches}
    assert not first & {frozenset(batch) for batch in order(sampler)}
    means = [LENGTHS[batch].mean() for batch in batches]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.3

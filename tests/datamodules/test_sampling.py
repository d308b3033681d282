import numpy as np
import pytest
import torch

from seqbench.datamodules.modular_sum import ModularSum
from seqbench.datamodules.sampling import BucketSampler, Shared, StandIn

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
@pytest.mark.parametrize("size", [7, 32])  # 7 x 3 x 11 leaves a last batch of 2 rows
def test_processes_share_the_batches_of_one(shuffle: bool, size: int) -> None:
    lengths = LENGTHS[: 7 * 3 * 11 + 2]
    samplers = [
        BucketSampler(lengths, size, shuffle=shuffle, seed=5, rank=rank, world_size=3)
        for rank in range(3)
    ]
    one = BucketSampler(lengths, 3 * size, shuffle=shuffle, seed=5)
    for sampler in (*samplers, one):
        sampler.set_epoch(2)
        sampler.start = 1
    batches = [*zip(*samplers, strict=True)]
    assert len(batches) == len(one) - 1 == len(samplers[2]) - 1
    stood_in = 0
    for shares, whole in zip(batches, order(one), strict=True):
        parts = [share for share in shares if not isinstance(share, StandIn)]
        stood_in += len(shares) - len(parts)
        assert sorted(row for part in parts for row in part) == sorted(whole)
        assert {rank for rank, share in enumerate(shares) if isinstance(share, StandIn)} <= {2}
        means = [lengths[part].mean() for part in parts]
        assert max(means) - min(means) <= np.ptp(lengths[whole]) / 3 + 1
        for share in shares:
            if isinstance(share, StandIn):
                assert share.rows.tolist() == whole[:1]
    assert stood_in == (1 if size == 7 else 0)


def test_a_batch_of_stand_ins_says_so() -> None:
    data = ModularSum(train_size=10, val_size=5, test_size=5)
    data.setup()
    shared = Shared(data.splits["train"])
    rows = np.arange(2)
    assert shared[rows].stand_in is None
    marked = shared[StandIn(rows)]
    assert marked.stand_in is not None
    assert torch.equal(marked.inputs, shared[rows].inputs)


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

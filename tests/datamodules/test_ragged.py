import numpy as np
import pytest
import torch

from seqbench.batch import IGNORE
from seqbench.datamodules.ragged import Keep, Ragged

ROWS = [[1, 2, 3, 4, 5, 6, 7], [8], [9, 10, 11]]
TOKENS = np.array([token for row in ROWS for token in row], dtype=np.uint16)
OFFSETS = np.cumsum([0, *map(len, ROWS)])


@pytest.mark.parametrize(
    ("keep", "limit", "wanted"),
    [
        ("head", None, [1, 2, 3, 4, 5, 6, 7]),
        ("head", 4, [1, 2, 3, 4]),
        ("tail", 4, [4, 5, 6, 7]),
        ("head+tail", 4, [1, 2, 6, 7]),
        ("head+tail", 5, [1, 2, 3, 6, 7]),
        ("head+tail", 1, [1]),
        ("head+tail", 7, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_cutting(keep: Keep, limit: int | None, wanted: list[int]) -> None:
    data = Ragged(TOKENS, OFFSETS, np.array([0, 1, 2]), padding_id=0, max_length=limit, keep=keep)
    batch = data[np.array([1, 0])]
    assert batch.lengths.tolist() == [1, len(wanted)]
    assert batch.inputs.tolist() == [[8] + [0] * (len(wanted) - 1), wanted]
    assert batch.targets.tolist() == [1, 0]
    assert batch.inputs.dtype == batch.targets.dtype == torch.int64


def test_targets_a_step() -> None:
    data = Ragged(TOKENS, OFFSETS, (TOKENS + 100).astype(np.uint8), padding_id=99, per_step=True)
    batch = data[np.array([2, 1])]
    assert batch.inputs.tolist() == [[9, 10, 11], [8, 99, 99]]
    assert batch.targets.tolist() == [[109, 110, 111], [108, IGNORE, IGNORE]]


def test_a_fixed_number_of_steps() -> None:
    data = Ragged(TOKENS, OFFSETS, np.array([0, 1, 2]), padding_id=0, max_length=5, steps=5)
    batch = data[np.array([1, 2])]
    assert batch.inputs.tolist() == [[8, 0, 0, 0, 0], [9, 10, 11, 0, 0]]
    assert batch.lengths.tolist() == [1, 3]

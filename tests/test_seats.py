"""Which of several processes this is, by what started them."""

from typing import Any

import pytest

from seqbench.errors import ToldError, UserError
from seqbench.seats import Seat, find

DDP = {"strategy": "ddp", "devices": 2, "num_nodes": 1}


def torchrun(rank: int, size: int, local: int, each: int) -> dict[str, str]:
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_RANK": str(local),
        "LOCAL_WORLD_SIZE": str(each),
        "MASTER_ADDR": "one",
        "MASTER_PORT": "29500",
    }


def srun(rank: int, size: int, local: int) -> dict[str, str]:
    return {
        "SLURM_STEP_ID": "0",
        "SLURM_PROCID": str(rank),
        "SLURM_NTASKS": str(size),
        "SLURM_LOCALID": str(local),
    }


@pytest.mark.parametrize(
    ("node", "environ", "seat"),
    [
        ({}, {}, Seat()),
        ({"devices": 1}, srun(3, 4, 1), Seat()),
        (DDP, {}, Seat(0, 2, 0, 2)),
        (DDP | {"devices": "4"}, {}, Seat(0, 4, 0, 4)),
        (DDP | {"devices": [1, 3]}, {}, Seat(0, 2, 0, 2)),
        (DDP | {"devices": 1}, {}, Seat()),
        (DDP, torchrun(0, 1, 0, 1), Seat(0, 2, 0, 2)),
        (DDP, torchrun(1, 2, 1, 2), Seat(1, 2, 1, 2, "torchrun")),
        (DDP | {"num_nodes": 2}, torchrun(3, 4, 1, 2), Seat(3, 4, 1, 2, "torchrun")),
        (DDP | {"num_nodes": 2}, srun(2, 4, 0), Seat(2, 4, 0, 2, "srun")),
        (DDP, srun(0, 1, 0), Seat(0, 2, 0, 2)),
        # In a batch script of a job of four tasks, of which srun has started none.
        (DDP, {k: v for k, v in srun(0, 4, 0).items() if k != "SLURM_STEP_ID"}, Seat(0, 2, 0, 2)),
    ],
)
def test_a_seat(node: dict[str, Any], environ: dict[str, str], seat: Seat) -> None:
    assert find(node, environ) == seat


@pytest.mark.parametrize(
    ("node", "environ", "parts"),
    [
        ({"devices": 2}, {}, ["trainer.devices=2", "trainer=ddp"]),
        ({"num_nodes": 2}, {}, ["trainer.num_nodes=2", "trainer=ddp"]),
        ({"strategy": "fsdp"}, {}, ["trainer.strategy=fsdp", "trainer=ddp"]),
        (DDP | {"devices": "auto"}, {}, ["trainer.devices=auto", "a number"]),
        (DDP | {"devices": 0}, {}, ["trainer.devices=0"]),
        (DDP | {"num_nodes": 2}, {}, ["trainer.num_nodes=2", "torchrun or srun"]),
        ({}, torchrun(0, 2, 0, 2), ["2 processes", "add trainer=ddp trainer.devices=2"]),
        (DDP, torchrun(0, 4, 0, 4), ["4 processes", "trainer.devices=2", "are 2"]),
        (DDP | {"num_nodes": 2}, torchrun(0, 4, 0, 4), ["4 on each machine", "num_nodes=2 are 4"]),
        (DDP, srun(0, 3, 0), ["srun has started 3 processes", "are 2"]),
        (DDP, torchrun(0, 2, 0, 2) | {"RANK": "first"}, ["RANK=first", "no number"]),
    ],
)
def test_what_cannot_be(node: dict[str, Any], environ: dict[str, str], parts: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        find(node, environ)
    assert not isinstance(refused.value, ToldError)
    for part in parts:
        assert part in str(refused.value)


def test_one_of_many_tells_what_is_wrong() -> None:
    with pytest.raises(ToldError):
        find(DDP, torchrun(1, 4, 1, 4))
    with pytest.raises(ToldError):
        find({}, torchrun(1, 2, 1, 2))

"""What Lightning would accept, and a run had better not."""

import math
import os

import torch

from seqbench.config import Node
from seqbench.errors import ToldError, UserError
from seqbench.processes import cores
from seqbench.seats import Seat
from seqbench.trust import targets

REFUSED = {
    "fast_dev_run": "it keeps no checkpoint; use trainer.max_epochs=1",
    "barebones": "it keeps no checkpoint and logs nothing",
    "overfit_batches": "it takes its own order of batches; use a small task instead",
    "limit_test_batches": "a test is whole or, with test=false, left out",
}
"""Lightning's settings under which a result would not be what it says."""


POSITIVE = (
    "max_epochs",
    "accumulate_grad_batches",
    "limit_train_batches",
    "max_steps",
    "val_check_interval",
    "check_val_every_n_epoch",
)


def check_trainer(node: Node) -> None:
    """Refuse what Lightning would take and then do nothing, or the wrong thing, with."""
    for key, reason in REFUSED.items():
        if node.get(key):
            raise UserError(f"trainer.{key} is not for a run to be kept: {reason}")
    for key in POSITIVE:
        value = node.get(key)
        if value is not None and value <= 0 and (key, value) != ("max_steps", -1):
            raise UserError(f"trainer.{key} should be greater than 0, not {value}")
    clip = node.get("gradient_clip_val") or 0
    if not 0 <= clip < math.inf:
        wrong = "negative" if clip < 0 else "no number to clip at"
        raise UserError(f"trainer.gradient_clip_val={clip} is {wrong}; leave it out")
    if node.get("limit_val_batches") == 0:
        raise UserError("trainer.limit_val_batches=0: the best checkpoint is chosen on validation")
    if isinstance(node.get("profiler"), str):
        raise UserError(
            f"trainer.profiler={node['profiler']} would keep its table to itself; use debug=profile"
        )
    check_device(node)


def threads(config: Node, seat: Seat) -> int | None:
    """Of torch, in each process: those of the machine are shared out, if nobody says otherwise."""
    given: int | None = config["threads"]
    if given is None and seat.size > 1 and "OMP_NUM_THREADS" not in os.environ:
        return max(1, cores() // seat.devices)
    return given


def require_startable(config: Node, seat: Seat) -> None:
    """Refuse what several processes cannot do together."""
    mine = [name for name in targets(config) if name.startswith("__main__.")]
    if mine and seat.size > 1 and not seat.launched:
        raise UserError(
            f"{mine[0]}: other processes cannot find what lies in the program itself; put it into "
            "a module of its own"
        )


def require_unlaunched(seat: Seat) -> None:
    """Refuse a sweep that torchrun or srun has started several times."""
    if seat.launched:
        wrong = UserError if seat.leads else ToldError
        raise wrong(
            f"-m: {seat.launcher} starts the processes of one training; a sweep of such trainings "
            f"starts them itself: leave {seat.launcher} out"
        )


def check_intervals(node: Node, batches: int, val_batches: int) -> None:
    """Refuse shares and intervals that come to nothing with this many batches."""
    interval = node.get("val_check_interval")
    for key, there in (("limit_train_batches", batches), ("limit_val_batches", val_batches)):
        limit = node.get(key)
        if isinstance(limit, float) and 0 <= limit * there < 1:
            raise UserError(f"trainer.{key}={limit}: that is none of {there} batches; raise it")
    if isinstance(interval, int) and interval > batches:
        raise UserError(
            f"trainer.val_check_interval={interval} is more than the {batches} batches of an epoch"
        )


def check_device(node: Node) -> None:
    """Refuse a device or precision that this machine does not have, with what to do instead."""
    accelerator, precision = node.get("accelerator", "auto"), node.get("precision")
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if (accelerator == "gpu" and not (cuda or mps)) or (accelerator == "cuda" and not cuda):
        raise UserError("trainer: no GPU is to be found here; use trainer=cpu or trainer=auto")
    on_cpu = accelerator == "cpu" or not (cuda or mps)
    if on_cpu and precision in ("16-mixed", "16-true", 16, "16"):
        raise UserError(
            f"trainer.precision={precision} needs a GPU; on a CPU use trainer.precision=bf16-mixed"
        )

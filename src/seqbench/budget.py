"""Budgets: what a run may cost, so that cells are compared at equal cost.

At equal width an LSTM has four times the parameters of an Elman RNN, and twice its state. A run is
therefore given a number of parameters or of state, which decides its width (``seqbench.widths``),
or of steps or seconds, which ends it (``seqbench.callbacks.ending``), or one of each.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import ceil

from seqbench.config import Budget, Node, locate, parameters
from seqbench.errors import UserError
from seqbench.width_keys import WIDTH


def asked(config: Node) -> Budget:
    """What a validated config asks for; nothing where it is of a version that knew no budgets."""
    return Budget(**(config.get("budget") or {}))


def width_key(config: Node) -> str:
    """The key that decides the width."""
    budget = asked(config)
    return f"budget.{measured(budget)}" if measured(budget) else WIDTH


def measured(budget: Budget) -> str:
    return "parameters" if budget.parameters else "state" if budget.state else ""


def overruled(config: Node) -> list[str]:
    """Keys that count for nothing where a budget is."""
    budget = asked(config)
    keys = [WIDTH] if measured(budget) else []
    return [*keys, "trainer.max_epochs"] if budget.steps or budget.seconds else keys


def check_budget(config: Node) -> None:
    """Refuse budgets that contradict each other, or other settings; UserError."""
    budget, trainer = asked(config), config["trainer"]
    if budget.parameters and budget.state:
        raise UserError(
            "budget.parameters and budget.state: one width cannot serve two; leave one of them out"
        )
    if budget.steps and budget.seconds:
        raise UserError(
            "budget.steps and budget.seconds: a training ends by one of them; leave the other out"
        )
    if not (budget.steps or budget.seconds):
        return
    key = "budget.steps" if budget.steps else "budget.seconds"
    if trainer.get("max_steps") not in (None, -1):
        raise UserError(f"trainer.max_steps ends a training, and so does {key}; leave one out")
    for least in ("min_epochs", "min_steps"):
        if budget.seconds and trainer.get(least):
            raise UserError(f"trainer.{least}: a training ends when {key} are over; leave it out")
    node = config["scheduler"]["schedule"]
    if budget.seconds and "total_steps" in parameters(locate(node["_target_"])):
        raise UserError(
            f"scheduler: {node['_target_'].rpartition('.')[2]} needs to know the steps in all, and "
            "with budget.seconds nobody does; use scheduler=constant, plateau or steps"
        )


def ending(config: Node, batches: int, factors: Mapping[int, int]) -> Node:
    """The trainer's node of a config, whose budget of steps or seconds alone ends the training.

    batches: of an epoch. factors: how many of them go into a step, by the epoch from which on.
    """
    budget, node = asked(config), dict(config["trainer"])
    limit = node.get("limit_train_batches")
    if limit is not None:
        batches = min(limit, batches) if isinstance(limit, int) else int(limit * batches)
    if budget.steps:
        return node | {
            "max_steps": budget.steps,
            "max_epochs": epochs(budget.steps, batches, factors),
        }
    return node | {"max_epochs": -1} if budget.seconds else node


def epochs(steps: int, batches: int, factors: Mapping[int, int]) -> int:
    """Epochs that so many steps take, the last of them begun at least; see ``ending``."""
    starts = sorted(factors)
    for start, end in pairwise(starts):
        whole = (end - start) * ceil(batches / factors[start])
        if steps <= whole:
            return start + ceil(steps / ceil(batches / factors[start]))
        steps -= whole
    return starts[-1] + ceil(steps / ceil(batches / factors[starts[-1]]))

"""What the processes of a training do that do not lead it."""

from dataclasses import dataclass
from typing import Any

from seqbench.continuing import Point
from seqbench.runs import Run
from seqbench.signals import Signals, ends
from seqbench.training import Training


@dataclass(frozen=True)
class Plan:
    """What the first process lets the others do with it.

    point: to train from; None not to. result: of what is trained already. test: at the end.
    """

    run: Run
    point: Point | None
    result: dict[str, Any] | None
    test: bool


def follow(training: Training) -> Run:
    """Train and test with the first process, as it says, and write nothing."""
    world = training.world
    while isinstance(plan := world.broadcast(), Plan):
        with ends(), Signals(leads=False) as signals:
            trainer = training.trainer(plan.run, signals)
            result = plan.result
            if plan.point is not None:
                result = training.fit(trainer, plan.point)
            if plan.test and result is not None:
                training.test(trainer, plan.run, result)
    world.dismissed()
    assert isinstance(plan, Run)
    return plan

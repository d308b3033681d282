"""What a trainer holds that its own type does not tell."""

from collections.abc import Iterable
from typing import TypeVar

import lightning as L
from lightning.pytorch.callbacks import Callback

from seqbench.datamodules.base import TaskData
from seqbench.errors import UserError

C = TypeVar("C", bound=Callback)


def watchers(trainer: L.Trainer) -> list[Callback]:
    """Its callbacks, in their order."""
    return trainer.callbacks  # type: ignore[attr-defined,no-any-return]


def one(callbacks: Iterable[Callback], kind: type[C]) -> C:
    """The callback of a kind; UserError where there is none."""
    for callback in callbacks:
        if isinstance(callback, kind):
            return callback
    raise UserError(f"callbacks: a run needs a {kind.__name__}; choose callbacks=default")


def task_data(trainer: L.Trainer) -> TaskData:
    """The data that it trains on."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, TaskData)
    return data

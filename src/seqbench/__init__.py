"""seqbench: train and compare recurrent networks on sequence tasks.

Names are imported when they are first used, so that ``import seqbench`` needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqbench.batch import Batch
    from seqbench.datamodules.base import TaskData
    from seqbench.errors import UserError
    from seqbench.models.cells.base import Cell
    from seqbench.models.network import Network
    from seqbench.predictions import Prediction
    from seqbench.spec import TaskSpec
    from seqbench.train import Result, run
    from seqbench.trained import Trained, load

__all__ = [
    "Batch",
    "Cell",
    "Network",
    "Prediction",
    "Result",
    "TaskData",
    "TaskSpec",
    "Trained",
    "UserError",
    "load",
    "run",
]

_HOMES = {
    "Batch": "seqbench.batch",
    "Cell": "seqbench.models.cells.base",
    "Network": "seqbench.models.network",
    "Prediction": "seqbench.predictions",
    "Result": "seqbench.train",
    "TaskData": "seqbench.datamodules.base",
    "TaskSpec": "seqbench.spec",
    "Trained": "seqbench.trained",
    "UserError": "seqbench.errors",
    "load": "seqbench.trained",
    "run": "seqbench.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seqbench' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

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
    from seqbench.spec import TaskSpec

__all__ = ["Batch", "Cell", "Network", "TaskData", "TaskSpec", "UserError"]

_HOMES = {
    "Batch": "seqbench.batch",
    "Cell": "seqbench.models.cells.base",
    "Network": "seqbench.models.network",
    "TaskData": "seqbench.datamodules.base",
    "TaskSpec": "seqbench.spec",
    "UserError": "seqbench.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seqbench' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

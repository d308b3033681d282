"""Which operation made the first number that is not finite, forward or backward."""

import inspect
import linecache
import math
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.autograd.graph import Node
from torch.overrides import TorchFunctionMode

from seqbench.batch import Batch
from seqbench.models.finite import NotFiniteError, gradients, lost
from seqbench.models.module import SequenceModule

UNWRITTEN = ("empty", "new_empty", "empty_like", "new_empty_strided", "empty_strided")
"""Functions whose numbers are whatever the memory held."""

TORCH_S = "Error detected in"
"""How the stack of an operation begins that torch writes as a warning."""

OTHERS = (str(Path(torch.__file__).parent), str(Path(L.__file__).parent), __file__)
"""Code that asks for operations in another's name."""


class Place(NamedTuple):
    """An operation, and the line that asked for it, in seqbench or in a user's own cell."""

    operation: str
    file: str
    line: int

    def __str__(self) -> str:
        code = linecache.getline(self.file, self.line).strip()
        file = os.path.relpath(self.file)
        shown = self.file if file.startswith("..") else file
        return f"{self.operation} in {shown}, line {self.line} ({code})"


class Operations(TorchFunctionMode):
    """Looks at what goes into and comes out of each operation that Python asks torch for.

    nan: the first that gave NaN. infinite: the first that gave an infinite number of finite ones
    and was not asked to, as a mask's fill is. gradient: the first whose backward made of finite
    gradients one that is not.

    accuse: called where a gradient is NaN; None leaves all gradients out.
    """

    def __init__(self, accuse: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.accuse = accuse
        self.nan: Place | None = None
        self.infinite: Place | None = None
        self.gradient: Place | None = None
        self.nodes: set[Node] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        sound = _sound([args, kwargs])  # before the call, which may change them
        out = func(*args, **(kwargs or {}))
        name = str(func.__name__)
        made = args[0] if name == "__setitem__" else None if name in UNWRITTEN else out
        tensors = [each for each in _flat(made) if isinstance(each, Tensor)]
        if not tensors:
            return out
        place = _place(name)
        if self.nan is None and _has_nan(tensors):
            self.nan = place
        elif self.infinite is None and sound and not _sound(tensors):
            self.infinite = place
        for each in tensors if self.accuse else ():
            self._follow(each.grad_fn, place)
        return out

    def _follow(self, node: Node | None, place: Place) -> None:
        """Look at the gradients of all that this operation has put into the graph."""
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in self.nodes:
                self.nodes.add(node)
                node.register_hook(self._hook(place))
                waiting += [following for following, _ in node.next_functions]

    def _hook(self, place: Place) -> Callable[[Any, Any], None]:
        def look(made: Any, given: Any) -> None:
            if self.gradient is None and _sound(given) and not _sound(made):
                self.gradient = place
            if self.accuse and self.gradient and _has_nan(made):
                self.accuse()

        return look

    def forward_fault(self) -> str:
        """What made a loss NaN or infinite."""
        if self.nan is None:
            return f": {self.infinite} gave an infinite number" if self.infinite else ""
        after = f", after {self.infinite} had given an infinite number" if self.infinite else ""
        return f": {self.nan} gave nan{after}"


class Anomaly(Callback):
    """Names the operation at fault where a training's loss or gradient is not finite.

    For ``debug=anomaly``: a training is some ten times slower by it, and the same weights come of
    it. With a float16 scaler, to which infinite gradients are nothing new, it looks at losses
    alone. Gradients are followed further than by torch's ``detect_anomaly``, which knows NaN only
    and so names what came after an infinite one; within the backward pass that stays on.
    """

    def __init__(self) -> None:
        self.operations = Operations()
        self.within = ExitStack()
        self.warned: list[warnings.WarningMessage] | None = None

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, SequenceModule)
        self.operations = Operations(None if pl_module.scaled else partial(self._accuse, pl_module))
        if not pl_module.scaled:  # torch's own would write down a stack for each operation
            self.within.enter_context(torch.autograd.set_detect_anomaly(mode=False))
        self.within.enter_context(self.operations)

    def on_before_backward(
        self, trainer: L.Trainer, pl_module: L.LightningModule, loss: Tensor
    ) -> None:
        self.within.close()
        assert isinstance(pl_module, SequenceModule)
        taken = pl_module.watch.taken[-1]
        if not _sound(taken.loss):
            before = [taken.batch.inputs, taken.batch.targets, *pl_module.network.parameters()]
            fault = self.operations.forward_fault() if _sound(before) else ""
            raise NotFiniteError(lost(taken, pl_module.network) + fault, taken, operation=True)
        self.warned = self.within.enter_context(warnings.catch_warnings(record=True))
        warnings.filterwarnings("always", message=TORCH_S)

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._close()
        assert isinstance(pl_module, SequenceModule)
        if self.operations.gradient and gradients(pl_module.network):
            self._accuse(pl_module)

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        # Torch writes the stack of whatever operation the exception was raised in: of one that
        # followed the one at fault, where that is known.
        self._close(but=TORCH_S if isinstance(exception, NotFiniteError) else None)

    def _close(self, but: str | None = None) -> None:
        """Go back to what was before the batch; give the warnings of its backward, with one left
        out."""
        self.within.close()
        self.operations.nodes.clear()  # they hold the graph, and the graph holds them
        warned, self.warned = self.warned, []
        for each in warned or ():
            if but is None or but not in str(each.message):
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)

    def _accuse(self, module: SequenceModule) -> None:
        raise NotFiniteError(
            f"a gradient is not finite; the first came of {self.operations.gradient}, backward",
            module.watch.taken[-1],
            operation=True,
        )


def _place(operation: str) -> Place:
    for frame, line in traceback.walk_stack(inspect.currentframe()):
        file = frame.f_code.co_filename
        if not file.startswith(OTHERS):
            return Place(operation, file, line)
    return Place(operation, "?", 0)


def _flat(value: Any) -> Iterator[Any]:
    """What is in a value, its lists, tuples and dicts opened."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _flat(each)
    else:
        yield value


def _sound(value: Any) -> bool:
    """Whether all numbers in it are finite, alone or in tensors."""
    return all(
        bool(each.isfinite().all())
        if isinstance(each, Tensor)
        else not isinstance(each, float) or math.isfinite(each)
        for each in _flat(value)
    )


def _has_nan(value: Any) -> bool:
    return any(bool(each.isnan().any()) for each in _flat(value) if isinstance(each, Tensor))

"""Losses and gradients that are no finite numbers, found before they change a weight."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from seqbench.batch import Batch
from seqbench.models.stack import StackState
from seqbench.world import ElsewhereError

MOST_SKIPPED = 40
"""Steps in a row that a float16 scaler may skip. It halves its factor, 2^16 at first, at each: no
gradient that is finite overflows any more."""


class Taken(NamedTuple):
    """A training batch since the last step of the optimiser.

    number: of the batch in its epoch. state: carried into it, of a language model. loss: a label.
    whole: the loss over all processes' rows, where there are several.
    """

    number: int
    batch: Batch
    state: StackState | None
    loss: Tensor
    whole: Tensor | None = None


class NotFiniteError(Exception):
    """A loss or gradient that is NaN or infinite.

    taken: the batch that it came of. operation: whether the message names the one at fault.
    """

    def __init__(self, message: str, taken: Taken, operation: bool = False) -> None:
        super().__init__(message)
        self.taken, self.operation = taken, operation


class Watch:
    """Keeps what goes into a step of the optimiser, and looks at its numbers.

    taken: the batches whose gradients are added up so far. norms: of the sum, after each.
    """

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.norms: list[Tensor] = []
        self.skipped = 0

    def check(
        self,
        norm: Tensor,
        network: nn.Module,
        scaled: bool,
        own: Callable[[list[Taken]], int] | None = None,
    ) -> Tensor:
        """The norm of the gradient, if this step may be made; all that was kept is let go.

        Raises NotFiniteError, or ElsewhereError where it is due to another process's rows. norm: of
        the network's gradients; one that only float32 is too small for is computed anew. scaled: a
        float16 scaler leaves out a step whose gradients are not finite, and makes the next with a
        smaller factor. own: of several processes, whose gradients are summed, finds the batch at
        which this one's went astray, and raises ElsewhereError if none.
        """
        taken, self.taken = self.taken, []
        norms, self.norms = self.norms, []
        losses = [each.loss for each in taken]
        wholes = [each.whole for each in taken if each.whole is not None]
        # One transfer: on a GPU each waits for all that was asked of it.
        *values, size = torch.stack([*losses, *wholes, norm.to(losses[0].device)]).tolist()
        for each, value in zip(taken, values, strict=False):
            if not math.isfinite(value):
                raise NotFiniteError(lost(each, network), each)
        if not all(map(math.isfinite, values)):
            raise ElsewhereError
        if math.isfinite(size):
            self.skipped = 0
            return norm
        if not (names := gradients(network)):
            return _large_norm(network)
        self.skipped += 1
        if scaled and self.skipped < MOST_SKIPPED:
            return norm
        # The first at which the sum was not finite; kept only where there are several.
        finite = [math.isfinite(float(each)) for each in norms]
        at = own(taken) if own else finite.index(False) if False in finite else -1
        raise NotFiniteError(f"the gradient of {_others(names)} is not finite", taken[at])


def lost(taken: Taken, network: nn.Module) -> str:
    """Of a loss that is not finite, what else is not: what came in, the weights, or gradients."""
    text = f"the training loss is {float(taken.loss)}"
    if not in_order(taken.batch):
        return f"{text}, of a batch that itself holds such numbers"
    if names := [name for name, p in network.named_parameters() if not p.isfinite().all()]:
        return f"{text}, the value of {_others(names)} not finite"
    if names := gradients(network):
        return f"{text}, the gradient of {_others(names)} not finite"
    return text


def in_order(batch: Batch) -> bool:
    """Whether all numbers that go in, and that are to come out, are finite."""
    return all(bool(part.isfinite().all()) for part in (batch.inputs, batch.targets))


def gradients(network: nn.Module) -> list[str]:
    """The parameters whose gradient is not finite, in the order of the network."""
    return [
        name
        for name, p in network.named_parameters()
        if p.grad is not None and not p.grad.isfinite().all()
    ]


def _others(names: list[str]) -> str:
    rest = len(names) - 1
    return names[0] + (f" and of {rest} other parameter{'s' * (rest > 1)}" if rest else "")


def _large_norm(network: nn.Module) -> Tensor:
    """The norm of gradients that are finite, though their squares are not."""
    gradients = [p.grad.float() for p in network.parameters() if p.grad is not None]
    largest = torch.stack([each.abs().max() for each in gradients if each.numel()]).max()
    return largest * get_total_norm([each / largest for each in gradients])

"""What passes between the processes that train one network together."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seqbench.seats import Seat


class ElsewhereError(Exception):
    """What ends this process has happened in another one, which tells it."""


def is_lost(error: BaseException) -> bool:
    """Whether this error comes of another process that has ended."""
    if isinstance(error, ElsewhereError | dist.DistBackendError | dist.DistNetworkError):
        return True
    return isinstance(error, RuntimeError) and any(x in str(error) for x in ("/gloo/", "NCCL"))


class World:
    """The processes of one training, seen from one of them. One that is alone passes nothing.

    All of them must call the same methods in the same order: each waits for the others. What is
    not of a training step goes past the devices, from CPU to CPU.
    """

    def __init__(self, seat: Seat | None = None) -> None:
        self.seat = seat or Seat()
        self.rank, self.size, self.leads = self.seat.rank, self.seat.size, self.seat.leads
        self.control: Any = None
        """The group that tells what to do; None until the processes are connected."""
        self.over = False
        """This process ends, or all that is done together has been."""

    def assemble(self) -> None:
        """Have the others come, where they are not there yet."""

    def dismiss(self, value: Any) -> None:
        """Tell the others, where there are any, that all is done, and what has come of it."""

    def dismissed(self) -> None:
        """That has been heard."""

    def explained(self) -> AbstractContextManager[None]:
        """Within, what ends one process ends all of them, and the first raises it."""
        return nullcontext()

    def gather(self, value: Any) -> list[Any]:
        """What each has, by rank."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value, group=self.control)
        return found

    def collect(self, value: Any) -> list[Any]:
        """What each has, by rank, for the first process; of no use to the others."""
        if self.size == 1:
            return [value]
        found: list[Any] | None = [None] * self.size if self.leads else None
        dist.gather_object(value, found, dst=0, group=self.control)
        return found or []

    def broadcast(self, value: Any = None) -> Any:
        """What the first process has."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.control)
        return box[0]

    def numbers(self, own: Sequence[int]) -> list[list[int]]:
        """As ``gather``, of equally many integers each: cheap enough for every step."""
        if self.size == 1:
            return [list(own)]
        sent = torch.tensor(own, dtype=torch.int64)
        found = [torch.empty_like(sent) for _ in range(self.size)]
        dist.all_gather(found, sent, group=self.control)
        return [each.tolist() for each in found]

    def add(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, in place, from device to device."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def share(self, module: nn.Module) -> None:
        """Give the first process's parameters and buffers to all."""
        if self.size > 1:
            for tensor in module.state_dict(keep_vars=True).values():
                dist.broadcast(tensor.data, src=0)

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum the gradients over all processes; one that is nowhere stays None.

        In the order of the parameters, whatever order the backward pass took, so that more than
        two numbers are always added in the same one: DistributedDataParallel begins with one
        order and changes to another after its first step, be that of a run that goes on.
        """
        if self.size == 1:
            return
        by_type: dict[tuple[torch.dtype, torch.device], list[nn.Parameter]] = {}
        for parameter in parameters:
            if parameter.requires_grad:
                by_type.setdefault((parameter.dtype, parameter.device), []).append(parameter)
        for (dtype, device), some in by_type.items():
            there = torch.tensor([p.grad is not None for p in some], dtype=dtype, device=device)
            parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in some]
            flat = torch.cat([there, *(part.flatten() for part in parts)])
            dist.all_reduce(flat)
            summed = torch.split(flat[len(some) :], [p.numel() for p in some])
            lacks = any(p.grad is None for p in some)
            counts = flat[: len(some)].tolist() if lacks else [1.0] * len(some)
            for p, part, total, count in zip(some, parts, summed, counts, strict=True):
                if count:
                    part.copy_(total.view_as(part))
                    p.grad = part

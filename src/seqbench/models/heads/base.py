"""Heads: from the stack's outputs to logits and a loss.

A network builds one as ``MyHead(hidden_size, output_size, bidirectional, **its own settings)``;
``hidden_size`` is H', what the stack puts out at a step, both directions together.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.batch import IGNORE
from seqbench.errors import UserError
from seqbench.models.embedding import Embedding
from seqbench.spec import Kind, TaskSpec

WANTED: dict[Kind, str] = {
    "classify": "one label a sequence; use model/head=last, mean, max or mean_max",
    "tag": "one label a step; use model/head=per_step",
    "language_model": "the next token at each step; use model/head=per_step or adaptive_softmax",
    "transduce": "a sequence of tokens; use model/head=per_step",
    "write": "a text, token by token; use model/head=per_step or adaptive_softmax",
    "regress": "numbers; use model/head=regression",
}
"""What a task of each kind asks of its head, as a refusal words it."""


class Head(nn.Module, ABC):
    """What turns outputs into an answer.

    kinds: of task that it answers. gives: its answer in words. name: as ``model/head=`` calls it.
    """

    kinds: ClassVar[tuple[Kind, ...]]
    gives: ClassVar[str]
    name: str

    @abstractmethod
    def pool(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """The stack's ``outputs (B, T, H')`` to the hidden that ``predict`` and ``nll`` take.

        Dropout belongs here, so that a loss and its predictions come of the same draw.
        """

    @abstractmethod
    def predict(self, hidden: Tensor) -> Tensor:
        """Logits ``(..., output_size)`` for ``hidden (..., F)``."""

    def nll(
        self, hidden: Tensor, targets: Tensor, logits: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The summed negative log likelihood in nats, at least float32, and how many it sums.

        targets: integers of hidden's shape less the last axis; ``IGNORE`` does not count. logits:
        what ``predict`` makes of hidden, where that is known.
        """
        logits = at_least_float32(self.predict(hidden) if logits is None else logits)
        flat = targets.flatten()
        loss = F.cross_entropy(logits.flatten(0, -2), flat, ignore_index=IGNORE, reduction="sum")
        return loss, (flat != IGNORE).sum()

    def require(self, spec: TaskSpec) -> None:
        """Raise UserError, with the reason, for a task that this head does not answer."""
        if spec.kind not in self.kinds:
            raise UserError(
                f"model/head={self.name} gives {self.gives}, but the task wants {WANTED[spec.kind]}"
            )

    def tie(self, embedding: Embedding) -> None:
        """Share weights with the network's embedding.

        The network calls this once, when both are built and ``require`` has passed. A head that
        shares nothing, as most do, leaves it as it is. Raises UserError for an embedding that
        does not fit.
        """
        return


def at_least_float32(values: Tensor) -> Tensor:
    """16-bit values as float32, others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))

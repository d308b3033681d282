"""Heads: from the stack's outputs to logits and a loss.

A network builds one as ``MyHead(hidden_size, output_size, bidirectional, **its own settings)``;
``hidden_size`` is H', what the stack puts out at a step, both directions together.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.batch import IGNORE
from seqbench.errors import UserError
from seqbench.models.settings import Probability
from seqbench.spec import Kind, TaskSpec

WANTED: dict[Kind, str] = {
    "classify": "one label a sequence; use model/head=last, mean, max or mean_max",
    "tag": "one label a step; use model/head=per_step",
    "language_model": "the next token at each step; use model/head=per_step",
    "transduce": "a sequence of another length",
    "write": "the next token at each step; use model/head=per_step",
    "regress": "a number",
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

    def nll(self, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The summed negative log likelihood in nats, at least float32, and how many it sums.

        targets: integers of hidden's shape less the last axis; ``IGNORE`` does not count.
        """
        logits = at_least_float32(self.predict(hidden))
        flat = targets.flatten()
        loss = F.cross_entropy(logits.flatten(0, -2), flat, ignore_index=IGNORE, reduction="sum")
        return loss, (flat != IGNORE).sum()

    def require(self, spec: TaskSpec) -> None:
        """Raise UserError, with the reason, for a task that this head does not answer."""
        if spec.kind not in self.kinds:
            raise UserError(
                f"model/head={self.name} gives {self.gives}, but the task wants {WANTED[spec.kind]}"
            )


class PerStep(Head):
    """Logits at every step, from a linear layer. dropout: before it."""

    kinds = ("tag", "language_model", "write")
    gives = "one label a step"
    name = "per_step"

    def __init__(
        self,
        hidden_size: PositiveInt,
        output_size: PositiveInt,
        bidirectional: bool = False,
        *,
        dropout: Probability = 0.0,
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden_size, output_size)

    def pool(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(outputs)
        return dropped

    def predict(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.linear(hidden)
        return logits


class Pooled(Head):
    """Logits for the sequence, from its pooled steps; padding does not count.

    pooling: ``last`` takes each row's own last step (of a bidirectional stack, the reverse half
    at step 0, where that direction ends); ``mean`` and ``max`` go over the row's steps;
    ``mean_max`` is both, one after the other (part of the concat pooling of Howard and Ruder 2018,
    "Universal language model fine-tuning for text classification", section 3.3).
    dropout: before what follows the pooling.
    hidden_layer: units of a layer with ReLU between the pooling and the logits.
    one_logit: of two classes, one logit for the second (binary cross entropy) instead of two.
    after_padding: of ``last``, the batch's last column whatever a row's length: the state has then
    run on over the padding, and depends on how much of it there is. For programs that do so.
    """

    kinds = ("classify",)
    gives = "one label a sequence"

    def __init__(
        self,
        hidden_size: PositiveInt,
        output_size: PositiveInt,
        bidirectional: bool = False,
        *,
        pooling: Literal["last", "mean", "max", "mean_max"] = "last",
        dropout: Probability = 0.0,
        hidden_layer: PositiveInt | None = None,
        one_logit: bool = False,
        after_padding: bool = False,
    ) -> None:
        super().__init__()
        if after_padding and (bidirectional or pooling != "last"):
            raise UserError(
                "model.head.after_padding=true is for model/head=last in one direction; "
                "use model.head.after_padding=false"
            )
        if one_logit and output_size != 2:
            raise UserError(
                f"model.head.one_logit=true is for two classes, but there are {output_size}; "
                "use model.head.one_logit=false"
            )
        self.name = pooling
        self.pooling = pooling
        self.bidirectional = bidirectional
        self.one_logit = one_logit
        self.after_padding = after_padding
        features = hidden_size * (2 if pooling == "mean_max" else 1)
        self.dropout = nn.Dropout(dropout)
        self.hidden: nn.Module = nn.Identity()
        if hidden_layer is not None:
            self.hidden = nn.Sequential(nn.Linear(features, hidden_layer), nn.ReLU())
            features = hidden_layer
        self.linear = nn.Linear(features, 1 if one_logit else output_size)

    def require(self, spec: TaskSpec) -> None:
        super().require(spec)
        if self.after_padding and not spec.encoding.get("pad_to_max"):
            raise UserError(
                "model.head.after_padding=true needs task.pad_to_max=true and task.max_length: a "
                "row's answer would else depend on the other rows of its batch"
            )

    def pool(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(self._pool(outputs, lengths))
        return dropped

    def _pool(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        match self.pooling:
            case "last":
                return self._last(outputs, lengths)
            case "mean":
                return _mean(outputs, lengths)
            case "max":
                return _max(outputs, lengths)
            case "mean_max":
                return torch.cat([_mean(outputs, lengths), _max(outputs, lengths)], -1)

    def predict(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.hidden(hidden))
        # The softmax of (0, z) is the sigmoid of z.
        return torch.cat([torch.zeros_like(logits), logits], -1) if self.one_logit else logits

    def _last(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        if self.after_padding:
            return outputs[:, -1]
        rows = torch.arange(outputs.shape[0], device=outputs.device)
        if not self.bidirectional:
            return outputs[rows, lengths - 1]
        ahead, back = outputs.chunk(2, -1)
        return torch.cat([ahead[rows, lengths - 1], back[:, 0]], -1)


def at_least_float32(values: Tensor) -> Tensor:
    """16-bit values as float32, others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _padding(outputs: Tensor, lengths: Tensor) -> Tensor:
    steps = torch.arange(outputs.shape[1], device=outputs.device)
    return (steps >= lengths.unsqueeze(1)).unsqueeze(-1)


def _mean(outputs: Tensor, lengths: Tensor) -> Tensor:
    # masked_fill rather than a product: padding that is infinite must not become nan.
    kept = at_least_float32(outputs).masked_fill(_padding(outputs, lengths), 0)
    return kept.sum(1) / lengths.unsqueeze(1)


def _max(outputs: Tensor, lengths: Tensor) -> Tensor:
    masked = outputs.masked_fill(_padding(outputs, lengths), -torch.inf)
    return at_least_float32(masked.amax(1))

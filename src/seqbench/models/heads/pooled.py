"""One answer a sequence, from its steps."""

from typing import ClassVar, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from seqbench.errors import UserError
from seqbench.models.heads.base import Head, at_least_float32
from seqbench.models.settings import Probability
from seqbench.spec import Kind, TaskSpec


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

    kinds: ClassVar[tuple[Kind, ...]] = ("classify",)
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

"""Heads that answer at every step."""

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.errors import UserError
from seqbench.models.embedding import Embedding, Table
from seqbench.models.heads.base import Head
from seqbench.models.settings import Probability
from seqbench.spec import WRITTEN, TaskSpec


class TiedLinear(nn.Module):
    """A linear layer whose weight is an embedding's table; its bias is its own.

    Padding is never a target: its logit is -inf. Its row, which is 0 for the embedding and gets no
    gradient there, would else get one here, from the softmax's denominator, and not stay 0.
    """

    def __init__(self, output_size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(output_size))
        # In a tuple, so that the table is no child: it stands once in the state dict.
        self.tables: tuple[nn.Embedding, ...] = ()

    def forward(self, hidden: Tensor) -> Tensor:
        (table,) = self.tables
        bias = self.bias.clone()
        if table.padding_idx is not None:
            bias[table.padding_idx] = -torch.inf
        return F.linear(hidden, table.weight, bias)


class PerStep(Head):
    """Logits at every step, from a linear layer.

    dropout: before it.
    tied: its weight is the embedding's table, where the tokens put out are those read (Press and
    Wolf 2017, "Using the output embedding to improve language models").
    """

    kinds = ("tag", "language_model", "write", "transduce")
    gives = "one label a step"
    name = "per_step"

    def __init__(
        self,
        hidden_size: PositiveInt,
        output_size: PositiveInt,
        bidirectional: bool = False,
        *,
        dropout: Probability = 0.0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = nn.Dropout(dropout)
        self.linear: nn.Linear | TiedLinear = (
            TiedLinear(output_size) if tied else nn.Linear(hidden_size, output_size)
        )

    def require(self, spec: TaskSpec) -> None:
        super().require(spec)
        if isinstance(self.linear, TiedLinear) and (
            spec.kind not in WRITTEN or spec.input_size != spec.output_size
        ):
            raise UserError(
                "model.head.tied=true is for a task that puts out the tokens it reads; "
                "use model.head.tied=false"
            )

    def tie(self, embedding: Embedding) -> None:
        if not isinstance(self.linear, TiedLinear):
            return
        if not isinstance(embedding, Table):
            raise UserError(
                "model.head.tied=true needs model/embedding=table, whose vectors it shares"
            )
        if embedding.output_size != self.hidden_size:
            raise UserError(
                f"model.head.tied=true needs model.embedding.size={self.hidden_size}, the stack's "
                f"output, but it is {embedding.output_size}"
            )
        self.linear.tables = (embedding.table,)

    def pool(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(outputs)
        return dropped

    def predict(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.linear(hidden)
        return logits


class Identity(Head):
    """The hidden state is the logits, at every step; there is nothing to learn.

    Raises UserError where the stack does not put out as many numbers as there are labels.
    """

    kinds = ("tag", "language_model")
    gives = "one label a step"
    name = "identity"

    def __init__(
        self, hidden_size: PositiveInt, output_size: PositiveInt, bidirectional: bool = False
    ) -> None:
        super().__init__()
        if hidden_size == output_size:
            return
        wanted = f"model.hidden_size={output_size}"
        if bidirectional and output_size % 2:
            wanted = f"model.bidirectional=false {wanted}"
        elif bidirectional:
            wanted = f"model.hidden_size={output_size // 2}"
        raise UserError(
            f"model/head=identity: the stack's output is the logits, and has {hidden_size} "
            f"numbers for {output_size} labels; set {wanted}"
        )

    def pool(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        return outputs

    def predict(self, hidden: Tensor) -> Tensor:
        return hidden

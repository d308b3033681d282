"""Embeddings: from a batch's inputs to the vectors that the first layer reads.

A network builds one as ``MyEmbedding(input_size, padding_id, **its own settings)``, both from the
task's spec.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.errors import UserError
from seqbench.models.pretrained import Pretrained, find
from seqbench.models.settings import Probability
from seqbench.models.vectors import KEY
from seqbench.spec import TaskSpec


class Embedding(nn.Module):
    """Ids ``(B, T)``, or features ``(B, T, D)``, to vectors ``(B, T, output_size)``.

    features: it reads features, not ids.
    """

    output_size: int
    features: ClassVar[bool] = False

    def require(self, spec: TaskSpec) -> None:
        """Raise UserError, with the reason, for a task whose inputs it does not read."""
        if spec.features and not self.features:
            raise UserError(
                "model/embedding: the task gives numbers, not tokens; use model/embedding=features"
            )
        if self.features and not spec.features:
            raise UserError(
                "model/embedding=features is for tasks that give numbers; this one gives tokens: "
                "use model/embedding=table or one_hot"
            )

    def start(self, vocabulary: Sequence[str]) -> Pretrained | None:
        """Begin from something outside the network, such as a file of vectors; what it was.

        vocabulary: the task's tokens, by id; empty where it has none. Called once before a network
        is trained, and not when it is rebuilt from its weights: the constructor reads no file.
        A setting ``path`` stands in a run's identity by the digest that is given back, alone.

        Raises UserError for what cannot be used. Most embeddings begin from nothing: None.
        """
        return None


class Table(Embedding):
    """A learned vector for each token; padding's is 0 and stays so.

    size: E, numbers in a vector.
    std: standard deviation of these numbers at the start, which are normal with mean 0. With a
    ``path`` it is in units of the root mean square of the vectors found, and of the other tokens
    alone (Kim 2014, "Convolutional neural networks for sentence classification", section 4.3, draws
    words that have no vector with the variance of those that have).
    path: a text file of vectors that tokens begin with, see ``seqbench.models.vectors``.
    freeze: leave all vectors as they begin, those that the file lacks among them.
    dropout: rate at which single numbers are dropped, the others scaled up.
    word_dropout: rate at which whole tokens' vectors are zeroed in training, the others left as
    they are (Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text
    classification", section 3.1).

    Raises UserError for ``freeze`` without a ``path``.
    """

    def __init__(
        self,
        input_size: PositiveInt,
        padding_id: int,
        *,
        size: PositiveInt = 64,
        std: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0,
        path: str | None = None,
        freeze: bool = False,
        dropout: Probability = 0.0,
        word_dropout: Probability = 0.0,
    ) -> None:
        super().__init__()
        if freeze and path is None:
            raise UserError(
                "model.embedding.freeze=true keeps the vectors of a file as they are: give "
                f"{KEY}=FILE, or leave freeze out"
            )
        self.output_size, self.path = size, path
        self.word_dropout = word_dropout
        self.table = nn.Embedding(input_size, size, padding_idx=padding_id)
        with torch.no_grad():
            self.table.weight *= std
        self.table.weight.requires_grad_(not freeze)
        self.dropout = nn.Dropout(dropout)

    @torch.no_grad()
    def start(self, vocabulary: Sequence[str]) -> Pretrained | None:
        if self.path is None:
            return None
        if not vocabulary:
            raise UserError(f"{KEY} is for tasks of words, and this one has no vocabulary")
        tokens = {i: word for i, word in enumerate(vocabulary) if i != self.table.padding_idx}
        vectors, pretrained = find(self.path, self.output_size, tokens)
        self.table.weight *= vectors.scale
        self.table.weight[torch.from_numpy(vectors.ids)] = torch.from_numpy(vectors.values)
        return pretrained

    def forward(self, inputs: Tensor) -> Tensor:
        vectors: Tensor = self.table(inputs)
        if self.training and self.word_dropout > 0:
            dropped = torch.rand(inputs.shape, device=inputs.device) < self.word_dropout
            vectors = vectors.masked_fill(dropped.unsqueeze(-1), 0)
        dropped_out: Tensor = self.dropout(vectors)
        return dropped_out


class OneHot(Embedding):
    """A 1 at the token's place among ``input_size``: nothing learned before the first layer."""

    def __init__(self, input_size: PositiveInt, padding_id: int) -> None:
        super().__init__()
        self.output_size = input_size

    def forward(self, inputs: Tensor) -> Tensor:
        return F.one_hot(inputs, self.output_size).to(torch.get_default_dtype())


class Number(Embedding):
    """The id itself as one number, for tasks whose ids are quantities."""

    def __init__(self, input_size: PositiveInt, padding_id: int) -> None:
        super().__init__()
        self.output_size = 1

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.to(torch.get_default_dtype()).unsqueeze(-1)


class Features(Embedding):
    """Features as they are: nothing learned before the first layer."""

    features = True

    def __init__(self, input_size: PositiveInt, padding_id: int) -> None:
        super().__init__()
        self.output_size = input_size

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs

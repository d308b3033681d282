"""Adaptive softmax: a head for large vocabularies."""

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from seqbench.batch import IGNORE
from seqbench.errors import UserError
from seqbench.models.heads.base import Head, at_least_float32
from seqbench.models.settings import Probability

SMALLEST = 300
"""Tokens below which the whole softmax is no slower (H of 64, 512 tokens a step)."""


def choose_cutoffs(vocabulary: int) -> list[int]:
    """Where the tails of a vocabulary of V tokens start: V // 25 and V // 3.

    For V of 1,000 to 51,000, H of 64 to 200 and 512 tokens a step, Zipf-distributed, on a CPU:
    within a fifth or so of the fastest two, and of those the ones with the largest head. Three
    tails are faster still, but leave the rarest tokens vectors of H / 64 numbers.
    """
    return [vocabulary // 25, vocabulary // 3]


class AdaptiveSoftmax(Head):
    """Log-probabilities of the next token, at each step, at a cost that hardly grows with V.

    Frequent tokens stand in a small softmax beside one entry for each tail of rarer tokens, which
    is computed only where the target is in it (Grave et al. 2017, "Efficient softmax approximation
    for GPUs"; ``torch.nn.AdaptiveLogSoftmaxWithLoss``). The ids must fall in frequency.

    cutoffs: ids at which the tails start, ascending; None for ``choose_cutoffs``.
    div_value: the hidden state is projected to ``H' / div_value ** i`` numbers for the i-th tail.
    dropout: before it.

    Raises UserError for cutoffs that are none, for a tail of no numbers, and, where the cutoffs
    are not given, for a vocabulary so small that nothing is gained.
    """

    kinds = ("language_model", "write")
    gives = "the next token at each step"
    name = "adaptive_softmax"

    def __init__(
        self,
        hidden_size: PositiveInt,
        output_size: PositiveInt,
        bidirectional: bool = False,
        *,
        cutoffs: list[PositiveInt] | None = None,
        div_value: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 4.0,
        dropout: Probability = 0.0,
    ) -> None:
        super().__init__()
        if cutoffs is None:
            if output_size < SMALLEST:
                raise UserError(
                    f"model/head=adaptive_softmax gains nothing below {SMALLEST} tokens, but "
                    f"there are {output_size}; use model/head=per_step"
                )
            tails = 2 if hidden_size >= div_value**2 else 1
            cutoffs = choose_cutoffs(output_size)[:tails]
        ascending = sorted(set(cutoffs))
        if not cutoffs or cutoffs != ascending or not 0 < cutoffs[0] <= cutoffs[-1] < output_size:
            raise UserError(
                f"model.head.cutoffs={cutoffs} should ascend between 1 and {output_size - 1} (of "
                f"{output_size} tokens); use model.head.cutoffs=null or model/head=per_step"
            )
        if hidden_size < div_value ** len(cutoffs):
            raise UserError(
                f"model.head.div_value={div_value:g} leaves tail {len(cutoffs)} nothing of "
                f"{hidden_size} numbers; lower it, give fewer model.head.cutoffs or use "
                "model/head=per_step"
            )
        self.dropout = nn.Dropout(dropout)
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(hidden_size, output_size, cutoffs, div_value)

    def pool(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(outputs)
        return dropped

    def predict(self, hidden: Tensor) -> Tensor:
        """Log-probabilities ``(..., V)``, in the weights' own precision even under autocast."""
        with torch.autocast(hidden.device.type, enabled=False):
            log_probabilities = self.softmax.log_prob(self._rows(hidden))
        return log_probabilities.view(*hidden.shape[:-1], -1)

    def nll(
        self, hidden: Tensor, targets: Tensor, logits: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        flat = targets.flatten()
        kept = flat != IGNORE  # torch's module refuses targets outside the vocabulary
        with torch.autocast(hidden.device.type, enabled=False):
            log_likelihoods = self.softmax(self._rows(hidden)[kept], flat[kept]).output
        return -at_least_float32(log_likelihoods).sum(), kept.sum()

    def _rows(self, hidden: Tensor) -> Tensor:
        # Torch's module writes into a buffer of its input's dtype what autocast makes bfloat16.
        return hidden.flatten(0, -2).to(self.softmax.head.weight.dtype)

"""Numbers for a sequence."""

from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional as F

from seqbench.models.heads.base import at_least_float32
from seqbench.models.heads.pooled import Pooled
from seqbench.models.settings import Probability


class Regression(Pooled):
    """``output_size`` numbers for the sequence, from its pooled steps.

    pooling, dropout, hidden_layer: see ``Pooled``.
    error: what is minimised: ``squared``, ``absolute``, or ``huber``, which is half the squared
    error up to 1 and grows as the absolute error beyond (Huber 1964, "Robust estimation of a
    location parameter").
    """

    kinds = ("regress",)
    gives = "numbers"

    def __init__(
        self,
        hidden_size: PositiveInt,
        output_size: PositiveInt,
        bidirectional: bool = False,
        *,
        pooling: Literal["last", "mean", "max", "mean_max"] = "last",
        dropout: Probability = 0.0,
        hidden_layer: PositiveInt | None = None,
        error: Literal["squared", "absolute", "huber"] = "squared",
    ) -> None:
        super().__init__(
            hidden_size,
            output_size,
            bidirectional,
            pooling=pooling,
            dropout=dropout,
            hidden_layer=hidden_layer,
        )
        self.name = "regression"
        self.error = error

    def nll(
        self, hidden: Tensor, targets: Tensor, logits: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The summed error, at least float32, and how many numbers it sums.

        targets: ``(B, output_size)``.
        """
        predicted = at_least_float32(self.predict(hidden) if logits is None else logits)
        match self.error:
            case "squared":
                loss = F.mse_loss(predicted, targets, reduction="sum")
            case "absolute":
                loss = F.l1_loss(predicted, targets, reduction="sum")
            case "huber":
                loss = F.huber_loss(predicted, targets, reduction="sum")
        return loss, torch.tensor(targets.numel(), device=targets.device)

"""How the next token of a text is drawn."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from seqbench.errors import UserError


@dataclass(frozen=True)
class Choice:
    """How the next token is drawn from the network's distribution.

    temperature: logits are divided by it; below 1 likely tokens become likelier.
    top_k: of the k likeliest tokens alone. top_p: of the fewest whose probabilities add up to p
    (Holtzman et al. 2020, "The curious case of neural text degeneration", section 3.1), after
    the temperature and top_k. uniform: each of these with the same probability.

    Raises UserError for settings that leave nothing to draw from.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    uniform: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise UserError(
                f"temperature {self.temperature}: should be a number greater than 0; for the "
                "likeliest token each time use top-k 1"
            )
        if self.top_k is not None and self.top_k < 1:
            raise UserError(f"top-k {self.top_k}: should be 1 or more")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise UserError(f"top-p {self.top_p}: should be greater than 0 and at most 1")
        if self.uniform and self.top_k is None and self.top_p is None:
            raise UserError("uniform: of how many? give top-k or top-p, too")

    def __call__(self, logits: Tensor, draws: Tensor) -> Tensor:
        """Token ids ``(B,)`` for ``logits (B, V)`` and numbers ``draws (B,)`` drawn from [0, 1)."""
        logits = logits.double()
        # The largest is 0, so that none overflows, however low the temperature is.
        logits = (logits - logits.amax(-1, keepdim=True)) / self.temperature
        kept = logits > -torch.inf
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            first = logits.topk(self.top_k, -1).indices
            kept = kept & torch.zeros_like(kept).scatter(-1, first, value=True)
        shares = logits.masked_fill(~kept, -torch.inf).softmax(-1)
        if self.top_p is not None:
            falling, order = shares.sort(-1, descending=True)
            before = falling.cumsum(-1) - falling
            kept = kept & torch.zeros_like(kept).scatter(-1, order, before < self.top_p)
        shares = kept.double() if self.uniform else shares * kept
        sums = shares.cumsum(-1)
        # The first token whose sum exceeds the draw; one with no share never does.
        places = torch.searchsorted(sums, draws.unsqueeze(-1) * sums[:, -1:], right=True)
        return places.squeeze(-1).clamp(max=logits.shape[-1] - 1)

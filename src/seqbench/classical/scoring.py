"""What a model without a network says, measured as a network's words are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from seqbench.batch import IGNORE, Batch
from seqbench.classical.reading import TOKENS, Floats, Ints
from seqbench.datamodules.sampling import batches_of_tokens
from seqbench.metrics import Scores, TokenScores, scores_of
from seqbench.spec import TaskSpec

Said = Callable[[Ints, Batch], npt.NDArray[np.float32]]
"""From the numbers of rows and their Batch to logits ``(B, [T,] C)``, or to numbers ``(B, O)``."""


def measured(spec: TaskSpec, data: Any, said: Said, *, detailed: bool) -> Scores:
    """The scores of labels or numbers on a whole data set of Batches."""
    scores = scores_of(spec, detailed=detailed, characters=None)
    for rows in batches_of_tokens(data.lengths, TOKENS):
        batch = data[rows]
        words = torch.from_numpy(said(rows, batch))
        nll, count = (_squares if spec.kind == "regress" else _likelihood)(words, batch.targets)
        scores.update(nll, count, words.detach, batch)
    return scores


def measured_text(probabilities: Floats, characters: float | None) -> Scores:
    """The scores of a text whose tokens were given these probabilities."""
    scores = TokenScores(characters)
    nll = -np.log(probabilities).sum()
    scores.loss.update(torch.tensor(nll), torch.tensor(len(probabilities)))
    return scores


def _likelihood(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    labels = targets.flatten()
    nll = F.cross_entropy(logits.flatten(0, -2), labels, ignore_index=IGNORE, reduction="sum")
    return nll, (labels != IGNORE).sum()


def _squares(numbers: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """As of a network that is trained on squared errors."""
    return F.mse_loss(numbers, targets, reduction="sum"), torch.tensor(targets.numel())

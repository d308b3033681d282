"""Heads: one file a kind of answer. Configs and checkpoints name them by this package."""

from seqbench.models.heads.adaptive_softmax import AdaptiveSoftmax
from seqbench.models.heads.base import Head
from seqbench.models.heads.per_step import Identity, PerStep
from seqbench.models.heads.pooled import Pooled
from seqbench.models.heads.regression import Regression

__all__ = ["AdaptiveSoftmax", "Head", "Identity", "PerStep", "Pooled", "Regression"]

"""What is measured on a split: its loss; of labels accuracies and reports by class, of a text its
perplexity, of numbers their errors."""

from seqbench.metrics.base import Report, Scores, TokenScores
from seqbench.metrics.labels import LabelScores
from seqbench.metrics.numbers import NumberScores
from seqbench.spec import WRITTEN, TaskSpec

__all__ = ["LabelScores", "NumberScores", "Report", "Scores", "TokenScores", "scores_of"]


def scores_of(spec: TaskSpec, *, detailed: bool, characters: float | None) -> Scores:
    """What a split of such a task is measured by."""
    if spec.kind in WRITTEN:
        return TokenScores(characters)
    if spec.kind == "regress":
        return NumberScores(spec)
    return LabelScores(spec, detailed=detailed)

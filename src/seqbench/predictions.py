"""What a network says of a sequence, in a user's words and units."""

from dataclasses import dataclass
from typing import Any

import torch

from seqbench.batch import IGNORE, Batch
from seqbench.datamodules.features import in_own_units
from seqbench.datamodules.raw import text_of
from seqbench.spec import TaskSpec


@dataclass(frozen=True)
class Prediction:
    """What a network says of one sequence.

    label: the class, one for each step, or the sequence that this one becomes, as text; None for
        an empty text, and where the network gives numbers.
    probabilities: of each class by its name; for labels of steps, and for a sequence's tokens
        (its end among them), of the one given.
    tokens, unknown: how many the sequence has (steps, where it is of numbers), and how many of
        them the vocabulary lacks.
    values: by name, where the network gives numbers.
    """

    label: str | list[str] | None
    probabilities: dict[str, float] | list[float]
    tokens: int
    unknown: int
    values: dict[str, float] | None = None


def prediction(spec: TaskSpec, values: Any, length: int, tokens: int, unknown: int) -> Prediction:
    """One row of a batch, decoded.

    values: probabilities ``(C,)``, or ``(T, C)`` padded behind ``length`` steps, or numbers
    ``(O,)``. length: steps of the sequence.
    """
    if spec.kind == "regress":
        return Prediction(None, {}, tokens, unknown, in_own_units(spec, values))
    names = spec.labels or tuple(map(str, range(spec.output_size)))
    if spec.kind == "transduce":
        steps = values[: _longest(spec, length)]
        ids, shares = steps.argmax(-1).tolist(), steps.max(-1).tolist()
        end = ids.index(spec.end_id) if spec.end_id in ids else len(ids)
        text = text_of(spec, [names[i] for i in ids[:end]])
        return Prediction(text, shares[: end + 1], tokens, unknown)
    if values.ndim == 1:
        by_name = dict(zip(names, values.tolist(), strict=True))
        return Prediction(names[values.argmax()], by_name, tokens, unknown)
    steps = values[:length]
    labels = [names[i] for i in steps.argmax(-1)]
    return Prediction(labels, steps.max(-1).tolist(), tokens, unknown)


def with_room(spec: TaskSpec, batch: Batch) -> Batch:
    """A batch without targets; where it is to become other sequences, with room for these."""
    if spec.kind != "transduce":
        return batch
    steps = _longest(spec, batch.inputs.shape[1])
    return batch._replace(targets=torch.full((len(batch.inputs), steps), IGNORE))


def _longest(spec: TaskSpec, length: int) -> int:
    """Tokens after which an answer to a sequence is cut, if it has not ended."""
    longest: int = spec.encoding.get("longest_output", 0)
    return max(longest, length + 1)

"""TaskSpec: what a task is, as numbers. Sizes flow forward from data to model through it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Kind = Literal["classify", "tag", "language_model", "transduce", "write", "regress"]

WRITTEN: tuple[Kind, ...] = ("language_model", "write")
"""Kinds whose output is the tokens of a text, one after another."""


@dataclass(frozen=True)
class TaskSpec:
    """A task's kind and sizes; plain values only, so that a checkpoint can hold it.

    kind: ``classify`` a label for the sequence, ``tag`` a label at each step, ``language_model``
        the next token at each step, ``write`` a sequence of tokens from a label.
    input_size: V, the number of token ids (padding among them), or D for features.
    features: inputs are D numbers a step, not tokens.
    output_size: number of classes, or of numbers, or V where tokens are put out.
    padding_id: the token id that fills ``Batch.inputs`` behind a row's end.
    metric: the name of the metric that decides, as it stands behind ``val/``.
    mode: which way that metric points.
    labels: the classes' names, by index; of ``transduce`` the tokens put out.
    vocabulary: the tokens, by id; empty where ids are numbers.
    encoding: how raw input becomes ids or features, and what is put out becomes an answer; plain
        values. Of texts the settings of the tokeniser. Of features, if they are there: ``center``
        and ``scale``, D numbers or one; ``order`` of a sequence's numbers, ``count`` of them,
        ``range``, least and largest; ``window`` of steps. Of numbers put out: ``outputs``, their
        names, ``output_center`` and ``output_scale``. Of ``transduce``: ``longest_output``.
    start_id, end_id: the tokens before a sequence's first and behind its last; None where it has
        no such ends.
    length_bounds: upper bounds of the slices by length; metrics are reported for each.
    synthetic: the data are generated, so a perfect score is no reason for suspicion.
    """

    kind: Kind
    input_size: int
    output_size: int
    features: bool = False
    padding_id: int = 0
    metric: str = "accuracy"
    mode: Literal["max", "min"] = "max"
    labels: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    encoding: dict[str, Any] = field(default_factory=dict)
    start_id: int | None = None
    end_id: int | None = None
    length_bounds: tuple[int, ...] = ()
    synthetic: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the numbers put out are called: by the encoding, or counted from 1."""
        return tuple(self.encoding.get("outputs") or map(str, range(1, self.output_size + 1)))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**plain)

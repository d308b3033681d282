"""Sequences as a user types them, encoded as a trained network's data were."""

from collections.abc import Collection, Iterable, Sequence, Sized
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from seqbench.datamodules.features import Vectors, as_vectors, valid_numbers
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.texts.encoder import UNKNOWN_ID, TextEncoder
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

Ints = npt.NDArray[np.int64]


class Encoded(NamedTuple):
    """data: N sequences, whose targets mean nothing. tokens, unknown: ``(N,)`` how many each has
    (steps, where they are numbers), and how many of them the vocabulary lacks."""

    data: Ragged | Vectors
    tokens: Ints
    unknown: Ints


def encode(spec: TaskSpec, named: Sequence[tuple[str, str | Sequence[float]]]) -> Encoded:
    """Texts by the spec's vocabulary; where it has none, numbers: ``"3 1 4"`` or ``[3, 1, 4]``.

    named: what to call each sequence in a message, and the sequence, not empty.

    Raises UserError for what is neither text nor number, or out of range.
    """
    unknown = np.zeros(len(named), np.int64)
    if spec.features:
        vectors = as_vectors(spec, [valid_numbers(name, value, spec) for name, value in named])
        return Encoded(vectors, vectors.lengths, unknown)
    data = encode_tokens(spec, named)
    if spec.vocabulary:
        unknown = np.add.reduceat(data.tokens == UNKNOWN_ID, data.offsets[:-1], dtype=np.int64)
    return Encoded(data, np.diff(data.offsets), unknown)


def encode_tokens(spec: TaskSpec, named: Sequence[tuple[str, str | Sequence[float]]]) -> Ragged:
    """``encode``, for a task of tokens."""
    if spec.vocabulary:
        texts = [valid_text(name, value) for name, value in named]
        return TextEncoder.from_spec(spec).dataset(texts)
    allowed = {str(number) for number in range(spec.input_size) if number != spec.padding_id}
    rows = [_numbers(name, value, allowed) for name, value in named]
    return Ragged(
        np.concatenate(rows),
        np.cumsum([0, *map(len, rows)]),
        np.zeros(len(rows), np.int64),
        padding_id=spec.padding_id,
    )


def is_empty(value: str | Sequence[float]) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, Sized) and len(value) == 0


def valid_text(name: str, value: str | Sequence[float]) -> str:
    """``value``, if it is a text of whole letters; ``name`` is what to call it in a message."""
    if not isinstance(value, str):
        raise UserError(f"{name}: {value!r} is no text, and this network reads texts")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(f"{name}: not valid Unicode: {value[:80]!a}") from None
    return value


def _numbers(name: str, value: str | Sequence[float], allowed: Collection[str]) -> Ints:
    if not isinstance(value, Iterable):
        raise UserError(f"{name}: {value!r} is no sequence of numbers")
    words = value.replace(",", " ").split() if isinstance(value, str) else list(map(str, value))
    if not words:
        raise UserError(f"{name}: {value!r} holds no number; write numbers with spaces between")
    wrong = next((word for word in words if word not in allowed), None)
    if wrong is not None:
        numbers = sorted(map(int, allowed))
        raise UserError(
            f"{name}: {wrong[:80]!r} should be a whole number from {numbers[0]} to {numbers[-1]}; "
            "write numbers with spaces between"
        )
    return np.array(words, np.int64)


def text_of(spec: TaskSpec, tokens: Sequence[str]) -> str:
    """Tokens as one text: characters without a space between."""
    return ("" if spec.encoding.get("level") == "char" else " ").join(tokens)


def steps_of(spec: TaskSpec, inputs: Tensor) -> list[str]:
    """The steps of one sequence as text: tokens, or numbers in the data's own units.

    inputs: ``(T,)`` ids or ``(T, D)`` features, without padding.
    """
    if not spec.features:
        names = spec.vocabulary
        return [names[i] if names else str(i) for i in inputs.tolist()]
    scale = np.array(spec.encoding.get("scale", 1.0))
    values = inputs.double().cpu().numpy() * scale + np.array(spec.encoding.get("center", 0.0))
    return [" ".join(f"{value:.4g}" for value in step) for step in values]


def text_of_steps(spec: TaskSpec, steps: Sequence[str]) -> str:
    """What ``steps_of`` gave as one text."""
    if spec.features and spec.input_size > 1:
        return "; ".join(steps)
    return " ".join(steps) if spec.features else text_of(spec, steps)


def check_encoding(spec: TaskSpec) -> None:
    """Raise ValueError for what stands in a spec and cannot be used to encode or decode."""
    if not (spec.features or spec.kind in ("regress", "transduce")):
        return
    found = spec.encoding
    counts = [found[name] for name in ("count", "window", "longest_output") if found.get(name)]
    if not all(isinstance(count, int) and count > 0 for count in counts):
        raise ValueError("its spec has a count or window that is no number of steps")
    order = found.get("order")
    if order is not None and sorted(order) != list(range(len(order))):
        raise ValueError("its spec has an order that is none of its numbers")
    for part, sizes in (("", (1, spec.input_size)), ("output_", (spec.output_size,))):
        for name in (f"{part}center", f"{part}scale"):
            numbers = np.array(found.get(name, [1.0] * sizes[-1]), np.float64)
            usable = np.isfinite(numbers).all() and (numbers.all() or name.endswith("center"))
            if numbers.ndim != 1 or len(numbers) not in sizes or not usable:
                raise ValueError(f"its spec has a {name} that nothing can be scaled by")
    marks = spec.start_id in range(spec.output_size + 1), spec.end_id in range(spec.output_size)
    if spec.kind == "transduce" and not all(marks):
        raise ValueError("its spec has no marks of where what is put out begins and ends")

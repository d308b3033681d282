"""Sequences whose steps are numbers, D at a time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from seqbench.batch import Batch
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]


class Vectors(Dataset[Batch]):
    """N sequences of vectors: ``values[offsets[i] : offsets[i + 1]]`` is the i-th.

    values: ``(S, D)`` the steps of all sequences end to end, of any type of number.
    offsets: ``(N + 1,)``.
    targets: ``(N,)`` labels, or ``(N, O)`` numbers.
    center, scale: ``(D,)`` or ``(1,)``: the network reads ``(values - center) / scale``.

    ``dataset[rows]`` is the Batch of these rows, padded with 0.
    """

    def __init__(
        self,
        values: Numbers,
        offsets: Ints,
        targets: Numbers,
        *,
        center: Sequence[float] = (0.0,),
        scale: Sequence[float] = (1.0,),
    ) -> None:
        self.values, self.offsets, self.targets = values, offsets, targets
        self.center, self.scale = np.asarray(center), np.asarray(scale)
        self.lengths: Ints = np.diff(offsets)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: Ints) -> Batch:
        lengths = self.lengths[rows]
        steps = np.arange(lengths.max())
        valid = steps < lengths[:, None]
        positions = np.where(valid, self.offsets[rows][:, None] + steps, 0)
        values = normalised(self.values[positions], self.center, self.scale)
        values[~valid] = 0
        targets = torch.from_numpy(self.targets[rows])
        return Batch(torch.from_numpy(values), torch.from_numpy(lengths), targets)


def normalised(values: Numbers, center: Numbers, scale: Numbers) -> npt.NDArray[np.float32]:
    """``(values - center) / scale``, for a network."""
    return ((values - center) / scale).astype(np.float32)


def as_vectors(spec: TaskSpec, rows: Sequence[Numbers]) -> Vectors:
    """Sequences of raw numbers ``(T * D,)``, step after step, as the spec's encoding reads them.

    The targets mean nothing.
    """
    encoding: Mapping[str, Any] = spec.encoding
    order = encoding.get("order")
    size = spec.input_size
    steps = [(row if order is None else row[order]).reshape(-1, size) for row in rows]
    if window := encoding.get("window"):
        steps = [each[-window:] for each in steps]
    return Vectors(
        np.concatenate(steps),
        np.cumsum([0, *map(len, steps)]),
        np.zeros(len(rows), np.int64),
        center=encoding.get("center", (0.0,)),
        scale=encoding.get("scale", (1.0,)),
    )


def valid_numbers(name: str, value: str | Sequence[float], spec: TaskSpec) -> Numbers:
    """The numbers of one sequence, as many as ``vectors`` takes; ``name`` is for a message.

    A text has them with spaces, commas or semicolons between, step after step. The encoding may
    have ``count``, how many there must be, ``window``, how many steps at least (of more the last
    are taken), and ``range``, the least and the largest.
    """
    if isinstance(value, str):
        words: list[Any] = value.replace(",", " ").replace(";", " ").split()
    elif isinstance(value, Iterable):
        words = list(value)
    else:
        raise UserError(f"{name}: {value!r} is no sequence of numbers")
    try:
        numbers = np.array(words, np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{name}: {str(value)[:80]!r} should be numbers with spaces between"
        ) from error
    if not np.isfinite(numbers).all():
        raise UserError(f"{name}: holds nan or an infinite number")
    count, size = spec.encoding.get("count"), spec.input_size
    if count is not None and len(numbers) != count:
        raise UserError(f"{name}: has {len(numbers)} numbers, where this network reads {count}")
    if not len(numbers) or len(numbers) % size:
        raise UserError(
            f"{name}: has {len(numbers)} numbers, where this network reads {size} a step"
        )
    window = spec.encoding.get("window", 1)
    if len(numbers) < window * size:
        raise UserError(
            f"{name}: has {len(numbers) // size} steps, where this network reads {window}"
        )
    low, high = spec.encoding.get("range") or (-np.inf, np.inf)
    if numbers.min() < low or numbers.max() > high:
        raise UserError(f"{name}: numbers should be {low} to {high}")
    return numbers


def in_own_units(spec: TaskSpec, values: Numbers) -> dict[str, float]:
    """What a network says, ``(O,)`` numbers, by name and in the data's own units."""
    encoding = spec.encoding
    own = values * np.array(encoding.get("output_scale", 1.0))
    own = own + np.array(encoding.get("output_center", 0.0))
    return dict(zip(spec.outputs, own.tolist(), strict=True))

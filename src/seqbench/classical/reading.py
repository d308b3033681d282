"""A split's sequences as flat arrays, in the split's own order."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.sampling import batches_of_tokens
from seqbench.datamodules.streams import Streams
from seqbench.spec import TaskSpec

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

TOKENS = 100_000
"""Steps of a batch, padding included: bounds the memory whatever the lengths are."""


@dataclass(frozen=True)
class Flat:
    """N sequences of S steps in all: ``inputs[offsets[i] : offsets[i + 1]]`` is the i-th.

    inputs: ``(S,)`` ids or ``(S, D)`` features. offsets: ``(N + 1,)``. targets: ``(N,)`` a label
    a sequence or, where the task names steps, ``(S,)`` a label a step.
    """

    inputs: Numbers
    offsets: Ints
    targets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> Ints:
        """``(S,)`` the sequence that each step is of."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def spread(self, most: int) -> "Flat":
        """Some of the sequences, evenly spread, of about ``most`` steps in all."""
        every = -(-len(self.inputs) // most)
        chosen = np.arange(0, len(self), every)
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.cumsum([0, *lengths])
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        per_step = len(self.targets) == len(self.inputs)
        targets = self.targets[places] if per_step else self.targets[chosen]
        return Flat(self.inputs[places], offsets, targets)


def flat(data: Any, *, per_step: bool) -> Flat:
    """The sequences of a data set of Batches, which it is asked for by the numbers of rows.

    per_step: a label a step. Texts that the data hold whole are read whole, though a network may
    read them cut to ``max_length``: that saves a recurrence its time, and takes words away.
    """
    if isinstance(data, Ragged) and not per_step:
        return Flat(np.asarray(data.tokens), np.asarray(data.offsets), np.asarray(data.targets))
    lengths = np.asarray(data.lengths)
    offsets = np.cumsum([0, *lengths])
    inputs: Numbers | None = None
    targets = np.zeros(offsets[-1] if per_step else len(lengths), np.int64)
    for rows in batches_of_tokens(lengths, TOKENS):
        batch = data[rows]
        read = batch.inputs.numpy()
        steps = np.arange(read.shape[1])
        valid = steps < lengths[rows][:, None]
        places = (offsets[rows][:, None] + steps)[valid]
        if inputs is None:
            inputs = np.zeros((offsets[-1], *read.shape[2:]), read.dtype)
        inputs[places] = read[valid]
        if per_step:
            targets[places] = batch.targets.numpy()[valid]
        else:
            targets[rows] = batch.targets.numpy()
    assert inputs is not None
    return Flat(inputs, offsets, targets)


@dataclass(frozen=True)
class Text:
    """N texts of S tokens in all, with the token that follows at each step.

    inputs, targets: ``(S,)`` ids. offsets: ``(N + 1,)``. labels: ``(N,)`` of which each was to be
    written; None where there are none.
    """

    inputs: Ints
    targets: Ints
    offsets: Ints
    labels: Ints | None = None


def written(data: Any, spec: TaskSpec) -> Text:
    """The texts of a split that is to be written, from its first token on to its last.

    The text of ``Streams`` is one, however many streams a network reads it in.
    """
    if isinstance(data, Streams):
        tokens = np.asarray(data.tokens).astype(np.int64)
        return Text(tokens[:-1], tokens[1:], np.array([0, len(tokens) - 1]))
    if spec.kind == "language_model":
        found = flat(data, per_step=True)
        return Text(found.inputs.astype(np.int64), found.targets, found.offsets)
    everything = data[np.arange(len(data))]
    lengths, targets = everything.lengths.numpy(), everything.targets.numpy()
    targets = targets[np.arange(targets.shape[1]) < lengths[:, None]]
    offsets = np.cumsum([0, *lengths])
    inputs = np.roll(targets, 1)
    inputs[offsets[:-1]] = spec.start_id or 0
    return Text(inputs, targets, offsets, everything.inputs.numpy())

"""Batch: the only thing that passes from data to model.

Shapes, here and everywhere: B batch, T time, D input features, H hidden, V vocabulary, L layers.
"""

from typing import NamedTuple

from torch import Tensor

IGNORE = -100
"""Padding in targets: torch's own default for a target that does not count."""


class Batch(NamedTuple):
    """One batch of sequences, padded at the end.

    inputs: ``(B, T)`` token ids, ``(B, T, D)`` features, or ``(B,)`` for one -> many.
    lengths: ``(B,)`` valid steps of each row, at least 1.
    targets: ``(B,)`` a label a sequence; ``(B, T)`` a label a step, or ``(B, U)`` a sequence of
        another length, padded with ``IGNORE``; ``(B, O)`` numbers.
    target_lengths: ``(B,)`` valid steps of targets, where they differ from ``lengths``.
    reset: ``(B,)`` bool, true where the chunk's first step starts a new stream.
    stand_in: there where these rows do not count: this process of several has none of a batch, and
        takes part in its step all the same.
    """

    inputs: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor | None = None
    reset: Tensor | None = None
    stand_in: Tensor | None = None

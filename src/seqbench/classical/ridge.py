"""Numbers by a linear function of the steps before them."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from seqbench.batch import Batch
from seqbench.classical.base import Choice, Classical, climb
from seqbench.classical.reading import Floats, Ints
from seqbench.classical.scoring import measured
from seqbench.datamodules.base import TaskData
from seqbench.datamodules.windows import CHUNK, LeastSquares
from seqbench.errors import UserError
from seqbench.metrics import Scores

NUMBERS = 2000
"""Of a window that are read at most, the last ones: memory grows as their square."""

DAMPINGS = tuple(float(f"1e{exponent}") for exponent in range(-9, 4))
"""Of the weights, a row of train."""


class Ridge(Classical):
    """The linear function of a window that errs least on train, its weights damped by a square.

    All numbers are read and given as the network's are, normalised; the damping is chosen.
    """

    name: ClassVar[str] = "ridge"

    def __init__(self, data: TaskData) -> None:
        super().__init__(data)
        if not self.spec.features:
            raise UserError("no baseline gives numbers for sequences of tokens as yet")
        steps = int(np.min(data.splits["train"].lengths))
        self.steps = max(1, min(steps, NUMBERS // self.spec.input_size))

    def fit(self, choice: Choice) -> None:
        squares = LeastSquares()
        for inputs, targets in self._chunks(self.data.splits["train"]):
            squares.add(inputs, targets)

        def loss(place: int) -> float:
            fitted = _Fitted(self, squares.weights(DAMPINGS[place]))
            return choice.offer({"damping": DAMPINGS[place]}, fitted).loss

        climb(loss, DAMPINGS.index(1e-6), len(DAMPINGS))

    def _chunks(self, data: Any) -> Iterator[tuple[Floats, Floats]]:
        for start in range(0, len(data), CHUNK):
            batch = data[np.arange(start, min(start + CHUNK, len(data)))]
            targets = batch.targets.numpy().astype(np.float64)
            yield self.inputs(batch), targets.reshape(len(targets), -1)

    def inputs(self, batch: Batch) -> Floats:
        """``(B, steps, D)`` the last steps of each row; zeros before those of a shorter one."""
        read = batch.inputs.numpy().astype(np.float64)
        places = batch.lengths.numpy()[:, None] + np.arange(-self.steps, 0)
        taken = read[np.arange(len(read))[:, None], np.maximum(places, 0)]
        taken[places < 0] = 0
        return taken


class _Fitted:
    def __init__(self, of: Ridge, weights: Floats) -> None:
        self.of, self.weights = of, weights

    @property
    def parameters(self) -> int:
        return int(self.weights.size)

    def scores(self, split: str, *, detailed: bool = True) -> Scores:
        def said(rows: Ints, batch: Batch) -> npt.NDArray[np.float32]:
            given = LeastSquares.apply(self.weights, self.of.inputs(batch))
            return given.astype(np.float32).reshape(batch.targets.shape)

        data: Any = self.of.data.splits[split]
        return measured(self.of.spec, data, said, detailed=detailed)

"""Windows of a series with the values that follow them, and what is forecast without a network."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from seqbench.batch import Batch

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CHUNK = 4096
"""Windows held as one matrix at a time."""

RIDGE = 1e-6
"""Least squares are damped by so much a window, so that columns that say the same do no harm."""


class Windows(Dataset[Batch]):
    """Stretches of a series and the values that follow them; ``windows[rows]`` is their Batch.

    values: ``(S, K)`` float32, as the network reads them. starts: ``(N,)`` first steps that are to
    be forecast. targets: which of the K columns are.
    """

    def __init__(
        self,
        values: npt.NDArray[np.float32],
        starts: Ints,
        *,
        window: int,
        horizon: int,
        targets: Sequence[int],
    ) -> None:
        self.values, self.starts, self.targets = values, starts, list(targets)
        self.window, self.horizon = window, horizon
        self.lengths: Ints = np.full(len(starts), window)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Ints) -> Batch:
        inputs, targets = self.arrays(rows)
        lengths = torch.from_numpy(self.lengths[rows])
        return Batch(torch.from_numpy(inputs), lengths, torch.from_numpy(targets))

    def arrays(self, rows: Ints) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """``(n, window, K)`` values, and the ``(n, horizon * targets)`` that follow them."""
        starts = self.starts[rows][:, None]
        inputs = self.values[starts + np.arange(-self.window, 0)]
        following = self.values[starts + np.arange(self.horizon)][..., self.targets]
        return inputs, following.reshape(len(rows), -1)

    def chunks(self) -> Iterator[tuple[Floats, Floats]]:
        """``arrays`` of all windows, in float64, some thousands at a time."""
        for start in range(0, len(self), CHUNK):
            inputs, targets = self.arrays(np.arange(start, min(start + CHUNK, len(self))))
            yield inputs.astype(np.float64), targets.astype(np.float64)


Predict = Callable[[Windows, Floats], Floats]
"""From windows, and ``(n, window, K)`` of their inputs, to ``(n, horizon * targets)``."""


def last_value(windows: Windows, inputs: Floats) -> Floats:
    """Each target's last value, said again for every step."""
    return np.tile(inputs[:, -1, windows.targets], windows.horizon)


class LeastSquares:
    """The linear function of a whole window that errs least on all that is added."""

    def __init__(self) -> None:
        self.products: Floats = np.zeros((0, 0))
        self.sums: Floats = np.zeros((0, 0))
        self.rows = 0

    def add(self, inputs: Floats, targets: Floats) -> None:
        """inputs: ``(n, window, K)``. targets: ``(n, O)``."""
        rows = _with_one(inputs)
        products, sums = rows.T @ rows, rows.T @ targets
        self.products = self.products + products if self.rows else products
        self.sums = self.sums + sums if self.rows else sums
        self.rows += len(rows)

    def weights(self, damping: float = RIDGE) -> Floats:
        """``(window * K + 1, O)``. damping: of each weight's square, a row."""
        damped = self.products + damping * self.rows * np.eye(len(self.products))
        return np.linalg.solve(damped, self.sums).astype(np.float64, copy=False)

    @staticmethod
    def apply(weights: Floats, inputs: Floats) -> Floats:
        """``(n, O)`` what these weights make of ``(n, window, K)``."""
        return _with_one(inputs) @ weights


def least_squares(train: Windows) -> Predict:
    """The linear function of a whole window that errs least on ``train``."""
    squares = LeastSquares()
    for inputs, targets in train.chunks():
        squares.add(inputs, targets)
    weights = squares.weights()
    return lambda windows, inputs: squares.apply(weights, inputs)


def _with_one(inputs: Floats) -> Floats:
    rows = inputs.reshape(len(inputs), -1)
    return np.concatenate([rows, np.ones((len(rows), 1))], 1)


def baseline(
    splits: Mapping[str, Windows], predict: Predict, scale: Floats
) -> dict[str, dict[str, float]]:
    """Root mean squared and mean absolute errors of each split but train, as ``NumberScores``.

    scale: ``(horizon * targets,)`` what a difference of 1 stands for.
    """
    scores = {}
    for split, windows in splits.items():
        if split != "train":
            parts = [
                (predict(windows, inputs) - targets) * scale for inputs, targets in windows.chunks()
            ]
            errors = np.concatenate(parts)
            scores[split] = {
                "rmse": float(np.sqrt(np.square(errors).mean())),
                "mae": float(np.abs(errors).mean()),
            }
    return scores

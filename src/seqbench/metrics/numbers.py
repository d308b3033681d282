"""Numbers, of a series as a rule: how far off they are, overall and by output."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from seqbench.batch import Batch
from seqbench.metrics.base import Scores
from seqbench.spec import TaskSpec


class Errors(Metric):
    """Mean absolute error and root mean squared error of each of O outputs.

    scale: ``(O,)`` what a difference of 1 stands for, in the data's own units.
    """

    full_state_update = False
    absolute: Tensor
    squared: Tensor
    rows: Tensor

    def __init__(self, scale: Sequence[float]) -> None:
        super().__init__(sync_on_compute=False)
        self.scale = [*map(float, scale)]
        for name in ("absolute", "squared"):
            # In float64: the sum of a long series' errors would else lose the small ones.
            zeros = torch.zeros(len(scale), dtype=torch.float64)
            self.add_state(name, zeros, dist_reduce_fx="sum")
        self.add_state("rows", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, targets: Tensor) -> None:
        """predicted, targets: (B, O)."""
        scale = torch.tensor(self.scale, dtype=torch.float64, device=targets.device)
        errors = (predicted.double() - targets) * scale
        self.absolute += errors.abs().sum(0)
        self.squared += errors.square().sum(0)
        self.rows += len(errors)

    def compute(self) -> tuple[Tensor, Tensor]:
        """(O,) mean absolute, and (O,) mean squared errors."""
        return self.absolute / self.rows, self.squared / self.rows


class NumberScores(Scores):
    """Errors in the data's own units; the loss is in those that the network is trained in.

    ``spec.encoding`` may have ``outputs``, the names of the O numbers, and ``output_scale``.
    """

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__()
        self.names = spec.outputs
        self.errors = Errors(spec.encoding.get("output_scale", [1.0] * spec.output_size))

    def update(
        self, nll: Tensor, count: Tensor, predict: Callable[[], Tensor], batch: Batch
    ) -> None:
        super().update(nll, count, predict, batch)
        self.errors.update(predict(), batch.targets)

    def compute(self) -> dict[str, float]:
        absolute, squared = self.errors.compute()
        return super().compute() | {
            "mae": float(absolute.mean()),
            "rmse": float(squared.mean().sqrt()),
        }

    def slices(self) -> dict[str, dict[str, dict[str, float]]]:
        """By output."""
        absolute, squared = self.errors.compute()
        values = zip(self.names, absolute.tolist(), squared.sqrt().tolist(), strict=True)
        return {"output": {name: {"mae": mae, "rmse": rmse} for name, mae, rmse in values}}

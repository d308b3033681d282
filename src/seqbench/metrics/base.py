"""What every split is measured by: its loss, and how the loss of tokens reads as perplexity."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from seqbench.batch import Batch

Report = dict[str, Any]
"""``classes``: by label precision, recall, f1 and support; ``confusion``: counts, rows true,
columns predicted; ``spans``: by type of span what ``classes`` has by label."""


class MeanLoss(Metric):
    """Loss a label. (torchmetrics 1.9's MeanMetric drops the weights if not told to drop NaN.)"""

    full_state_update = False
    nll: Tensor
    labels: Tensor

    def __init__(self) -> None:
        super().__init__(sync_on_compute=False)
        self.add_state("nll", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("labels", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, nll: Tensor, labels: Tensor) -> None:
        """nll: summed over ``labels`` labels."""
        self.nll += nll
        self.labels += labels

    def compute(self) -> Tensor:
        return self.nll / self.labels


class Scores(nn.Module):
    """The metrics of one split: a base, with the loss alone.

    Its metrics are made with ``sync_on_compute=False``: what several processes have gathered is
    summed once, by ``combine``, for all that is computed of it.

    predicts: whether ``update`` asks what the network says.
    """

    predicts: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.loss = MeanLoss()

    def update(
        self, nll: Tensor, count: Tensor, predict: Callable[[], Tensor], batch: Batch
    ) -> None:
        """nll: summed over ``count`` targets; predict: can be asked for what the network says,
        logits (B, [T,] C) or numbers (B, O)."""
        self.loss.update(nll.detach(), count)

    def compute(self) -> dict[str, float]:
        """Metrics by name, over all updates since the last reset."""
        return {"loss": float(self.loss.compute())}

    def slices(self) -> dict[str, dict[str, dict[str, float]]]:
        return {}

    def report(self) -> Report:
        return {}

    def reset(self) -> None:
        for metric in self.children():
            assert isinstance(metric, Metric)
            metric.reset()

    def gathered(self) -> dict[str, Any]:
        """All that was taken in since the last reset, as plain tensors by name."""
        with self._persistent():
            return dict(self.state_dict())

    def restore(self, gathered: dict[str, Any]) -> None:
        """Go on from what ``gathered`` gave."""
        with self._persistent():
            self.load_state_dict(gathered)
        for metric in self.modules():
            if isinstance(metric, Metric):
                metric._update_count = 1  # else compute() would warn of a metric without data

    def combine(self, parts: Sequence[dict[str, Any]]) -> None:
        """Go on from what several processes have gathered, as if one had gathered it all."""
        whole = {}
        for name in parts[0]:
            values = [part[name] for part in parts]
            joined = isinstance(values[0], list)  # as they came; all else is a sum
            whole[name] = [x for value in values for x in value] if joined else sum(values)
        self.restore(whole)

    @contextmanager
    def _persistent(self) -> Iterator[None]:
        """The metrics' states count among the module's, which in a checkpoint they do not."""
        metrics = [metric for metric in self.modules() if isinstance(metric, Metric)]
        for metric in metrics:
            metric.persistent(True)
        try:
            yield
        finally:
            for metric in metrics:
                metric.persistent(False)


class TokenScores(Scores):
    """Of a text that is predicted token by token: its loss and perplexity.

    characters: that a token stands for on average; None where tokens are not of a text.
    """

    predicts = False

    def __init__(self, characters: float | None = None) -> None:
        super().__init__()
        self.characters = characters

    def compute(self) -> dict[str, float]:
        values = super().compute()
        loss = values["loss"]
        values["perplexity"] = perplexity(loss)
        if self.characters:
            values["bits_per_character"] = loss / math.log(2) / self.characters
        return values


def perplexity(loss: float) -> float:
    """e to the loss a token, in nats; infinite where no float is as large."""
    return math.exp(loss) if loss < 709 else math.inf

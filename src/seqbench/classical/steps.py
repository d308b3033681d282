"""Which class a sequence of numbers is of, by all its numbers at once."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from seqbench.batch import Batch
from seqbench.classical.base import Choice, Classical
from seqbench.classical.logistic import Logistic, require_labels, strongest
from seqbench.classical.reading import TOKENS, Ints
from seqbench.classical.scoring import measured
from seqbench.datamodules.base import TaskData
from seqbench.datamodules.sampling import batches_of_tokens
from seqbench.metrics import Scores

Floats32 = npt.NDArray[np.float32]

NUMBERS = 100_000_000
"""Of train that are fitted to, 4 bytes each; of more sequences some, evenly spread."""


class Steps(Classical):
    """Logistic regression on the steps of a sequence end to end, as an image's rows.

    Sequences are filled up with zeros to the longest of train, or cut to it.
    """

    name: ClassVar[str] = "logistic"
    precision: ClassVar[str] = "32-true"

    def __init__(self, data: TaskData) -> None:
        super().__init__(data)
        train = data.splits["train"]
        self.size = int(np.max(train.lengths)) * self.spec.input_size
        every = -(-len(train) * self.size // NUMBERS)
        self.rows = np.arange(0, len(train), every)

    def fit(self, choice: Choice) -> None:
        train = self.data.splits["train"]
        features = np.zeros((len(self.rows), self.size), np.float32)
        labels = np.zeros(len(self.rows), np.int64)
        for places in batches_of_tokens(np.asarray(train.lengths)[self.rows], TOKENS):
            batch = train[self.rows[places]]
            features[places] = self.features(batch)
            labels[places] = batch.targets.numpy()
        require_labels(labels)
        part = {"rows of train": len(self.rows)} if len(self.rows) < len(train) else {}

        def loss(strength: float) -> float:
            model = Logistic(features, labels, self.spec.output_size, strength)
            settings = {"C": strength, **model.unfinished, **part}
            return choice.offer(settings, _Fitted(self, model)).loss

        strongest(loss, 0.03)

    def features(self, batch: Batch) -> Floats32:
        """``(B, size)``."""
        read = batch.inputs.numpy().reshape(len(batch.lengths), -1)[:, : self.size]
        return np.pad(read, ((0, 0), (0, self.size - read.shape[1]))).astype(np.float32)


class _Fitted:
    def __init__(self, of: Steps, model: Logistic) -> None:
        self.of, self.model = of, model

    @property
    def parameters(self) -> int:
        return self.model.parameters

    def scores(self, split: str, *, detailed: bool = True) -> Scores:
        def said(rows: Ints, batch: Batch) -> Floats32:
            return self.model.log_probabilities(self.of.features(batch))

        data: Any = self.of.data.splits[split]
        return measured(self.of.spec, data, said, detailed=detailed)

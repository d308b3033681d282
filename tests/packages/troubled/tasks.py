"""A series with a hole that nobody has seen."""

import numpy as np

from seqbench.datamodules.forecast import Forecast


class Hole(Forecast):
    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        self.splits["train"].values[200] = np.nan

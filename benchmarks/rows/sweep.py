"""A sweep of three cells and five seeds beside the same runs from a shell, one after the other."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from benchmarks.programs import python
from benchmarks.row import Row, Turn, at_least

CELLS, SEEDS = ("rnn", "lstm", "gru"), range(5)
TASK = ["task=modular_sum", "trainer.max_epochs=1", "progress=none"]


def against_shell(repeats: int) -> Iterator[Turn]:
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            seeds = ",".join(map(str, SEEDS))
            sweep = ["-m", "hydra/launcher=processes", f"model={','.join(CELLS)}", f"seed={seeds}"]
            own = train(folder / "sweep", *sweep)
            other = sum(
                train(folder / "shell", f"model={cell}", f"seed={seed}")
                for cell in CELLS
                for seed in SEEDS
            )
            results = [len([*folder.glob(f"{side}/**/result.json")]) for side in ("sweep", "shell")]
            assert results == [len(CELLS) * len(SEEDS)] * 2
        yield Turn(own, other)


def train(folder: Path, *words: str) -> float:
    """Seconds of the whole program, which chooses its threads by itself."""
    paths = [f"paths.output_dir={folder}", f"paths.cache_dir={folder}/cache"]
    with patch.dict(os.environ):
        os.environ.pop("OMP_NUM_THREADS", None)
        return python("-m", "seqbench.train", *words, *TASK, *paths).seconds


ROWS = [
    Row(
        "sweep",
        "modular_sum, one epoch: 3 cells × 5 seeds",
        "-m hydra/launcher=processes",
        "15 programs",
        "s",
        against_shell,
        at_least(2),
        speedup=True,
        repeats=3,
    )
]

"""A sweep of three cells and five seeds beside the same runs from a shell, one after the other."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.programs import python
from benchmarks.row import Row, Turn, at_least

CELLS, SEEDS = ("rnn", "lstm", "gru"), range(5)
TASK = ["task=modular_sum", "trainer.max_epochs=1", "progress=none"]


def against_shell(repeats: int) -> Iterator[Turn]:
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            seeds = ",".join(map(str, SEEDS))
            sweep = ["-m", f"model={','.join(CELLS)}", f"seed={seeds}"]
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
    """Seconds of the whole program."""
    paths = [f"paths.output_dir={folder}", f"paths.cache_dir={folder}/cache"]
    return python("-m", "seqbench.train", *words, *TASK, *paths).seconds


ROWS = [
    Row(
        "sweep",
        "modular_sum, one epoch: 3 cells × 5 seeds",
        "a sweep (-m)",
        "15 programs",
        "s",
        against_shell,
        at_least(2),
        speedup=True,
        repeats=3,
    )
]

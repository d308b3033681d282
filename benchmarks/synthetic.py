"""Data made up for the benchmark."""

from pathlib import Path

import numpy as np


def write_rows(file: Path, rows: int) -> None:
    """Texts of 10 to 30 words out of 100,000, a few of them frequent, under two labels."""
    random = np.random.default_rng(0)
    with file.open("w") as out:
        out.write("text,label\n")
        for _ in range(0, rows, 10_000):
            ends = np.cumsum(random.integers(10, 31, 10_000))
            words = [f"w{word % 100_000}" for word in random.zipf(1.2, ends[-1]).tolist()]
            texts = np.split(np.array(words), ends[:-1])
            out.writelines(f"{' '.join(t)},{'ab'[i % 2]}\n" for i, t in enumerate(texts))

"""How soon data are there to train on, and how much memory a run of many data takes."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.places import data
from benchmarks.programs import Ran, python
from benchmarks.row import Row, Turn, at_most
from benchmarks.synthetic import write_rows

MANY, FEW = 2_000_000, 200_000
LIMIT = 2.0
"""Gigabytes."""


def first_batch(cached: bool, repeats: int) -> Iterator[Turn]:
    """Each side in a fresh process; the files lie in the system's own cache."""
    files = [str(data(f"imdb/{split}.parquet")) for split in ("train", "test")]
    with tempfile.TemporaryDirectory() as folder:
        if cached:
            python("-m", "benchmarks.first_batch", f"{folder}/kept")
        for turn in range(repeats):
            cache = f"{folder}/{'kept' if cached else turn}"
            own = python("-m", "benchmarks.first_batch", cache)
            other = python("-m", "benchmarks.baselines.read_parquet", *files)
            yield Turn(float(own.output), float(other.output))


def trained(folder: str, cache: str, *words: str) -> Ran:
    """A training of five steps and two batches of validation."""
    return python(
        *("-m", "seqbench.train", "trainer=cpu", "trainer.max_epochs=1", "test=false"),
        *("+trainer.limit_train_batches=5", "+trainer.limit_val_batches=2"),
        *("progress=none", "force=true", f"paths.output_dir={folder}/outputs"),
        *(f"paths.cache_dir={folder}/{cache}", *words),
    )


def many_rows(repeats: int) -> Iterator[Turn]:
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            peaks: dict[tuple[str, int], float] = {}
            for rows in (FEW, MANY):
                file = Path(folder, f"{rows}.csv")
                write_rows(file, rows)
                for turn in ("cold", "cached"):
                    words = ("task=text_classification", f"task.path={file}")
                    peaks[turn, rows] = trained(folder, "cache", *words).peak / 1e9
            facts = {
                f"{turn}, MB a million rows more": 1e9 * (peaks[turn, MANY] - peaks[turn, FEW])
                / (MANY - FEW)
                for turn in ("cold", "cached")
            }  # fmt: skip
            facts["cached, GB"] = peaks["cached", MANY]
            yield Turn(peaks["cold", MANY], LIMIT, facts)


def all_of_imdb(repeats: int) -> Iterator[Turn]:
    """Beside a tenth of it: memory should not tell them apart."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        for split in ("train", "test"):
            table = pq.read_table(data(f"imdb/{split}.parquet"))
            Path(folder, "tenth").mkdir(exist_ok=True)
            tenth = table.take(list(range(0, len(table), 10)))
            pq.write_table(tenth, Path(folder, "tenth", f"{split}.parquet"))
        small = ("task=imdb", "task.expected_rows=null", f"task.path={folder}/tenth")
        for words in (("task=imdb",), small):
            trained(folder, "cache", *words)
        encoded = sum(file.stat().st_size for file in Path(folder, "cache").rglob("*.npy"))
        for _ in range(repeats):
            batch = trained(folder, "cache", "task=imdb", "task.batch_size=256").peak / 1e9
            facts = {"batches of 256, GB": batch, "encoded, both, MB": encoded / 1e6}
            own, other = (trained(folder, "cache", *words) for words in (("task=imdb",), small))
            yield Turn(own.peak / 1e9, other.peak / 1e9, facts)


IMDB = "IMDB from parquet to the first batch"

ROWS = [
    Row(
        f"data-{name}",
        f"{IMDB}, {name}",
        "seqbench",
        "reading, str.split()",
        "s",
        partial(first_batch, name == "cached"),
        at_most(most),
        repeats=7,
    )
    for name, most in (("cold", 4), ("cached", 0.3))
] + [
    Row(
        "memory-rows",
        "peak memory, a csv file of 2 million rows, cache built",
        "seqbench",
        "2 GB",
        "GB",
        many_rows,
        at_most(1),
        repeats=1,
    ),
    Row(
        "memory-imdb",
        "peak memory, IMDB, cached, five steps of batches of 64",
        "all of it",
        "a tenth of it",
        "GB",
        all_of_imdb,
        at_most(1.1),
        repeats=3,
    ),
]

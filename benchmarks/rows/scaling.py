"""How the time of a training step grows: an exponent of 1 is linear, of 2 quadratic."""

import math
import random
import statistics
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.row import Row, Turn, at_most
from benchmarks.rows.step import words_of

STEPS, REPEATS = 10, 3
SHAPE = {"batch": 32, "time": 100, "embedding": 64, "hidden": 128}
SIZES = {
    "time": (50, 100, 200, 400, 800),
    "batch": (32, 64, 128, 256),
    "hidden": (128, 256, 512),
    "layers": (1, 2, 4, 8),
    "vocabulary": (2_000, 8_000, 32_000),
}
EXPECTED = dict.fromkeys(SIZES, 1.0) | {"hidden": 2.0}
"""What the arithmetic grows with."""


def words(what: str, size: int, folder: Path) -> list[str]:
    """What seqbench is told; a text of so many different words is written into the folder."""
    if what == "vocabulary":
        text = folder / f"{size}.txt"
        made = random.Random(0)
        text.write_text(" ".join(f"w{made.randrange(size)}" for _ in range(20 * size)), "utf-8")
        more = ["task.min_count=1", f"task.vocabulary_size={size}", "callbacks.samples=null"]
        return ["task=word_lm", f"task.path={text}", *more]
    shape = SHAPE | ({what: size} if what in SHAPE else {})
    layers = [f"model.num_layers={size}"] if what == "layers" else []
    return [*words_of("lstm", *shape.values()), *layers]


def exponent(what: str, repeats: int) -> Iterator[Turn]:
    """Fitted to the times of all sizes; a fact is that of the two largest alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = [words(what, size, folder) for size in SIZES[what]]
        for _ in range(repeats):
            x = [math.log(size) for size in SIZES[what]]
            y = [math.log(step(each)) for each in asked]
            slope, _ = statistics.linear_regression(x, y)
            end = (y[-1] - y[-2]) / (x[-1] - x[-2])
            yield Turn(slope, EXPECTED[what], {"of the two largest": end})


def step(words: list[str]) -> float:
    """Milliseconds, behind the warm-up."""
    from benchmarks.training import in_turn

    words = [*words, "+trainer.limit_val_batches=1"]
    alone = in_turn(words, lambda steps: None, STEPS, REPEATS, warm_up=STEPS)
    return statistics.median(turn.own for turn in alone)


ROWS = [
    Row(
        f"scaling-{what}",
        f"a training step's time against {what}, {sizes[0]:,} to {sizes[-1]:,}: its exponent",
        "seqbench",
        "the arithmetic",
        "",
        partial(exponent, what),
        at_most(1.1),
        repeats=3,
    )
    for what, sizes in SIZES.items()
]

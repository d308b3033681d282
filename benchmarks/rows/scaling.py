"""How the time of a training step grows: an exponent of 1 is linear, of 2 quadratic."""

import math
from collections.abc import Iterator
from functools import partial

from benchmarks.row import Row, Turn, at_most
from benchmarks.rows.step import words_of
from benchmarks.runs import result

STEPS = 25
SHAPE = {"batch": 32, "time": 100, "embedding": 64, "hidden": 128}
SIZES = {
    "time": (50, 100, 200, 400, 800),
    "batch": (32, 64, 128, 256),
    "hidden": (128, 256, 512),
    "layers": (1, 2, 4, 8),
    "vocabulary": (2_000, 8_000, 32_000),
}
EXPONENTS = {"hidden": 2.0}
"""What arithmetic grows with, where that is not 1."""


def words(what: str, size: int) -> list[str]:
    if what == "vocabulary":
        made = ["task=word_lm", f"task.vocabulary_size={size}"]
        return made
    shape = SHAPE | ({what: size} if what in SHAPE else {})
    more = [f"model.num_layers={size}"] if what == "layers" else []
    return [*words_of("lstm", *shape.values()), *more]


def exponent(what: str, repeats: int) -> Iterator[Turn]:
    """Fitted to the times of all sizes; the fact is that of the two largest alone."""
    for turn in range(-1, repeats):
        points = [(math.log(size), math.log(_seconds(words(what, size)))) for size in SIZES[what]]
        if turn >= 0:
            (x, y), (x2, y2) = points[-2:]
            yield Turn(_slope(points), EXPONENTS.get(what, 1.0), {"at the end": (y2 - y) / (x2 - x)})

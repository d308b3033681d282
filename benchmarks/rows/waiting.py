"""How threads wait: seqbench lets them sleep soon, which other programs on a machine need."""

from collections.abc import Iterator
from functools import partial

from benchmarks.programs import python
from benchmarks.row import Row, Turn
from benchmarks.rows.step import CELLS, LARGE, what, words_of

SPIN = {"GOMP_SPINCOUNT": "30000"}


def spinning(cell: str, repeats: int) -> Iterator[Turn]:
    words = ["-m", "benchmarks.runs", *words_of(cell, *LARGE)]
    plain = {"GOMP_SPINCOUNT": "300"}
    for _ in range(repeats):
        own, other = (float(python(*words, env=env).output.split()[-1]) for env in (SPIN, plain))
        yield Turn(own, other)


ROWS = [
    Row(
        f"waiting-{cell}",
        what(cell, LARGE),
        "threads that spin (GOMP_SPINCOUNT=30000)",
        "threads that sleep soon, the default",
        "tokens/s",
        partial(spinning, cell),
    )
    for cell in CELLS
]

"""The rows, in the order of the page."""

from benchmarks.row import Row
from benchmarks.rows import (
    data,
    evaluation,
    generation,
    padding,
    peers,
    precision,
    scaling,
    sooner,
    start,
    step,
    sweep,
    textbook,
    waiting,
    words,
)

MODULES = [
    *(step, waiting, peers, precision, padding, start, data, sooner, words, sweep),
    *(evaluation, generation, textbook, scaling),
]


def rows() -> dict[str, Row]:
    """By name."""
    return {row.name: row for module in MODULES for row in module.ROWS}

"""The rows, in the order of the page."""

from benchmarks.row import Row
from benchmarks.rows import evaluation, generation, peers, sooner, start, step, textbook, words

MODULES = [step, peers, start, evaluation, generation, sooner, words, textbook]


def rows() -> dict[str, Row]:
    """By name."""
    return {row.name: row for module in MODULES for row in module.ROWS}

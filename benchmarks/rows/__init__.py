"""The rows, in the order of the page."""

from benchmarks.row import Row
from benchmarks.rows import data, step

MODULES = [step, data]


def rows() -> dict[str, Row]:
    """By name."""
    return {row.name: row for module in MODULES for row in module.ROWS}

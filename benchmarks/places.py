"""Real data, where they are at hand."""

import os
from pathlib import Path

from benchmarks.row import SkippedError


def data(name: str) -> Path:
    """What lies under SEQBENCH_DATA_DIR by this name; SkippedError where nothing does."""
    place = os.environ.get("SEQBENCH_DATA_DIR")
    if not place or not Path(place, name).exists():
        raise SkippedError(f"set SEQBENCH_DATA_DIR to a folder that holds {name}")
    return Path(place, name)

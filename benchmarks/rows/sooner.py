"""How much sooner the modular sum is learnt than by a textbook's program for it."""

import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.programs import python
from benchmarks.row import Row, Turn, at_least

PATIENCE = 12
"""The textbook's program is given so many times our seconds; its ratio is then a lower bound."""


def until_perfect(cell: str, repeats: int) -> Iterator[Turn]:
    for seed in range(repeats):
        own = _own(cell, seed)
        words = [cell, "--seed", str(seed), "--seconds", str(PATIENCE * own["seconds"])]
        other = json.loads(python("-m", "benchmarks.baselines.modular_sum", *words).output)
        facts = {"own_epochs": own["epochs"], "other_epochs": other["epochs"]}
        yield Turn(own["seconds"], other["seconds"], facts | {"reached": other["reached"]})


def _own(cell: str, seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        seen = Path(folder, "seen.json")
        python(
            *("-m", "seqbench.train", "task=modular_sum", f"model={cell}", f"seed={seed}"),
            f"+callbacks.until={{_target_: benchmarks.until.Perfect, path: '{seen}'}}",
            "test=false",
            "progress=none",
            f"paths.output_dir={folder}/outputs",
            f"paths.cache_dir={folder}/cache",
        )
        own: dict[str, float] = json.loads(seen.read_text("utf-8"))
    if not own["reached"]:
        raise RuntimeError(f"task=modular_sum model={cell} seed={seed} never came to 1.0000")
    return own


ROWS = [
    Row(
        f"sooner-{cell}",
        f"modular_sum to 1.0000 at length 100, {cell.upper()}",
        "seqbench",
        "textbook",
        "s",
        partial(until_perfect, cell),
        at_least(10),
        speedup=True,
        repeats=3,
    )
    for cell in ("lstm", "gru")
]

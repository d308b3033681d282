"""Short runs of seqbench, one after the other in this process."""

import tempfile
from typing import Any

STEPS = 40


def result(*words: str) -> dict[str, Any]:
    """Of ``python -m seqbench.train WORDS``, without the test; what it wrote is thrown away."""
    from seqbench import run

    with tempfile.TemporaryDirectory() as folder:
        made = run([*words, "test=false", "progress=none", f"paths.output_dir={folder}"])
        content: dict[str, Any] = made.content
    return content


def pace(*words: str) -> float:
    """Real tokens a second, behind the warm-up, of ``STEPS`` steps."""
    seen: float = result(*words, f"budget.steps={STEPS}")["throughput"]["train_tokens_per_second"]
    return seen


def imdb() -> str:
    """The task; SkippedError where its data are not at hand."""
    import os
    from pathlib import Path

    from benchmarks.row import SkippedError

    folder = os.environ.get("SEQBENCH_DATA_DIR", "")
    if not folder or not (Path(folder) / "imdb").is_dir():
        raise SkippedError("set SEQBENCH_DATA_DIR to a folder that holds imdb/")
    return "task=imdb"

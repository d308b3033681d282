"""Short runs of seqbench, one after the other in this process.

``python -m benchmarks.runs WORD ...`` prints the tokens a second of one.
"""

import sys
import tempfile
from typing import Any

STEPS = 25


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


if __name__ == "__main__":
    from seqbench.commands import share_cores

    share_cores()
    print(pace(*sys.argv[1:]))

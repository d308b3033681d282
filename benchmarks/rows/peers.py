"""One training step beside Keras on TensorFlow, which runs in an environment of its own."""

import os
import subprocess
from collections.abc import Iterator
from functools import partial

from benchmarks.programs import SOURCE
from benchmarks.row import Row, SkippedError, Turn, at_most
from benchmarks.rows.step import words_of

PYTHON = SOURCE / ".venv-peers" / "bin" / "python"


def against_keras(cell: str, options: tuple[str, ...], repeats: int) -> Iterator[Turn]:
    from benchmarks.training import in_turn

    if not PYTHON.exists():
        raise SkippedError("Keras is not installed: run make bench-peers")
    # While one side computes, the other sleeps: this one in a read, that one in another.
    with subprocess.Popen(
        [PYTHON, "-m", "benchmarks.baselines.keras_step", cell, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=SOURCE,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        text=True,
    ) as keras:
        assert keras.stdin
        assert keras.stdout

        def other(steps: int) -> None:
            assert keras.stdin
            assert keras.stdout
            print(steps, file=keras.stdin, flush=True)
            if not keras.stdout.readline():
                raise RuntimeError("benchmarks.baselines.keras_step has ended")

        words = [*words_of(cell, 64, 200, 64, 128), "trainer.accelerator=cpu"]
        yield from in_turn(words, other, 10, repeats)


def row(cell: str, name: str, options: tuple[str, ...] = (), target: float | None = None) -> Row:
    return Row(
        f"keras-{cell}{'-' if options else ''}{'-'.join(options)}",
        f"one training step, {cell.upper()}, batch 64, time 200, input 64, hidden 128, on a CPU",
        "seqbench",
        name,
        "ms",
        partial(against_keras, cell, options),
        at_most(target) if target else None,
        repeats=9,
    )


TARGETS = {"rnn": 1.05, "lstm": 1.0, "gru": 1.0}

ROWS = [
    *(row(cell, "Keras", target=target) for cell, target in TARGETS.items()),
    *(row(cell, "Keras, unrolled in time", ("unroll",)) for cell in TARGETS),
]

"""One training step beside Keras on TensorFlow, which runs in an environment of its own."""

from collections.abc import Iterator
from functools import partial

from benchmarks.programs import SOURCE, server
from benchmarks.row import Row, SkippedError, Turn, at_most
from benchmarks.rows.step import LARGE, what, words_of

PYTHON = SOURCE / ".venv-peers" / "bin" / "python"


def against_keras(cell: str, options: tuple[str, ...], repeats: int) -> Iterator[Turn]:
    from benchmarks.training import in_turn

    if not PYTHON.exists():
        raise SkippedError("Keras is not installed: run make bench-peers")
    program = [str(PYTHON), "-m", "benchmarks.baselines.keras_step", cell, *options]
    with server(program, {"CUDA_VISIBLE_DEVICES": ""}) as keras:
        words = [*words_of(cell, *LARGE), "trainer.accelerator=cpu"]
        yield from in_turn(words, keras, 10, repeats)


def row(cell: str, name: str, options: tuple[str, ...] = (), target: float | None = None) -> Row:
    return Row(
        f"keras-{cell}{'-' if options else ''}{'-'.join(options)}",
        f"{what(cell, LARGE)}, on a CPU",
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

"""One training step beside a loop written by hand: a large one, and one where overhead shows."""

import sys
from collections.abc import Iterator
from functools import partial

from benchmarks.programs import server
from benchmarks.row import Row, Turn, at_most

CELLS = ("rnn", "lstm", "gru")
LARGE = 64, 200, 64, 128
TINY = 100, 25, 64, 64
"""Batch, time, input, hidden."""


def words_of(cell: str, batch: int, time: int, embedding: int, hidden: int) -> list[str]:
    """What seqbench is told, to train on such shapes."""
    return [
        "task=modular_sum",
        f"model={cell}",
        f"task.train_lengths=[{time}]",
        f"task.train_size={200 * batch}",
        "task.val_size=10",
        "task.test_size=10",
        f"task.batch_size={batch}",
        f"model.embedding.size={embedding}",
        f"model.hidden_size={hidden}",
        "scheduler=constant",
    ]


def against_bare_loop(
    cell: str, shape: tuple[int, int, int, int], steps: int, repeats: int
) -> Iterator[Turn]:
    """Both in one process, and so with the same memory allocator."""
    from benchmarks.baselines.bare_loop import of_shape
    from benchmarks.training import in_turn

    bare = of_shape(cell, *shape)
    yield from in_turn(words_of(cell, *shape), bare.run, steps, repeats)


def against_program(cell: str, repeats: int) -> Iterator[Turn]:
    """The bare loop as a program of its own, as one would run it."""
    from benchmarks.training import in_turn

    with server([sys.executable, "-m", "benchmarks.baselines.bare_loop", cell]) as bare:
        yield from in_turn(words_of(cell, *LARGE), bare, 10, repeats)


def what(cell: str, shape: tuple[int, int, int, int]) -> str:
    sizes = "batch {}, time {}, input {}, hidden {}".format(*shape)
    return f"one training step, {cell.upper()}, {sizes}"


def row(cell: str, shape: tuple[int, int, int, int], name: str, steps: int, most: float) -> Row:
    turns = partial(against_bare_loop, cell, shape, steps)
    text = what(cell, shape)
    return Row(
        f"{name}-{cell}", text, "seqbench", "bare torch loop", "ms", turns, at_most(most), repeats=9
    )


ROWS = [
    *(row(cell, LARGE, "step", 10, 1.03) for cell in CELLS),
    *(
        Row(
            f"apart-{cell}",
            what(cell, LARGE),
            "seqbench",
            "bare torch loop, a program of its own",
            "ms",
            partial(against_program, cell),
            at_most(1.03),
            repeats=9,
        )
        for cell in CELLS
    ),
    *(row(cell, TINY, "tiny", 100, 1.15) for cell in CELLS),
]

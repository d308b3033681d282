"""bfloat16 autocast, one word on the command line, beside float32."""

from collections.abc import Iterator
from functools import partial

from benchmarks.row import Row, Turn
from benchmarks.rows.step import what, words_of
from benchmarks.runs import pace, result

BF16 = "trainer.precision=bf16-mixed"
SHAPES = [("rnn", 128), ("lstm", 128), ("gru", 128), ("rnn", 512), ("lstm", 512), ("gru", 512)]


def faster(cell: str, hidden: int, repeats: int) -> Iterator[Turn]:
    words = words_of(cell, 64, 200, 64, hidden)
    for turn in range(-1, repeats):
        own, other = pace(*words, BF16), pace(*words)
        if turn >= 0:
            yield Turn(own, other)


def as_right(repeats: int) -> Iterator[Turn]:
    """Another seed each turn."""
    words = ["task=modular_sum", "model=gru", "trainer.max_epochs=4"]
    for seed in range(repeats):
        accuracy = [
            result(*words, f"seed={seed}", *more)["metrics"]["val"]["accuracy"]
            for more in ([BF16], [])
        ]
        yield Turn(*accuracy)


ROWS = [
    *(
        Row(
            f"bf16-{cell}-{hidden}",
            what(cell, (64, 200, 64, hidden)),
            "bf16-mixed",
            "float32",
            "tokens/s",
            partial(faster, cell, hidden),
        )
        for cell, hidden in SHAPES
    ),
    Row(
        "bf16-accuracy",
        "modular_sum, GRU, 4 epochs, a seed each: validation accuracy",
        "bf16-mixed",
        "float32",
        "",
        as_right,
    ),
]

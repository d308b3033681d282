"""Padding on IMDB: how much there is, and what it costs to have little."""

from collections.abc import Iterator
from unittest.mock import patch

from benchmarks.row import Row, Turn, at_least
from benchmarks.runs import imdb, pace, result

SMALL = ["model.hidden_size=64", "model.bidirectional=false", "trainer.max_epochs=3"]


def real(repeats: int) -> Iterator[Turn]:
    """Tokens of one epoch's batches, another seed each turn."""
    from seqbench import build, compose

    for seed in range(repeats):
        config = compose.config([imdb(), f"seed={seed}"])
        data = build.data(config)
        data.prepare_data()
        data.setup()
        batches = [*data.loader("train", training=True)]
        own = sum(int(batch.lengths.sum()) for batch in batches)
        yield Turn(own, sum(batch.inputs.numel() for batch in batches))


def faster(repeats: int) -> Iterator[Turn]:
    for turn in range(-1, repeats):
        own, other = pace(imdb()), pace(imdb(), "task.pad_to_max=true")
        if turn >= 0:
            yield Turn(own, other)


def as_right(repeats: int) -> Iterator[Turn]:
    """Another seed each turn. Windows of a single batch are random batches."""
    for seed in range(repeats):
        words = [imdb(), *SMALL, f"seed={seed}"]
        own = result(*words)["metrics"]["val"]["accuracy"]
        with patch("seqbench.datamodules.sampling.WINDOW", 1):
            yield Turn(own, result(*words, "task.data_seed=0")["metrics"]["val"]["accuracy"])


ROWS = [
    Row(
        "padding",
        "tokens of an IMDB epoch",
        "real",
        "with padding",
        "tokens",
        real,
        at_least(0.97),
    ),
    Row(
        "padding-speed",
        "IMDB: real tokens a second, bidirectional LSTM, hidden 128",
        "batches of like length",
        "all padded to 400",
        "tokens/s",
        faster,
        at_least(1.5),
    ),
    Row(
        "padding-accuracy",
        "IMDB, LSTM, hidden 64, 3 epochs, a seed each: validation accuracy",
        "batches of like length",
        "random batches",
        "",
        as_right,
    ),
]

"""Padding on IMDB: how much there is, and what it costs to have little."""

import tempfile
from collections.abc import Iterator
from unittest.mock import patch

from benchmarks.places import data
from benchmarks.row import Row, Turn, at_least
from benchmarks.runs import result

TASK, PADDED = "task=imdb", "task.pad_to_max=true"
SMALL = ["model.hidden_size=64", "model.bidirectional=false", "trainer.max_epochs=3"]


def real(repeats: int) -> Iterator[Turn]:
    """Tokens of one epoch's batches, another seed each turn."""
    from seqbench.datamodules.text_classification import TextClassification

    path = str(data("imdb"))
    with tempfile.TemporaryDirectory() as cache:
        for seed in range(repeats):
            reviews = TextClassification(
                cache_dir=cache, path=path, seed=seed, strip_html=True, max_length=400
            )
            reviews.setup()
            own = other = 0
            for batch in reviews.loader("train", training=True):
                own, other = own + int(batch.lengths.sum()), other + batch.inputs.numel()
            yield Turn(own, other)


def faster(repeats: int) -> Iterator[Turn]:
    data("imdb")
    for _ in range(repeats):
        sides = [result(TASK, "trainer.max_epochs=1", *more) for more in ([], [PADDED])]
        yield Turn(*(side["throughput"]["train_tokens_per_second"] for side in sides))


def as_right(repeats: int) -> Iterator[Turn]:
    """Another seed each turn. Windows of a single batch are random batches."""
    data("imdb")
    for seed in range(repeats):
        words = [TASK, *SMALL, f"seed={seed}"]
        own = result(*words)
        with patch("seqbench.datamodules.sampling.WINDOW", 1):
            other = result(*words)
        yield Turn(*(side["metrics"]["val"]["accuracy"] for side in (own, other)))


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
        "an epoch of IMDB: real tokens a second, bidirectional LSTM, hidden 128",
        "batches of like length",
        "all padded to 400",
        "tokens/s",
        faster,
        at_least(1.5),
        repeats=3,
    ),
    Row(
        "padding-accuracy",
        "IMDB, LSTM, hidden 64, 3 epochs, a seed each: validation accuracy",
        "batches of like length",
        "random batches",
        "",
        as_right,
        repeats=3,
    ),
]

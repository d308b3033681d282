"""One training step of a textbook's program for film reviews, and of the same network here."""

import csv
import random
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.row import Row, Turn

BATCH, TIME, WORDS = 1000, 200, 20000


def against_textbook(cell: str, repeats: int) -> Iterator[Turn]:
    import torch

    from benchmarks.baselines.imdb import Textbook
    from benchmarks.training import in_turn

    tokens, labels = torch.randint(WORDS, (BATCH, TIME)), torch.randint(2, (BATCH,))
    textbook = Textbook(cell, WORDS, tokens, labels)
    with tempfile.TemporaryDirectory() as folder:
        reviews = Path(folder, "reviews.csv")
        write(reviews, (1 + repeats) * BATCH * 5 // 4)  # a fifth of them is held out
        words = [
            f"experiment=imdb_25x8_{cell}",
            f"task.path={reviews}",
            "task.expected_rows=null",
        ]
        yield from in_turn(words, textbook.run, steps=1, repeats=repeats, warm_up=1)


def write(path: Path, rows: int) -> None:
    """Texts of words that mean nothing, each as long as a network here reads them, with labels."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in range(rows):
            text = " ".join(f"w{draw.randrange(WORDS)}" for _ in range(TIME))
            writer.writerow([text, row % 2])


ROWS = [
    Row(
        f"textbook-imdb-{cell.removesuffix('_v1')}",
        f"one training step, 25 layers of 8 units, {name}, batch 1,000, time 200",
        f"experiment=imdb_25x8_{cell}",
        "textbook, cells by hand",
        "ms",
        partial(against_textbook, cell),
        speedup=True,
        repeats=3,
    )
    for cell, name in (("rnn", "RNN"), ("lstm", "LSTM"), ("gru_v1", "GRU of 2014"))
]

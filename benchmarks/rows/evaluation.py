"""predict and evaluate on a file, beside a loop written by hand over the same file.

Both sides read the checkpoint and the file in each turn; imports are made before.
"""

import csv
import io
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from benchmarks.row import Row, Turn, at_most

ROWS_OF_TEXT, WORDS = 4_000, 2_000


def checkpoint_of(folder: Path, *words: str) -> Path:
    """The checkpoint of an LSTM that seqbench has trained for one step, in ``folder``."""
    from seqbench.train import main

    status = main(
        [
            *words,
            "model=lstm",
            "model.embedding.size=64",
            "model.hidden_size=128",
            "budget.steps=1",
            "test=false",
            "progress=none",
            f"paths.output_dir={folder}/outputs",
            f"paths.cache_dir={folder}/cache",
        ]
    )
    if status:
        raise RuntimeError(f"seqbench.train ended with {status}")
    (found,) = folder.glob("outputs/*/*/*/checkpoints/best.ckpt")
    return found


def classifier_in(folder: Path) -> Path:
    """A classifier's checkpoint; its texts are in ``texts.csv`` and, bare, in ``texts.txt``."""
    made = random.Random(0)
    words = ["".join(made.choices("abcdefghijklmnop", k=6)) for _ in range(WORDS)]
    texts = [" ".join(made.choices(words, k=made.randint(5, 195))) for _ in range(ROWS_OF_TEXT)]
    (folder / "texts.txt").write_text("\n".join([*texts, ""]), "utf-8")
    with (folder / "texts.csv").open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows(
            [("text", "label"), *((text, ("bad", "good")[i % 2]) for i, text in enumerate(texts))]
        )
    return checkpoint_of(folder, "task=text_classification", f"task.path={folder}/texts.csv")


def against_prediction(repeats: int) -> Iterator[Turn]:
    from benchmarks.baselines import classifier
    from seqbench import predict

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint, texts = classifier_in(folder), folder / "texts.txt"
        own, other = folder / "own.jsonl", folder / "other.jsonl"

        def ours() -> None:
            with own.open("w", encoding="utf-8") as opened, redirect_stdout(opened):
                predict.main([str(checkpoint), "--input", str(texts)])

        yield from turns(
            ours, lambda: classifier.predict(checkpoint, texts, other), ROWS_OF_TEXT, repeats
        )
        labels = [[json.loads(line)["label"] for line in f.open()] for f in (own, other)]
        assert labels[0] == labels[1]


def against_evaluation(repeats: int) -> Iterator[Turn]:
    from benchmarks.baselines import classifier
    from seqbench import evaluate

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint, texts = classifier_in(folder), folder / "texts.csv"
        printed = io.StringIO()

        def ours() -> None:
            printed.seek(0)
            printed.truncate()
            with redirect_stdout(printed), redirect_stderr(io.StringIO()):
                evaluate.main([str(checkpoint), "--data", str(texts), "--json"])

        yield from turns(
            ours, lambda: classifier.evaluate(checkpoint, texts), ROWS_OF_TEXT, repeats
        )
        metrics = json.loads(printed.getvalue())["metrics"]
        assert metrics["accuracy"] == classifier.evaluate(checkpoint, texts)["accuracy"]


def turns(
    own: Callable[[], None], other: Callable[[], object], number: int, repeats: int
) -> Iterator[Turn]:
    """Milliseconds for each of ``number`` that a call does, after a call of each for warmth."""
    for turn in range(-1, repeats):
        first, second = (_milliseconds(side) / number for side in (own, other))
        if turn >= 0:
            yield Turn(first, second, {"per_second": 1000 / first})


def _milliseconds(side: Callable[[], object]) -> float:
    started = time.perf_counter()
    side()
    return (time.perf_counter() - started) * 1000


WHAT = f"{ROWS_OF_TEXT:,} texts of 100 words from a file, LSTM, input 64, hidden 128"

ROWS = [
    Row(
        "predict", f"predict: {WHAT}", "seqbench", "bare torch loop", "ms a text",
        against_prediction, at_most(1.15), repeats=7,
    ),
    Row(
        "evaluate", f"evaluate: {WHAT}", "seqbench", "bare torch loop", "ms a text",
        against_evaluation, at_most(1.15), repeats=7,
    ),
]  # fmt: skip

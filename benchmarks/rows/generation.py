"""generate, one character after the other: a kernel, the equation, and a loop written by hand."""

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.row import Row, Turn, at_most
from benchmarks.rows.evaluation import checkpoint_of, turns

if TYPE_CHECKING:
    from seqbench.models.cells.base import Backend

LENGTH, PROMPT = 1_000, "abc"
CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,;:!?\n"


@contextmanager
def language_model() -> Iterator[Path]:
    """The checkpoint of a language model of characters."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = "".join(random.Random(0).choices(CHARACTERS, k=100_000))
        (folder / "text.txt").write_text(text, "utf-8")
        yield checkpoint_of(
            folder, "task=char_lm", f"task.path={folder}/text.txt", "callbacks.samples=null"
        )


def by(checkpoint: Path, backend: "Backend") -> Callable[[], None]:
    from seqbench.trained import load

    trained = load(checkpoint, device="cpu")

    def write() -> None:
        (sample,) = trained.generate(PROMPT, length=LENGTH, backend=backend)
        assert sample.tokens == LENGTH

    return write


def against_reference(repeats: int) -> Iterator[Turn]:
    with language_model() as checkpoint:
        native, reference = (by(checkpoint, backend) for backend in ("native", "reference"))
        for turn in turns(native, reference, LENGTH, repeats):
            facts = {
                "native_per_second": 1000 / turn.own,
                "reference_per_second": 1000 / turn.other,
            }
            yield replace(turn, facts=facts)


def against_bare_loop(repeats: int) -> Iterator[Turn]:
    from benchmarks.baselines.writer import Writer

    with language_model() as checkpoint:
        bare = Writer(checkpoint)
        yield from turns(
            by(checkpoint, "auto"), lambda: bare.write(PROMPT, LENGTH), LENGTH, repeats
        )


WHAT = f"generate: {LENGTH:,} characters, LSTM, input 64, hidden 128, on a CPU"

ROWS = [
    Row("generate", WHAT, "native", "reference", "ms a token", against_reference, repeats=7),
    Row(
        "generate-loop", WHAT, "seqbench", "bare torch loop", "ms a token",
        against_bare_loop, at_most(1.15), repeats=7,
    ),
]  # fmt: skip

"""How long a command line takes to begin, beside the imports that it cannot do without."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks import programs
from benchmarks.places import data
from benchmarks.row import Row, Turn, at_most

HYDRA = "import hydra"


def in_turn(words: list[str], repeats: int) -> Iterator[Turn]:
    """A whole program, and one that imports Hydra."""
    for turn in range(-1, repeats):
        own = programs.python(*words).seconds
        other = programs.python("-c", HYDRA).seconds
        if turn >= 0:
            yield Turn(own, other)


def report(repeats: int) -> Iterator[Turn]:
    """Of a folder with one run."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["task=hello", "trainer.max_epochs=1", "progress=none"]
        words += [f"paths.output_dir={folder}", f"paths.cache_dir={folder}"]
        programs.python("-m", "seqbench.train", *words)
        yield from in_turn(["-m", "seqbench.report", folder], repeats)


def to_first_step(task: str, repeats: int) -> Iterator[Turn]:
    """From the start of a program to the end of its first training step, its data cached.

    The other program's time likewise ends with its last import. The validation before that step,
    of the untrained network, counts; a fact tells the ratio without it.
    """
    from benchmarks.starting import first_step, imported

    if task == "imdb":
        data("imdb")
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(-1, repeats):
            own, validation = first_step([f"task={task}"], Path(folder))
            other = imported("torch, lightning")
            if turn >= 0:
                without = (own - validation) / other
                yield Turn(own, other, {"ratio without the validation before it": without})


def row(
    name: str, what: str, other: str, turns: Callable[[int], Iterator[Turn]], most: float
) -> Row:
    return Row(name, what, "seqbench", other, "s", turns, at_most(most), repeats=7)


TRAIN = ["-m", "seqbench.train"]
STEP = "to the end of the first training step, with the validation before it; data cached"

ROWS = [
    row("start-help", "seqbench.train --help", HYDRA, partial(in_turn, [*TRAIN, "--help"]), 4),
    row(
        "start-config",
        "seqbench.train --cfg job",
        HYDRA,
        partial(in_turn, [*TRAIN, "--cfg", "job"]),
        4,
    ),
    row(
        "start-report",
        "seqbench.report of one run (intervals over seeds would load scipy)",
        HYDRA,
        report,
        4,
    ),
    row(
        "start-first-step",
        f"modular_sum {STEP}",
        "import torch, lightning",
        partial(to_first_step, "modular_sum"),
        1.5,
    ),
    row(
        "start-first-step-imdb",
        f"IMDB {STEP}",
        "import torch, lightning",
        partial(to_first_step, "imdb"),
        1.5,
    ),
]

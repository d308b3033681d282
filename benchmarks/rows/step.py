"""One training step beside a loop written by hand: a large one, and one where overhead shows."""

from collections.abc import Iterator
from functools import partial

from benchmarks.row import Row, Turn, at_most


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
        "optimizer.lr=1e-3",
    ]


def against_bare_loop(
    cell: str, batch: int, time: int, embedding: int, hidden: int, steps: int, repeats: int
) -> Iterator[Turn]:
    import torch

    from benchmarks.baselines.bare_loop import BareLoop, Labeller
    from benchmarks.training import in_turn

    tokens, targets = torch.randint(10, (2, 50 * batch, time))
    bare = BareLoop(Labeller(cell, 10, embedding, hidden, 1, 10), tokens, targets, batch)
    yield from in_turn(words_of(cell, batch, time, embedding, hidden), bare.run, steps, repeats)


ROWS = [
    *(
        Row(
            f"step-{cell}",
            f"one training step, {cell.upper()}, batch 64, time 200, input 64, hidden 128",
            "seqbench",
            "bare torch loop",
            "ms",
            partial(against_bare_loop, cell, 64, 200, 64, 128, 10),
            at_most(1.03),
            repeats=9,
        )
        for cell in ("rnn", "lstm", "gru")
    ),
    *(
        Row(
            f"tiny-{cell}",
            f"one training step, {cell.upper()}, batch 100, time 25, input 64, hidden 64",
            "seqbench",
            "bare torch loop",
            "ms",
            partial(against_bare_loop, cell, 100, 25, 64, 64, 100),
            at_most(1.15),
            repeats=9,
        )
        for cell in ("rnn", "lstm", "gru")
    ),
]

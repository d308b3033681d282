"""A file of events stays small, however long the training, and a training that goes on keeps what
one that was never ended does."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from seqbench.callbacks.loggers import TensorBoard
from seqbench.callbacks.thinning import Thinning, last_steps

EVERY = 50


def events(folder: Path) -> Counter[str]:
    """How often each tag stands in a folder's events."""
    found: Counter[str] = Counter()
    for file in folder.glob("events.*"):
        for raw in RawEventFileLoader(str(file)).Load():
            found.update(value.tag for value in Event.FromString(raw).summary.value)
    return found


def logged(board: TensorBoard, steps: range, epoch: int) -> None:
    """What a training of these steps sends, with samples of each epoch."""
    for step in steps:
        board.log_metrics({"train/loss_step": 1.0, "grad/norm": 2.0, "epoch": 0}, step)
        if step % epoch == 0:
            board.log_metrics({"train/loss": 1.0, "val/loss": 1.0, "val/accuracy": 0.5}, step)
            board.text("samples", "a text", step)


def test_ten_times_the_steps_are_few_more_events(tmp_path: Path) -> None:
    counts = []
    for name, steps in (("short", 100_000), ("long", 1_000_000)):
        board = TensorBoard(str(tmp_path / name))
        logged(board, range(EVERY, steps + 1, EVERY), epoch=steps // 200)
        board.text("samples", "the last", steps, last=True)
        board.experiment.close()
        counts.append(events(tmp_path / name))
    short, long = counts
    assert short["train/loss_step"] < 700
    assert 0 < long["train/loss_step"] - short["train/loss_step"] < 500
    assert {tag for tag, count in long.items() if count > 1200} == set()
    # Epochs were as many: these curves are whole.
    assert long["val/loss"] == short["val/loss"] == long["curves/loss_val"] == 200
    assert 20 <= long["samples/text_summary"] <= 30
    assert sum(long.values()) < 4_000
    assert sum(file.stat().st_size for file in (tmp_path / "long").iterdir()) < 300_000


@pytest.mark.parametrize("share", [1 / 200, 1 / 6])
def test_what_is_kept(share: float) -> None:
    thinning = Thinning(share, {})
    kept = [step for step in range(0, 5_000, 10) if thinning.keeps("a", step)]
    gaps = [b - a for a, b in pairwise(kept)]
    assert all(gap == 10 or gap >= share * step for gap, step in zip(gaps, kept[1:], strict=True))
    # None is left out that is far enough from the one before.
    assert all(gap < share * step + 11 for gap, step in zip(gaps, kept[1:], strict=True))
    assert kept[: int(1 / share)] == [*range(0, 10 * int(1 / share), 10)]
    assert thinning.keeps("b", 4_999), "each tag for itself"


def test_the_last_is_kept_once() -> None:
    thinning = Thinning(1 / 6, {"a": 100})
    assert not thinning.keeps("a", 101)
    assert thinning.keeps("a", 101, always=True)
    assert not thinning.keeps("a", 101, always=True)


def test_a_training_that_goes_on_keeps_the_same(tmp_path: Path) -> None:
    whole, parts = TensorBoard(str(tmp_path / "whole")), TensorBoard(str(tmp_path / "parts"))
    logged(whole, range(EVERY, 80_001, EVERY), epoch=400)
    logged(parts, range(EVERY, 30_001, EVERY), epoch=400)
    sizes = parts.sizes()
    logged(parts, range(30_000 + EVERY, 40_001, EVERY), epoch=400)  # was killed then
    parts.experiment.close()
    again = TensorBoard(str(tmp_path / "parts"))
    again.rewind(sizes, 0.0)
    logged(again, range(30_000 + EVERY, 80_001, EVERY), epoch=400)
    for board in (whole, again):
        board.experiment.close()
    assert events(tmp_path / "parts") == events(tmp_path / "whole")
    files = [(tmp_path / name).glob("events.*") for name in ("whole", "parts")]
    assert last_steps(files[0]) == last_steps(files[1])

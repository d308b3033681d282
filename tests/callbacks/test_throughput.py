"""What the clock of a training counts and leaves out, and where its rates are shown."""

import csv
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import lightning as L
import pytest
import torch
from tests.conftest import Clock

from seqbench import attempt, compose
from seqbench.batch import Batch
from seqbench.callbacks.throughput import WARM_UP, Throughput, clock_stopped


def test_time_beside_the_training_does_not_count() -> None:
    clock = Throughput()
    module = cast(Any, SimpleNamespace(device=torch.device("cpu")))
    trainer = cast(Any, SimpleNamespace(callbacks=[clock]))
    with clock_stopped(trainer, module):  # no training as yet
        pass
    assert clock.epoch_since == 0
    clock.steps = WARM_UP
    clock.start(module)
    with clock_stopped(trainer, module):
        time.sleep(0.3)
    time.sleep(0.05)
    clock.stop(module)
    assert clock.seconds == pytest.approx(clock.epoch_seconds, abs=0.01)
    assert 0.05 <= clock.seconds < 0.3


class Other(L.Callback):
    """Takes its time wherever nothing is trained, and counts for itself."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tokens: list[int] = []

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Batch, _: int
    ) -> None:
        self.tokens.append(int(batch.lengths.sum()))

    def on_validation_end(self, *_: Any) -> None:
        self.clock.now += 100

    def on_train_epoch_start(self, *_: Any) -> None:
        self.clock.now += 100

    def on_train_epoch_end(self, *_: Any) -> None:
        self.clock.now += 100


@pytest.fixture
def words(tiny: list[str], composed_once: None) -> list[str]:
    """Four epochs of six steps."""
    return [*tiny, "trainer.max_epochs=4", "logger=none", "test=false"]


def trained(words: list[str], *also: L.Callback) -> int:
    """The status of a run with other callbacks beside its own."""

    def job(config: dict[str, Any], origin: Callable[[str], str]) -> int:
        attempt.train(config, also=also)
        return 0

    return compose.run(words, job)


def epoch_rates(here: Path) -> list[float]:
    (path,) = here.rglob("metrics.csv")
    with path.open() as file:
        rows = [row for row in csv.DictReader(file) if row["name"] == "tokens_per_second"]
    return [float(row["value"]) for row in rows]


def test_rates_are_of_training_alone(
    clock: Clock, words: list[str], here: Path, result: Callable[[Path], dict[str, Any]]
) -> None:
    """A step takes a second; half of the epochs' validations stand within them."""
    other = Other(clock)
    assert trained([*words, "trainer.val_check_interval=0.5"], other) == 0
    assert len(other.tokens) == 24
    rate = result(here)["throughput"]["train_tokens_per_second"]
    assert rate == pytest.approx(sum(other.tokens[10:]) / 14)
    # The first epoch is all warm-up, and of the second the first four steps are.
    parts = [other.tokens[a:b] for a, b in ((0, 6), (10, 12), (12, 18), (18, 24))]
    assert epoch_rates(here) == pytest.approx([sum(part) / len(part) for part in parts])


def test_an_epoch_that_a_budget_ends_counts_no_more_than_its_steps(
    clock: Clock, words: list[str], here: Path, result: Callable[[Path], dict[str, Any]]
) -> None:
    other = Other(clock)
    assert trained([*words, "budget.steps=15"], other) == 0
    rate = result(here)["throughput"]["train_tokens_per_second"]
    assert rate == pytest.approx(sum(other.tokens[10:]) / 5)


def test_a_process_that_goes_on_warms_up_anew(
    clock: Clock,
    words: list[str],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    stopped_after: Callable[[int | None], None],
) -> None:
    other = Other(clock)
    stopped_after(13)
    with pytest.raises(SystemExit):
        trained(words, other)
    stopped_after(None)
    assert trained(words, other) == 0
    assert len(other.tokens) == 24
    counted = [*other.tokens[10:13], *other.tokens[23:]]
    rate = result(here)["throughput"]["train_tokens_per_second"]
    assert rate == pytest.approx(sum(counted) / 4)


def test_the_bar_tells_the_rate_of_its_epoch_within_80_columns(
    clock: Clock,
    words: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seqbench.callbacks.progress.GLANCE", 0)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    assert trained([*words, "progress=bar"]) == 0
    states = re.findall(r"epoch \d/4: \|[^\r\n]*", capfd.readouterr().out)
    assert max(map(len, states)) <= 80
    rates = epoch_rates(here)
    for number, rate in enumerate(rates, start=1):
        last = [each for each in states if f"epoch {number}/4" in each and " 6/6 " in each][-1]
        assert ("tok/s" in last) == (number > 1)  # none within the warm-up
        assert number == 1 or f", tok/s={rate:.3g}, loss=" in last, last
        assert number == 1 or re.search(r"loss=\d\.\d+, val=0\.\d+\]", last), last

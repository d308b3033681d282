"""A training that a search watches, and gives up."""

import json
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from tests.board import tags
from tests.runs.twins import assert_twins, run_below

from seqbench import attempt, compose, runs
from seqbench.callbacks.pruning import Pruning, validations
from seqbench.searching import worker
from seqbench.searching.messages import Begun, Ended, Message, Validated, Waits
from seqbench.signals import Pruned

Watched = Callable[..., tuple[Ended, list[Message]]]


@pytest.fixture
def watched(here: Path, tiny: list[str], composed_once: None) -> Watched:
    """``watched(*words, answers=[None, "why"])``: how a trial ends, and what it had told."""

    def call(*words: str, answers: list[str | None]) -> tuple[Ended, list[Message]]:
        configs: list[dict[str, Any]] = []

        def job(config: dict[str, Any], origin: Callable[[str], str]) -> int:
            configs.append(config)
            return 0

        compose.run([*tiny, "test=false", *words], job)
        ours, theirs = Pipe()
        for answer in [*answers, *[None] * 9]:  # or it would wait for the tenth in vain
            ours.send(answer)
        ended = worker._trained(theirs, configs[0], "accuracy")
        told = received(ours)
        theirs.close()
        return ended, told

    return call


def received(line: "Connection[Any, Any]") -> list[Message]:
    messages = []
    while line.poll():
        messages.append(line.recv())
    return messages


def test_a_run_that_is_given_up_goes_on_as_if_it_never_had_been(
    here: Path, watched: Watched, train: Callable[..., int], tiny: list[str]
) -> None:
    words = ["trainer.max_epochs=3", "model.dropout=0.3"]
    ended, told = watched(*words, answers=[None, "why"])
    path = run_below(here / "outputs")
    run = str(path.relative_to(here))
    first, second = validations(path / "metrics.csv", "accuracy")
    assert not tags(path)["hparams"], "it has come to nothing yet"
    assert told == [
        Begun(run, ()),
        Validated(1, first, 6 / 18),
        Validated(2, second, 12 / 18),
    ]
    assert ended == Ended("pruned", "why", run=run)
    status = json.loads((path / "status.json").read_text())
    assert (status["status"], status["error"]) == ("interrupted", "pruned: why")
    assert f"pruned: why; resume={run}" in (path / "train.log").read_text()

    ended, told = watched(*words, answers=[])
    assert told[0] == Begun(run, (first, second))
    (last,) = told[1:]
    assert isinstance(last, Validated)
    assert (last.number, last.share) == (3, 1.0)
    assert ended.value == max(first, second, last.value)
    assert train(*tiny, *words, "test=false", "paths.output_dir=twin") == 0
    assert_twins(here / "outputs", here / "twin")

    ended, told = watched(*words, answers=[])
    assert told == []
    assert ended.found
    assert ended.earlier == (first, second, last.value)


def test_a_last_validation_gives_nothing_up(here: Path, watched: Watched) -> None:
    ended, _ = watched("trainer.max_epochs=1", answers=["why"])
    assert ended.state == "ok"
    assert json.loads((run_below(here) / "status.json").read_text())["status"] == "ok"


def test_it_trains_on_when_nobody_answers(here: Path, watched: Watched, tiny: list[str]) -> None:
    ours, theirs = Pipe()
    ours.close()
    assert Pruning(theirs)._ask(Validated(1, 0.5, 0.5)) is None


def test_a_trial_waits_for_another_process_at_its_run(
    here: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was told to end, and is not yet done with its checkpoint."""
    real, calls = attempt.train, []

    def busy_once(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise runs.busy(here / "outputs" / "seed-0-1")
        return real(*arguments, **named)

    monkeypatch.setattr(attempt, "train", busy_once)
    monkeypatch.setattr(attempt, "LOOK", 0.01)
    ended, told = watched("trainer.max_epochs=1", answers=[])
    assert isinstance(told[0], Waits)
    assert ended.state == "ok"


def test_a_cell_s_own_error_is_told_in_one_line(here: Path, watched: Watched) -> None:
    ended, _ = watched("model.dropout=2", answers=[])
    assert ended.state == "failed"
    assert "\n" not in ended.line
    assert "Traceback" in ended.traceback


def test_pruned_is_an_end_of_its_own() -> None:
    assert str(Pruned("why")) == "why"

"""Of several learning rates validation chooses one for each cell, and only that is tested."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench import compose
from seqbench.sweeps import choice
from seqbench.sweeps.record import Job

RATES = "optimizer.lr=1e30,0.01,1e-9"


def results(here: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in here.rglob("result.json")]


def test_only_what_validation_chose_is_tested(
    train: Callable[..., int],
    tiny: list[str],
    here: Path,
    composed_once: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    sgd = ["optimizer=sgd", "trainer.gradient_clip_val=null", "scheduler=constant"]
    sgd.append("trainer.max_epochs=1")
    line = ["-m", *tiny, *sgd, "model=irnn", "seed=0,1", RATES, "choose=[optimizer.lr]"]
    assert train(*line, "hydra/launcher=processes") == 1, "a rate of 1e30 fails"
    tested = [result for result in results(here) if result["seconds"]["test"] is not None]
    assert {result["config"]["optimizer"]["lr"] for result in tested} == {0.01}
    assert {result["seed"] for result in tested} == {0, 1}
    scores = {
        rate: [r["metrics"]["val"]["accuracy"] for r in results(here) if _rate(r) == rate]
        for rate in (0.01, 1e-9)
    }
    assert sum(scores[0.01]) > sum(scores[1e-9])
    out = capfd.readouterr().out
    assert "chosen on validation" in out
    assert "optimizer.lr=0.01" in out
    before = {path: path.stat().st_mtime_ns for path in here.rglob("last.ckpt")}
    assert train(*line) == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_nothing_is_chosen_while_runs_are_left(
    train: Callable[..., int],
    tiny: list[str],
    here: Path,
    composed_once: None,
    cells: Callable[..., str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = ["model=gru", cells("Raises", "Good"), "optimizer.lr=0.1,0.01", "choose=[optimizer.lr]"]
    line = ["-m", *tiny, *words, "trainer.max_epochs=1"]
    assert train(*line, "on_failure=stop") == 1
    assert "3 runs have not ended, so nothing is chosen" in capfd.readouterr().err
    assert results(here) == []
    (here / "mended").touch()
    assert train(*line) == 0
    assert sum(result["seconds"]["test"] is not None for result in results(here)) == 2


def _rate(result: dict[str, Any]) -> float:
    rate: float = result["config"]["optimizer"]["lr"]
    return rate


class Told(choice.Setting):
    """A setting whose score is given."""

    def score(self) -> tuple[int, float]:
        return {"a": (2, 0.9), "b": (1, 1.0), "c": (2, 0.95), "d": (2, 0.95), "e": (0, 0.0)}[
            self.label
        ]


def test_a_choice_with_which_seeds_fail_comes_behind_and_the_first_of_equals_wins() -> None:
    def told(others: str, labels: str) -> list[choice.Setting]:
        return [Told((others,), (label,), []) for label in labels]

    best = choice.best([*told("gru", "abcd"), *told("rnn", "be"), *told("lstm", "e")])
    assert [(each.others, each.label) for each in best] == [(("gru",), "c"), (("rnn",), "b")]


def test_settings_are_what_was_asked_but_the_seed() -> None:
    words = [
        ["model=a", "optimizer.lr=1", "seed=0"],
        ["model=a", "optimizer.lr=1", "seed=1"],
        ["model=a", "optimizer.lr=2", "seed=0"],
        ["model=b", "optimizer.lr=1", "seed=0"],
    ]
    jobs = [Job(number, each, {}) for number, each in enumerate(words)]
    found = choice.settings(jobs, ["optimizer.lr"])
    assert [[job.number for job in each.jobs] for each in found] == [[0, 1], [2], [3]]
    assert found[0].others == ("model=a",)


def test_all_cells_get_as_many_rates_and_seeds() -> None:
    found: list[compose.Composed] = []

    def keep(jobs: list[compose.Composed], launcher: compose.Launcher) -> int:
        found.extend(jobs)
        return 0

    words = ["+sweep=cells", "model=rnn,mgu", "seed=0,1"]
    assert compose.run(words, lambda config, origin: 1, keep) == 0
    counts = Counter((each.config["names"]["model"], each.config["seed"]) for each in found)
    assert counts == {(model, seed): 3 for model in ("rnn", "mgu") for seed in (0, 1)}
    assert {each.config["choose"][0] for each in found} == {"optimizer.lr"}
    rates = {each.config["optimizer"]["lr"] for each in found}
    assert len(rates) == 3


def test_a_number_at_the_edge_of_what_was_tried_is_noted() -> None:
    def rates(*values: str) -> list[choice.Setting]:
        return [choice.Setting(("model=a",), (f"optimizer.lr={v}", "model=b"), []) for v in values]

    tried = rates("1e-3", "0.003", "1e-2")
    notes = [choice.at_the_edge(each, tried) for each in tried]
    assert notes == [" (the least optimizer.lr tried)", "", " (the greatest optimizer.lr tried)"]
    assert choice.at_the_edge(tried[0], tried[:1]) == ""

"""Searches as a user starts them, each trial in a process of its own."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.processes import gpus as visible_gpus
from seqbench.search import main
from seqbench.searching import study
from seqbench.searching.study import Study
from seqbench.train import main as train

LR = "optimizer.lr=loguniform(1e-4,1e-1)"

PROPOSED = [f"optimizer.lr={lr}" for lr in ("0.004044", "0.08311", "0.004897", "0.002739")]
"""Of that range with seed 0, by the trials' numbers alone."""

Search = Callable[..., tuple[int, str, str]]


@pytest.fixture
def words(tiny: list[str]) -> list[str]:
    """Overrides of a training of six steps."""
    words = [word for word in tiny if not word.startswith("progress=")]
    return [*words, "trainer.max_epochs=1", "logger=none"]


@pytest.fixture
def search(here: Path, composed_once: None, capfd: pytest.CaptureFixture[str]) -> Search:
    """``search(*words)``: the status, the output and the errors of a search in this process."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main([*arguments])
        return status, *capfd.readouterr()

    return call


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in folder.rglob("result.json")]


def statuses(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in folder.rglob("status.json")]


def proposed(err: str) -> list[str]:
    """The values of each trial that has ended, by its number."""
    told = [line.split("  ") for line in err.splitlines() if line.startswith("trial ")]
    return [parts[1] for parts in sorted(told)]


def test_a_search_goes_on_and_its_best_is_trained_by_the_lines_that_it_prints(
    search: Search, words: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = [*words, LR]
    status, _, first = search(*line, "--trials", "2")
    assert status == 0
    status, out, second = search(*line, "--trials", "4")
    assert status == 0
    assert "2 of 4 trials are done" in second
    assert len(proposed(first)) == len(proposed(second)) == 2
    assert [*proposed(first), *proposed(second)] == PROPOSED

    found = results(here / "outputs")
    assert len(found) == 4
    for result in found:
        assert set(result["metrics"]) == {"train", "val"}
        assert result["seconds"]["test"] is None
    best = max(result["metrics"]["val"]["accuracy"] for result in found)
    assert f"accuracy {best:.4f} on validation" in out
    assert "4 trials: 4 ok" in out

    plain, experiment = out.splitlines()[-2:]
    (journal,) = (here / "outputs" / "searches").glob("*.journal")
    assert shlex.split(experiment)[3:] == [
        "--config-dir",
        "outputs/searches",
        f"experiment={journal.stem}",
    ]
    assert train(shlex.split(experiment)[3:]) == 0
    assert "trained already, testing it" in capfd.readouterr().err
    assert train(shlex.split(plain)[3:]) == 0
    assert "trained already; force=true" in capfd.readouterr().err
    tested = [result for result in results(here / "outputs") if "test" in result["metrics"]]
    assert [result["metrics"]["val"]["accuracy"] for result in tested] == [best]
    assert len(results(here / "outputs")) == 4

    before = journal.read_bytes()
    status, again, err = search(*line, "--trials", "3")
    assert status == 0
    assert proposed(err) == []
    assert "4 trials: 4 ok" in again
    assert journal.read_bytes() == before


def test_two_workers_propose_the_same_and_share_the_cores(
    search: Search, words: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqbench.processes.cores", lambda: 6)
    line = [*(word for word in words if word != "threads=1"), LR, "--pruning", "none"]
    status, _, err = search(*line, "--trials", "2", "--workers", "2")
    assert status == 0
    assert {result["environment"]["threads"] for result in results(here)} == {3}
    (journal,) = here.rglob("*.journal")
    kept = [json.loads(entry)["op_code"] for entry in journal.read_text().splitlines()]
    assert [code for code in kept if code in (4, 6)] == [4, 4, 6, 6], "asked, asked, told, told"
    assert proposed(err) == PROPOSED[:2]


@pytest.fixture
def doomed(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """``doomed(times, whom)``: overrides for a cell that so often ends processes."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "packages"))
    marks = here.parent / "marks"
    marks.mkdir()

    def overrides(times: int, whom: str) -> list[str]:
        cell = f"{{_target_: doomed.cells.Doomed, folder: {marks}, times: {times}, whom: {whom}}}"
        return ["~model.cell", f"+model.cell={cell}", "callbacks.checkpoint.every_n_steps=1"]

    return overrides


def test_a_killed_trial_goes_on_and_one_that_is_killed_again_has_failed(
    search: Search, words: list[str], doomed: Callable[..., list[str]], here: Path
) -> None:
    status, out, err = search(*words, *doomed(3, "me"), LR, "--trials", "2")
    assert status == 0
    told = [line for line in err.splitlines() if "SIGKILL" in line]
    assert [line[:7] for line in told] == ["trial 1", "trial 1", "trial 2"]
    assert "it is taken up again" in told[0]
    assert "failed: its process was ended by SIGKILL" in told[1]
    assert "for the second time" in told[1]
    assert "2 trials: 1 ok, 1 failed" in out
    left = [(each["status"], len(each["resumed"])) for each in statuses(here)]
    assert sorted(left) == [("ok", 1), ("running", 1)]
    assert "experiment=" not in out, "no yaml takes a key away"


def test_a_search_that_is_told_to_end_goes_on_with_the_trial_under_way(
    search: Search, words: list[str], doomed: Callable[..., list[str]], here: Path
) -> None:
    line = [*words, "trainer.max_epochs=2", *doomed(1, "parent"), LR, "--trials", "2"]
    status, _, err = search(*line)
    assert status == 143
    assert "ended; 0 of 2 trials are done" in err
    (told,) = statuses(here)
    assert told["status"] == "interrupted"
    status, out, err = search(*line)
    assert status == 0
    assert "2 trials: 2 ok" in out
    assert sorted(len(each["resumed"]) for each in statuses(here)) == [0, 1]


def test_what_lags_is_given_up_and_can_be_gone_on_with(
    search: Search,
    words: list[str],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked: list[tuple[int, float]] = []

    def lags(self: Study, number: int, share: float) -> bool:
        asked.append((number, share))
        return number == 1 and share < 1

    monkeypatch.setattr(study.Study, "lags", lags)
    status, out, err = search(*words, "trainer.max_epochs=2", LR, "--trials", "2")
    assert status == 0
    assert asked == [(0, 0.5), (0, 1.0), (1, 0.5)]
    assert "2 trials: 1 ok, 1 pruned" in out
    assert "  pruned  " in err
    (given,) = (path for path in here.rglob("status.json") if "pruned" in path.read_text())
    assert json.loads(given.read_text())["error"] == (
        "pruned: at validation 1 its best accuracy is worse than the median of the trials before"
    )
    assert train([f"resume={given.parent}"]) == 0
    assert "going on from step 6" in capfd.readouterr().err
    assert len(results(here)) == 2


def test_a_full_disk_is_no_trial_s_fault(
    search: Search, words: list[str], doomed: Callable[..., list[str]], here: Path
) -> None:
    line = [*words, *doomed(1, "disk"), LR, "--trials", "1"]
    status, out, err = search(*line)
    assert (status, out) == (1, "")
    assert "no space left on the disk" in err.splitlines()[-1]
    status, out, err = search(*line)
    assert status == 0
    assert "1 trial: 1 ok" in out


@pytest.mark.parametrize(
    ("named", "gpus"), [("", []), ("3", ["3"]), ("GPU-a,GPU-b", ["GPU-a", "GPU-b"])]
)
def test_workers_share_the_gpus_that_are_visible(
    monkeypatch: pytest.MonkeyPatch, named: str, gpus: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == gpus


def test_trials_that_fail_are_told_and_the_search_goes_on(search: Search, words: list[str]) -> None:
    status, out, err = search(*words, "optimizer.lr=1e38,0.01", "optimizer=sgd", "--trials", "3")
    assert status == 0
    assert "failed: step " in err
    assert "Traceback" not in err
    assert "3 trials: " in out
    assert " failed" in out


def test_a_search_needs_optuna(
    search: Search, words: list[str], monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    status, out, err = search(*words, LR)
    assert (status, out) == (2, "")
    assert err == "seqbench: a search needs Optuna: pip install 'seqbench[search]'\n"
    assert list(here.iterdir()) == []

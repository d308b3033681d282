"""Baselines as a user starts them: run directories like any other, found again, ended early."""

import csv
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.baseline import main
from seqbench.classical.base import Choice
from seqbench.classical.reading import written
from seqbench.runs import Run

Called = tuple[int, str, str]
NAMES = ["task=names", "threads=1", "progress=lines"]


@pytest.fixture
def call(
    here: Path, composed_once: None, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Called]:
    """``call(*words)``: status, output and errors of the verb, in this process."""

    def run(*words: str) -> Called:
        capfd.readouterr()
        status = main([*words])
        return status, *capfd.readouterr()

    return run


def read(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "result.json").read_text("utf-8"))
    return content


def test_a_baseline_leaves_a_run_as_a_training_does(
    call: Callable[..., Called], here: Path, sums_run: Path
) -> None:
    status, out, err = call("task=pets", "threads=1", "progress=lines")
    assert status == 0, err
    (run,) = here.glob("outputs/pets/char_ngrams/seed-0-*")
    result, network = read(run), read(sums_run)
    assert network.keys() - result.keys() == set()
    assert result.keys() - network.keys() == {"kind", "deterministic", "baseline"}
    assert (result["kind"], result["deterministic"]) == ("baseline", True)
    assert network["environment"].keys() < result["environment"].keys()
    assert network["seconds"].keys() == result["seconds"].keys()
    assert result["config"].keys() < {*network["config"], "baseline"}
    assert set(result["metrics"]) == set(result["reports"]) == {"train", "val", "test"}
    assert set(result["metrics"]["test"]) == {"loss", "accuracy", "macro_f1", "auroc"}
    assert result["slices"]["test"]["length"]
    assert result["parameters"] > result["data"]["vocabulary_size"]
    assert result["peak_memory_bytes"] > 0

    best = max(result["baseline"]["tried"], key=lambda each: (each["accuracy"], -each["loss"]))
    assert result["baseline"]["chosen"] == {key: best[key] for key in ("ngrams", "C")}
    assert best["accuracy"] == result["metrics"]["val"]["accuracy"]
    assert len(result["baseline"]["tried"]) > 4
    assert (
        result["metrics"]["test"]["accuracy"] > result["baselines"]["majority"]["test"]["accuracy"]
    )

    assert "pets / char_ngrams, a baseline" in out
    assert f"best on validation of {len(result['baseline']['tried'])} settings" in out
    assert "majority" in out
    state = json.loads((run / "status.json").read_text("utf-8"))
    assert (state["status"], state["kind"], state["group"]) == ("ok", "baseline", result["group"])
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["split"], row["name"]): float(row["value"]) for row in csv.DictReader(file)}
    told = {(s, n): v for s, values in result["metrics"].items() for n, v in values.items()}
    assert rows == told
    assert "ngrams 1-2" in (run / "train.log").read_text("utf-8")
    assert (run / "config.yaml").exists()


def test_it_is_found_again_fitted_anew_and_tested_later(
    call: Callable[..., Called], here: Path
) -> None:
    assert call(*NAMES, "test=false")[0] == 0
    (first,) = here.glob("outputs/names/ngram_lm/seed-0-*")
    assert set(read(first)["metrics"]) == {"train", "val"}
    assert read(first)["seconds"]["test"] is None
    status, out, err = call(*NAMES)
    assert status == 0
    assert "without its test; fitting anew" in err
    second = first.with_name(f"{first.name}-2")
    assert set(read(second)["metrics"]) == {"train", "val", "test"}
    status, out, err = call(*NAMES)
    assert "fitted already; force=true fits it anew" in err
    assert str(second.relative_to(here)) in out
    assert call(*NAMES, "force=true")[0] == 0
    third = first.with_name(f"{first.name}-3")
    assert read(third)["metrics"] == read(second)["metrics"], "it is deterministic"
    assert read(third)["baseline"] == read(second)["baseline"]
    assert read(second)["metrics"]["test"]["bits_per_character"] < min(
        scores["test"]["bits_per_character"] for scores in read(second)["baselines"].values()
    )


def test_other_data_are_another_run(call: Callable[..., Called], here: Path) -> None:
    words = [*NAMES, "task.path=names.txt"]
    for names in ("anna\nhanna\nanne\nhanne\nann\nhan\n" * 2, "otto\nhanna\nann\nhan\nanne\n"):
        (here / "names.txt").write_text(names)
        assert call(*words)[0] == 0
    assert len(list(here.glob("outputs/names/ngram_lm/seed-0-*"))) == 2


def test_it_can_be_ended_and_is_fitted_in_the_same_directory(
    call: Callable[..., Called], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Choice.offer

    def struck(self: Choice, *arguments: Any) -> Any:
        if len(self.tried) == 2:
            signal.raise_signal(signal.SIGTERM)
        return real(self, *arguments)

    monkeypatch.setattr(Choice, "offer", struck)
    before = signal.getsignal(signal.SIGTERM)
    status, out, err = call(*NAMES)
    assert (status, out) == (143, "")
    assert "interrupted; the same command fits it anew" in err
    assert signal.getsignal(signal.SIGTERM) is before
    (run,) = here.glob("outputs/names/ngram_lm/seed-0-*")
    assert Run(run).status() == "interrupted"
    assert not (run / "result.json").exists()
    monkeypatch.setattr(Choice, "offer", real)
    status, _, err = call(*NAMES)
    assert status == 0
    assert "interrupted; fitting it anew there" in err
    assert [*here.glob("outputs/names/ngram_lm/seed-0-*")] == [run]
    assert len(json.loads((run / "status.json").read_text("utf-8"))["resumed"]) == 1
    lines = (run / "metrics.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + 3 * 3


def test_what_fails_is_told_and_kept(
    call: Callable[..., Called], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(self: Choice, *arguments: Any) -> Any:
        raise MemoryError("8 GiB")

    monkeypatch.setattr(Choice, "offer", short)
    status, out, err = call(*NAMES)
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith("seqbench: not enough memory to fit ngram_lm")
    (run,) = here.glob("outputs/names/ngram_lm/seed-0-*")
    assert Run(run).status() == "failed"
    assert "not enough memory" in (run / "train.log").read_text("utf-8")


def test_the_test_is_read_once_and_last(
    call: Callable[..., Called], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = written, list[int]()

    def watched(data: Any, spec: Any) -> Any:
        seen.append(len(data))
        return real(data, spec)

    monkeypatch.setattr("seqbench.classical.ngram_lm.written", watched)
    assert call(*NAMES)[0] == 0
    (run,) = here.glob("outputs/names/ngram_lm/seed-0-*")
    sizes = read(run)["data"]["sizes"]
    assert len({*sizes.values()}) == 3
    assert seen[-1] == sizes["test"]
    assert seen.count(sizes["test"]) == 1

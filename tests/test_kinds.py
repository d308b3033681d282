"""Sequences into sequences, and series into numbers, through the command lines."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqbench
from seqbench import evaluate, predict

QUICK = ["model=gru", "trainer.accelerator=cpu", "logger=none", "progress=none", "threads=1"]


@pytest.fixture(scope="session")
def dates_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder and decoder that has seen a few dates."""
    small = ["task.train_size=300", "task.val_size=30", "task.test_size=30", "model.hidden_size=16"]
    return trained(tmp_path_factory.mktemp("dates"), "task=dates", "trainer.max_epochs=2", *small)


@pytest.fixture(scope="session")
def series_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that predicts the two columns of a file by a window of five steps."""
    place = tmp_path_factory.mktemp("series")
    series(place / "waves.csv", 400)
    return trained(
        place,
        "task=forecast",
        f"task.path={place / 'waves.csv'}",
        "task.window=5",
        "task.horizon=2",
        "task.time_column=t",
        "model.hidden_size=16",
        "optimizer.lr=0.02",
        "trainer.max_epochs=8",
    )


def series(file: Path, rows: int) -> None:
    """A wave around 100, and another around 0, whose amplitudes are 10 and 1."""
    lines = [f"{i},{100 + 10 * math.sin(i / 3)},{math.cos(i / 3)}" for i in range(rows)]
    file.write_text("\n".join(["t,high,low", *lines, ""]))


def trained(place: Path, *words: str) -> Path:
    paths = [f"paths.output_dir={place / 'outputs'}", f"paths.cache_dir={place / 'cache'}"]
    return seqbench.run([*QUICK, *words, *paths]).path


def test_a_date_becomes_a_text(dates_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict.main([str(dates_run), "3 March 1999", "x", ""]) == 2
    assert "text 3 is empty" in capsys.readouterr().err
    assert predict.main([str(dates_run), "3 March 1999", "ж"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert set(first) == {"text", "label", "probabilities", "tokens", "unknown"}
    assert isinstance(first["label"], str)
    assert set(first["label"]) <= set("0123456789-")
    assert len(first["probabilities"]) in (len(first["label"]), len(first["label"]) + 1)
    assert (first["tokens"], second["unknown"]) == (12, 1)


def test_a_prediction_does_not_depend_on_its_company(dates_run: Path) -> None:
    model = seqbench.load(dates_run)
    texts = ["3 March 1999", "Wednesday, 13 September 2034", "1.1.70"]
    together = [found.label for found in model.predict(texts)]
    assert together == [model.predict([text])[0].label for text in texts]


def test_dates_are_measured_and_so_is_a_file_of_them(
    dates_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = json.loads((dates_run / "result.json").read_text())["metrics"]["test"]
    assert evaluate.main([str(dates_run), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["metrics"]
    assert again == pytest.approx(kept, rel=1e-5)
    assert set(again) == {"loss", "accuracy", "exact_match"}
    (here / "mine.tsv").write_text("3 March 1999\t1999-03-03\n1.2.03\t2003-02-01\n")
    assert evaluate.main([str(dates_run), "--data", "mine.tsv"]) == 0
    assert "mine.tsv: 2 dates" in capsys.readouterr().out


def test_a_window_becomes_numbers_in_its_own_units(
    series_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [(100 + 10 * math.sin(i / 3), math.cos(i / 3)) for i in range(20, 27)]
    window = "; ".join(f"{high} {low}" for high, low in steps[:5])
    assert predict.main([str(series_run), window]) == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert set(line) == {"tokens", "unknown", "values"}
    assert line["tokens"] == 5
    assert [*line["values"]] == ["high t+1", "low t+1", "high t+2", "low t+2"]
    for name, wanted in zip(line["values"], [*steps[5], *steps[6]], strict=True):
        assert line["values"][name] == pytest.approx(wanted, abs=3 if "high" in name else 0.4)
    assert predict.main([str(series_run), window, "--format", "table"]) == 0
    grid = capsys.readouterr().out.split("\n")
    assert grid[0].split() == ["high", "low"]
    assert [row.split()[0] for row in grid[1:3]] == ["t+1", "t+2"]


def test_a_series_goes_on_from_its_end(
    series_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series(here / "more.csv", 60)
    assert predict.main([str(series_run), "--data", "more.csv"]) == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["values"]["high t+1"] == pytest.approx(100 + 10 * math.sin(20), abs=3)
    by_hand = [[100 + 10 * math.sin(i / 3), math.cos(i / 3)] for i in range(55, 60)]
    (wanted,) = seqbench.load(series_run).predict([by_hand])  # type: ignore[list-item]
    assert line["values"] == pytest.approx(wanted.values, rel=1e-4)


def test_of_a_longer_history_the_last_steps_are_read(series_run: Path) -> None:
    model = seqbench.load(series_run)
    steps = [[100 + 10 * math.sin(i / 3), math.cos(i / 3)] for i in range(9)]
    short, long = model.predict([steps[4:], steps])  # type: ignore[list-item]
    assert short.values == pytest.approx(long.values, rel=1e-5)


def test_forecasts_beat_the_baselines_and_are_measured_again(
    series_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content: dict[str, Any] = json.loads((series_run / "result.json").read_text())
    test = content["metrics"]["test"]
    assert test["rmse"] < content["baselines"]["last"]["test"]["rmse"]
    assert content["slices"]["test"]["output"]["low t+1"]["mae"] < 0.3
    assert evaluate.main([str(series_run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == pytest.approx(test, rel=1e-4)
    series(here / "more.csv", 30)
    assert evaluate.main([str(series_run), "--data", "more.csv"]) == 0
    out = capsys.readouterr().out
    assert "more.csv: 24 windows" in out
    assert "last" in out


BAD: list[tuple[str, list[str], list[str]]] = [
    ("predict", ["1 2 3"], ["text 1", "3 numbers", "2 a step"]),
    ("predict", ["1 2 3 4"], ["text 1", "2 steps", "reads 5"]),
    ("predict", ["1 2 three 4"], ["text 1", "numbers with spaces"]),
    ("predict", ["1 2 nan 4 5 6 7 8 9 10"], ["text 1", "nan"]),
    ("evaluate", ["--data", "short.csv"], ["short.csv", "3 rows", "take 7"]),
    ("evaluate", ["--data", "gap.csv"], ["gap.csv: line 5", "a gap"]),
    ("predict", ["--data", "gap.csv"], ["gap.csv: line 5", "a gap"]),
    ("predict", ["--data", "short.csv"], ["the end of short.csv", "3 steps", "reads 5"]),
    ("predict", ["--data", "short.csv", "1 2"], ["--data", "alone"]),
    ("evaluate", ["--data", "other.csv"], ["other.csv", "no column 'high'"]),
    ("evaluate", ["--data", "none.csv"], ["none.csv", "No such file"]),
]


@pytest.mark.parametrize(("verb", "words", "parts"), BAD)
def test_bad_input_is_one_line(
    series_run: Path,
    here: Path,
    capfd: pytest.CaptureFixture[str],
    verb: str,
    words: list[str],
    parts: list[str],
) -> None:
    series(here / "short.csv", 3)
    (here / "gap.csv").write_text("t,high,low\n0,1,1\n1,1,1\n2,1,1\n4,1,1\n5,1,1\n6,1,1\n7,1,1\n")
    (here / "other.csv").write_text("t,hihg,low\n0,1,1\n")
    main: Callable[[list[str]], int] = {"predict": predict, "evaluate": evaluate}[verb].main
    assert main([str(series_run), *words]) == 2
    out, err = capfd.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    for part in parts:
        assert part in err

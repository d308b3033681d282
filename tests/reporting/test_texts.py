"""The same numbers on a terminal, as Markdown, CSV and JSON, whatever stands in a name."""

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from tests.reporting.conftest import MakeRun, read

from seqbench.reporting import texts
from seqbench.reporting.boards import Wanted, report
from seqbench.reporting.leaderboard import Report
from seqbench.reporting.picture import Picture


@pytest.fixture
def found(make_run: MakeRun, tmp_path: Path) -> Report:
    for seed in range(4):
        make_run("lstm", seed, 0.90 + 0.01 * seed, curve=[0.1, 0.9])
        make_run("rnn", seed, 0.5, curve=[0.1, 0.5])
    make_run("rnn", 4, status="failed")
    make_run("gru", 0, 0.7)
    return report(read([str(tmp_path)]), ["outputs"], Wanted())


def shown(found: Report, width: int) -> str:
    text = io.StringIO()
    texts.show(found, Console(file=text, width=width, highlight=False, markup=False))
    return text.getvalue()


def test_the_terminal_s_table(found: Report) -> None:
    lines = shown(found, 200).splitlines()
    assert lines[0] == "toy: accuracy on test, higher is better"
    row = next(line for line in lines if line.startswith("rnn"))
    assert row.split() == [
        "rnn", "0.5000", "[0.5000,", "0.5000]", "0.5000", "0.0000", "4,", "1", "failed",
        "-0.4150", "[-0.4250,", "-0.4050]", "0.029", "0.5000",
    ]  # fmt: skip
    assert any(line.startswith("lstm") and "best" in line for line in lines)
    assert any("rnn: 1 of 5 runs failed" in line for line in lines)
    assert lines[-1] == "10 runs: 9 ok, 1 failed; outputs"


@pytest.mark.parametrize("width", [40, 80, 100])
def test_a_narrow_terminal_folds_no_number(found: Report, width: int) -> None:
    wide, narrow = shown(found, 300), shown(found, width)
    assert max(map(len, narrow.splitlines())) <= width
    numbers = {word for line in wide.splitlines() for word in line.split() if word[0].isdigit()}
    assert numbers <= {*narrow.split()}


def test_csv_has_a_line_a_row_and_full_numbers(found: Report) -> None:
    rows = {row["row"]: row for row in csv.DictReader(io.StringIO(texts.as_csv(found)))}
    assert set(rows) == {"lstm", "rnn", "gru"}
    assert float(rows["lstm"]["mean"]) == pytest.approx(0.915)
    assert rows["rnn"]["failed"] == "1"
    assert float(rows["rnn"]["p_holm"]) == pytest.approx(2 / 70)
    assert rows["gru"]["low"] == ""
    assert rows["lstm"]["command"].endswith("model=lstm seed=0,1,2,3")


def test_json_has_each_run_and_no_nan(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("lstm", 0, float("nan"))
    make_run("lstm", 1, status="failed")
    content = json.loads(texts.as_json(report(read([str(tmp_path)]), [], Wanted())))
    (board,) = content["leaderboards"]
    (row,) = board["rows"]
    assert row["mean"] is None
    assert [run["state"] for run in row["runs"]] == ["ok", "failed"]
    assert row["runs"][1]["error"] == "RunError: it fell over"
    assert content["counts"] == {"ok": 1, "failed": 1}


def test_markdown(found: Report) -> None:
    drawn = {"toy": [("pictures/toy.svg", Picture("toy", "Curves", "What is seen.", "<svg/>"))]}
    lines = texts.markdown(found, drawn).splitlines()
    assert lines[0] == "# Results"
    assert lines[2] == "10 runs: 9 ok, 1 failed; outputs"
    assert "## toy: accuracy on test, higher is better" in lines
    assert (
        "| lstm | 0.9150 | [0.9050, 0.9250] | 0.9150 | 0.0129 | 4 | best |  |  | 0.9150 |" in lines
    )
    assert "![Curves](pictures/toy.svg)" in lines
    assert any(line.startswith("python -m seqbench.train -m task=toy") for line in lines)
    tables = [line for line in lines if line.startswith("| ")]
    assert {line.count(" | ") for line in tables[:4]} == {9}


HOSTILE = "<script>alert(1)</script>|[x](http://e.vil)\n\x1b[2J\u202e`*"


def test_names_stay_words(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("lstm")
    result = json.loads((run / "result.json").read_text())
    result |= {"model": HOSTILE, "task": HOSTILE}
    (run / "result.json").write_text(json.dumps(result))
    found = report(read([str(tmp_path)]), [HOSTILE], Wanted())
    assert "\x1b" not in shown(found, 200)
    text = texts.markdown(found, {})
    assert "<script>" not in text
    assert "[x](" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    row, *_ = (line for line in text.splitlines() if line.startswith("| &lt;script"))
    assert row.replace("\\|", "").count("|") == 5 + 1
    assert json.loads(texts.as_json(found))["leaderboards"][0]["task"] == HOSTILE

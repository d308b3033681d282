"""What a row's turns become, and the page that shows them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.__main__ import main
from benchmarks.row import Row, SkippedError, Turn, at_least, at_most
from benchmarks.rows import rows

from benchmarks import measure, results

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def turns(repeats: int) -> Iterator[Turn]:
    yield from [Turn(2.0, 8.0, {"seen": n}) for n in range(repeats - 1)]
    yield Turn(2.0, 2.0, {"seen": 9})


def made(monkeypatch: pytest.MonkeyPatch, row: Row) -> dict[str, Any]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(measure, "rows", lambda: {"row": row})
    return measure._measure("row", None, False)


@pytest.mark.parametrize(
    ("target", "speedup", "ratio", "reached"),
    [
        (at_most(0.25), False, 0.25, True),
        (at_most(0.2), False, 0.25, False),
        (at_least(4), True, 4.0, True),
        (at_least(4.1), True, 4.0, False),
        (None, True, 4.0, None),
    ],
)
def test_a_ratio_is_the_median_of_the_turns(
    monkeypatch: pytest.MonkeyPatch, target: Any, speedup: bool, ratio: float, reached: bool | None
) -> None:
    row = Row("row", "it", "own", "other", "s", turns, target, speedup)
    result = made(monkeypatch, row)
    assert (result["ratio"], result["reached"]) == (ratio, reached)
    assert result["facts"] == {"seen": 2}
    assert len(result["ratios"]) == row.repeats
    assert f"ratio {ratio:g} (" in results.line("row", result)
    assert "0.25 to 1)" in results.line("row", result) or "1 to 4)" in results.line("row", result)


def test_a_row_that_cannot_be_measured_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(repeats: int) -> Iterator[Turn]:
        raise SkippedError("bring data")
        yield

    result = made(monkeypatch, Row("row", "it", "own", "other", "s", none))
    assert results.line("row", result) == "row: skipped: bring data"


def test_rows_measured_before_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    result = made(monkeypatch, Row("row", "it", "own", "other", "s", turns))
    for name in ("b", "a --threads 1", "gone", "a"):
        results.keep(name, result, ["a", "b"], path)
    assert [*results.read(path)] == ["a", "a --threads 1", "b"]
    assert results.table(results.read(path)).count("\n") == 2 + 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "nosuch: no row begins so; --list names them"),
        (["--repeats", "0"], "--repeats is at least 1"),
        (["--threads", "-1"], "--threads is at least 1"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_whole_name_is_that_row_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "padding"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["padding"]


def test_rows_are_named_once_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "step", "tiny"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 6
    assert [line.split()[0] for line in listed] == [
        name for name in rows() if name.startswith(("step", "tiny"))
    ]


def test_the_page_has_what_was_measured() -> None:
    kept = results.read()
    assert results.table(kept) in PAGE.read_text("utf-8")
    assert {name.split()[0] for name in kept} <= set(rows())
    assert kept

"""Places that cannot be written to, and names of places that work however odd they look."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]
Accepted = Callable[..., tuple[str, str]]

NAMES = [
    "two words",
    "Клички, все",
    "a=b",
    "it's",
    'the "best"',
    "[x]{y}(z)",
    "$HOME",
    "#1 ~x",
    "-dash",
    ".dot",
    "back\\slash",
    "${seed}",
    "100% *?",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_works_from_start_to_end(
    accepted: Accepted, small: list[str], here: Path, rows: str, name: str
) -> None:
    (here / name).mkdir()
    data = Path(name) / f"{name}.csv"
    (here / data).write_text(rows, "utf-8")
    outputs = f"{name}/runs {name}"
    accepted("train", *small, f"task.path={data}", f"paths.output_dir={outputs}")
    (status,) = (here / name).rglob("status.json")
    assert status.is_relative_to(here / outputs)
    run = f"./{status.parent.relative_to(here)}"
    (here / name / "texts").write_text("ab\ncd\n")
    out, _ = accepted("predict", run, f"--input={name}/texts")
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["ab", "cd"]
    accepted("evaluate", run)
    accepted("evaluate", run, f"--data={data}")


@pytest.mark.parametrize("place", ["taken", "taken/below", "/dev/null/x", "/proc/nowhere"])
def test_runs_go_into_a_directory(
    refused: Refused, tiny: list[str], here: Path, place: str
) -> None:
    (here / "taken").write_text("a file")
    refused("train", *tiny, f"paths.output_dir={place}", parts=["cannot write to", place])


@pytest.mark.parametrize("place", ["~nobody_at_all/x", "a" * 300])
def test_runs_go_where_there_can_be_one(refused: Refused, tiny: list[str], place: str) -> None:
    refused("train", *tiny, f"paths.output_dir={place}", parts=[place[:20], "no usable path"])


@pytest.mark.parametrize("place", ["taken", "taken/below", "/proc/nowhere"])
def test_the_cache_must_be_writable(
    refused: Refused, small: list[str], here: Path, rows: str, place: str
) -> None:
    (here / "taken").write_text("a file")
    (here / "a.csv").write_text(rows)
    words = ["task.path=a.csv", f"paths.cache_dir={place}"]
    refused("train", *small, *words, parts=["cache", place, "SEQBENCH_CACHE_DIR"])


def test_a_file_on_the_way_to_the_data(refused: Refused, small: list[str], here: Path) -> None:
    (here / "taken").write_text("a file")
    refused("train", *small, "task.path=taken/a.csv", parts=["taken/a.csv", "no such file"])
    refused("predict", "taken/run", "a", parts=["taken/run", "no such run"])


def test_the_data_directory(
    refused: Refused, small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQBENCH_DATA_DIR", "~nobody_at_all")
    refused("train", *small, "task.folder=x", parts=["~nobody_at_all", "no usable path"])

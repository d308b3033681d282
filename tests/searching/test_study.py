"""What a search's journal keeps, and how it outlives the processes that write it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from filelock import FileLock

from seqbench.errors import UserError
from seqbench.searching.about import About
from seqbench.searching.ranges import Numbers
from seqbench.searching.study import STARTUP, Study, opened

LR = Numbers("lr", 1e-4, 1.0, whole=False, log=True)
ABOUT = About("pets-1", ["lr=loguniform(1e-4,1)"], "1", {"lr": ["loguniform"]}, "accuracy", "max")


@contextmanager
def at(
    file: Path, about: About = ABOUT, seed: int = 0, sampler: Literal["tpe", "random"] = "tpe"
) -> Iterator[Study]:
    with opened(file, about, [LR], sampler, seed) as study:
        yield study


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "searches" / "a.journal"


def rates(study: Study) -> list[Any]:
    return [trial.values["lr"] for trial in study.trials()]


def search(study: Study, count: int) -> None:
    """Of what is best near 0.01."""
    for _ in range(count):
        trial = study.ask()
        rate = trial.values["lr"]
        assert isinstance(rate, float)
        study.tell(trial.number, "ok", -abs(rate - 0.01), run=f"outputs/{trial.number}")


def test_a_search_that_goes_on_proposes_what_one_without_a_break_does(
    file: Path, tmp_path: Path
) -> None:
    """Beyond the first ten, which are drawn, TPE learns from the journal."""
    with at(tmp_path / "whole.journal") as study:
        search(study, 14)
        whole = rates(study)
    for _ in range(7):
        with at(file) as study:
            search(study, 2)
    with at(file) as study:
        assert rates(study) == whole
        assert len({*whole}) == 14
        best = study.best()
    assert best[0].value == max(trial.value or -1.0 for trial in best)
    assert best[0].run == f"outputs/{best[0].number}"


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_seed_decides(tmp_path: Path, sampler: Literal["tpe", "random"]) -> None:
    found = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        with at(tmp_path / name, seed=seed, sampler=sampler) as study:
            search(study, 2)
            found.append(rates(study))
    assert found[0] == found[1]
    assert not {*found[0]} & {*found[2]}


def test_a_trial_under_way_is_kept_and_one_that_was_never_whole_counts_for_nothing(
    file: Path,
) -> None:
    with at(file) as study:
        running = study.ask()
        study.report(running.number, 1, 0.5)
        study.storage.create_new_trial(study.storage.get_study_id_from_name(ABOUT.name))
    with at(file) as study:
        assert study.trials() == [running]
        assert study.ask().number == 2
        study.tell(running.number, "pruned", error="why")
    with at(file) as study:
        first, second = study.trials()
        assert (first.state, first.value, first.error) == ("pruned", 0.5, "why")
        assert second.state is None


def test_a_half_line_and_locks_of_the_dead_are_no_hindrance(file: Path) -> None:
    with at(file) as study:
        search(study, 1)
    whole = file.read_bytes()
    file.write_bytes(whole + whole.splitlines()[-1][:20])
    Path(f"{file}.lock").touch()
    began = time.monotonic()
    with at(file) as study:
        assert len(study.trials()) == 1
        search(study, 1)
    assert time.monotonic() - began < 15, "Optuna waits for 30 s"
    with at(file) as study:
        assert len(study.trials()) == 2
    assert file.read_bytes().startswith(whole)


def test_one_process_at_a_time(file: Path) -> None:
    with at(file):
        pass
    before = file.read_bytes()
    lock = FileLock(file.with_name(f".{file.name}.lock"))
    with lock, pytest.raises(UserError) as refused, at(file):
        pass
    assert "another process is at this search" in str(refused.value)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(ABOUT, ranges={"lr": ["uniform"]}), "other ranges"),
        (replace(ABOUT, words=["task=names"], identity="2"), "other words"),
        (replace(ABOUT, identity="2"), "other data, code or settings"),
        (replace(ABOUT, name="names-1", identity="2", words=["x"]), "other words"),
    ],
)
def test_the_journal_of_another_search(file: Path, other: About, said: str) -> None:
    with at(file) as study:
        search(study, 1)
    before = file.read_bytes()
    with pytest.raises(UserError, match=said), at(file, other):
        pass
    assert file.read_bytes() == before


def test_other_words_for_the_same_search_are_the_same(file: Path) -> None:
    with at(file) as study:
        search(study, 1)
    with at(file, replace(ABOUT, words=["progress=lines", *ABOUT.words])) as study:
        assert len(study.trials()) == 1


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,2\n", b"{}\n", b"[]", b"no end of a line", b'{"op_code": 0}\n{\n', b"\xff\n",
     b'{"op_code": 77}\n', b'{"op_code": 0}\n',
     b'{"op_code":0,"worker_id":"a","study_name":"mine","directions":[1]}\n'],
)  # fmt: skip
def test_what_is_no_journal_of_a_search(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a"
    file.write_bytes(content)
    with pytest.raises(UserError, match="give another --storage"), at(file):
        pass
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be (read|written)"), at(tmp_path / "file" / "a"):
        pass


@pytest.mark.parametrize(("mode", "lags"), [("max", [True, False]), ("min", [False, True])])
def test_what_is_worse_than_the_median_lags(
    file: Path, mode: Literal["max", "min"], lags: list[bool]
) -> None:
    with at(file, replace(ABOUT, mode=mode)) as study:
        for value in map(float, range(STARTUP)):
            trial = study.ask()
            study.report(trial.number, 1, value)
            if value == STARTUP - 1:
                assert not study.lags(trial.number, 0.5), "of too few"
            study.tell(trial.number, "ok", value)
        for value, lag in zip((1.5, 2.5), lags, strict=True):  # the median is 2
            number = study.ask().number
            study.report(number, 1, value)
            assert study.lags(number, 0.5) is lag
            assert not study.lags(number, 0.3), "it has hardly begun"
            assert not study.lags(number, 1.0), "it is over"
            study.report(number, 1, 100.0 if lag else 0.0)
            assert study.lags(number, 0.5) is lag, "what was told first counts"

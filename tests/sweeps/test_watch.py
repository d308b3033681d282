"""The line that tells a job's end, and how long the others will take."""

import time
from pathlib import Path

import pytest

from seqbench.sweeps.record import Job, Record
from seqbench.sweeps.watch import Watch
from seqbench.terminal import span


def test_the_time_left_is_that_of_those_that_have_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of six jobs, two at a time, two have taken 100 s and two have been at it for 50 s."""
    record = Record(tmp_path)
    jobs = [Job(number, [f"seed={number}"], {}) for number in range(1, 7)]
    for job in jobs:
        record.write(job)
    with Watch(record, jobs, 8) as watch:
        for job in jobs[:2]:
            job = record.read(job.number)
            job.status, job.error, job.seconds = "failed", "no\nuse", 100.0
            record.write(job)
        for job in jobs[2:4]:
            job = record.read(job.number)
            job.status, job.began = "running", time.time() - 50
            record.write(job)
    assert watch.at_once == 2
    first, second = capsys.readouterr().err.splitlines()
    # Two wait and take 100 s each, two take 50 s more: 300 s of work for two.
    assert first.startswith("[1/8] seed=1: failed: no\\u000ause (2 min; 4 to go, about 2 min)")
    assert second.startswith("[2/8] seed=2: failed")
    assert jobs[1].status == "failed"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "0 s"), (89.4, "89 s"), (90, "2 min"), (5_000, "83 min"), (7_800, "2 h 10 min")],
)
def test_times_are_told_as_one_says_them(seconds: float, told: str) -> None:
    assert span(seconds) == told


def test_each_sweep_has_a_folder_of_its_own(tmp_path: Path) -> None:
    first, second = Record.new(tmp_path, stop=False), Record.new(tmp_path, stop=True)
    assert first.folder != second.folder
    second.write(Job(1, [], {}, status="failed"))
    assert second.halted
    second.go_on()
    assert not second.halted
    first.write(Job(1, [], {}, status="failed"))
    assert not first.halted

"""Who is at a run, on this machine and on others, and when nobody is any more."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from seqbench import locks, runs
from seqbench.errors import RunError, UserError
from seqbench.locks import Holder
from seqbench.runs import Run

STARTED = "2025-01-01T00:00:00+00:00"
Elsewhere = Callable[..., Run]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "seed-0-abc"


@pytest.fixture
def left(base: Path) -> Elsewhere:
    """``left(seconds, **status)``: a run that says ``running``, last touched so long ago.

    By default a process of another start of this machine, of the number of this one.
    """

    def made(seconds: float = 0, **status: Any) -> Run:
        base.mkdir(exist_ok=True)
        known = {"status": "running", "pid": os.getpid(), "host": socket.gethostname()}
        known |= {"boot": "another", "started": STARTED}
        path = base / "status.json"
        path.write_text(json.dumps(known | status))
        then = time.time() - seconds
        os.utime(path, (then, then))
        run = Run(base)
        run.lock.touch()
        return run

    return made


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has no flock."""
    fcntl = pytest.importorskip("fcntl")

    def flock(handle: int, operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


def program(base: Path, *lines: str) -> "subprocess.Popen[str]":
    """A process that records the run ``run``, prints ``ready``, and runs the lines."""
    code = [
        "import os, pathlib, sys, seqbench.runs as r",
        f"run = r.following(pathlib.Path({str(base)!r}))",
        "with run.record(''):",
        "    print('ready', flush=True)",
        *(f"    {line}" for line in lines),
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", "\n".join(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def contend(base: Path, start: Any, answers: Connection, end: Any) -> None:
    """One of several processes that want the same run in the same moment."""
    run = runs.following(base)
    start.wait()
    try:
        with run.record(""):
            answers.send(("got it", os.getpid()))
            end.wait()
    except UserError as error:
        answers.send((str(error), os.getpid()))


def test_of_several_at_once_one_gets_the_run_and_the_others_say_who(base: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    count = 4
    start, end = spawn.Barrier(count), spawn.Event()
    answers, sender = spawn.Pipe(duplex=False)
    processes = [
        spawn.Process(target=contend, args=(base, start, sender, end)) for _ in range(count)
    ]
    for process in processes:
        process.start()
    said = [answers.recv() for _ in processes]
    end.set()
    for process in processes:
        process.join()
    (winner,) = [pid for answer, pid in said if answer == "got it"]
    others = [answer for answer, _ in said if answer != "got it"]
    assert len(others) == count - 1
    for answer in others:
        assert f"{base} is being trained by process {winner} on {socket.gethostname()}" in answer
    assert [run.path for run in runs.attempts(base)] == [base]


def test_a_killed_process_is_dead_and_a_stopped_one_alive(base: Path) -> None:
    with program(base, "sys.stdin.readline()") as other:
        os.kill(other.pid, signal.SIGSTOP)
        hour_ago = time.time() - 3600
        os.utime(base / "status.json", (hour_ago, hour_ago))
        assert Run(base).live
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        os.utime(base / "status.json")
        assert not Run(base).live
        assert Run(base).status() == "interrupted"


def test_a_run_whose_lock_was_taken_away_lives(base: Path) -> None:
    with Run(base).record(""):
        Run(base).lock.unlink()
        assert Run(base).live
        assert not Run(base).lock.exists()  # who asks, makes none


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"host": "elsewhere"},
        {"host": "elsewhere", "pid": 2**22 + 1},
        {"host": "elsewhere", "boot": ""},
    ],
)
def test_another_kernel_s_process_lives_by_its_heartbeat(
    left: Elsewhere, status: dict[str, Any]
) -> None:
    run = left(locks.DEAD - 5, **status)
    assert run.status() == "running"
    host = status.get("host", socket.gethostname())
    with pytest.raises(UserError, match=rf"by process \d+ on {host} since {STARTED[:10]}.*5\d s"):
        run.record("", resumed=0).__enter__()
    assert left(locks.DEAD + 5, **status).status() == "interrupted"
    assert left(-locks.DEAD - 5, **status).status() == "interrupted"  # a time that never was


@pytest.mark.parametrize("status", [{"boot": locks.boot()}, {"boot": ""}, {"pid": 0}])
def test_this_kernel_s_lock_needs_no_heartbeat(left: Elsewhere, status: dict[str, Any]) -> None:
    assert left(0, **status).status() == "interrupted"


def test_clocks_need_not_agree(left: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    run = left(5)
    fresh = time.time()
    monkeypatch.setattr(time, "time", lambda: fresh + 7200)
    assert run.live
    assert {file.name for file in run.path.iterdir()} == {"status.json"}


@pytest.mark.usefixtures("no_locks")
def test_without_locks_the_heartbeat_and_the_process_tell(left: Elsewhere) -> None:
    here = {"boot": locks.boot()}
    assert left(5, **here).live
    assert not left(locks.DEAD + 5, **here).live
    assert left(5, host="elsewhere").live
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    assert not left(5, pid=dead.pid, **here).live


@pytest.mark.usefixtures("no_locks")
def test_without_locks_two_runs_share_no_directory(base: Path) -> None:
    both = Run(base), Run(base)
    with both[0].record(""), pytest.raises(UserError, match=f"by process {os.getpid()} on"):
        both[1].record("").__enter__()
    both[0].write_json("status.json", {"status": "interrupted"})
    with both[0].record("", resumed=0), pytest.raises(UserError, match="is being trained by"):
        both[1].record("", resumed=0).__enter__()


def test_a_file_system_that_cannot_be_written(base: Path) -> None:
    base.parent.joinpath(".seed-0-abc.lock").mkdir()
    with pytest.raises(UserError, match=r"\.seed-0-abc\.lock: cannot be locked"):
        Run(base).record("").__enter__()


def test_one_of_those_that_do_not_see_each_other_s_locks_goes_on(base: Path) -> None:
    base.mkdir()
    (base / "status.json").write_text("{}")
    assert locks.claim(base, known=0)
    assert not locks.claim(base, known=0)  # whoever has read the same status
    old = time.time() - locks.DEAD - 1
    os.utime(base / ".resumed.1", (old, old))  # and was killed before it wrote another
    assert locks.claim(base, known=0)
    assert not locks.claim(base, known=0)
    assert locks.claim(base, known=2)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    text = (base / ".resumed.3").read_text().replace(f'"pid": {os.getpid()}', f'"pid": {dead.pid}')
    (base / ".resumed.3").write_text(text)  # killed before it wrote a status
    assert locks.claim(base, known=2)
    assert not locks.claim(base, known=2)
    (base / ".resumed.x").touch()
    assert locks.claim(base, known=4)


def test_going_on_keeps_the_directory_and_its_begin(left: Elsewhere) -> None:
    run = left(locks.DEAD + 1, resumed=["a"], traceback="old")
    run.checkpoints.mkdir()
    (run.checkpoints / "last.ckpt").write_text("last")
    (run.checkpoints / ".x.partial").touch()
    with run.record("a: 2\n", resumed=1):
        status = json.loads((run.path / "status.json").read_text())
        assert status["started"] == STARTED
        assert status["resumed"][0] == "a"
        assert len(status["resumed"]) == 2
        assert (status["status"], status["traceback"]) == ("running", None)
        assert status["boot"] == locks.boot()
        assert run.live
    assert [file.name for file in run.checkpoints.iterdir()] == ["last.ckpt"]
    ended = json.loads((run.path / "status.json").read_text())
    assert ended["status"] == "ok"
    assert ended["resumed"] == status["resumed"]


@pytest.mark.parametrize("seen", [{"status": "ok"}, {"status": "interrupted", "resumed": ["a"]}])
def test_what_another_has_gone_on_with_meanwhile_is_left(
    left: Elsewhere, seen: dict[str, Any]
) -> None:
    run = left(**seen)
    (run.path / "result.json").write_text('{"metrics": {}}')
    with pytest.raises(UserError, match="another process has just gone on with it"):
        run.record("", resumed=0).__enter__()
    assert json.loads((run.path / "status.json").read_text())["status"] == seen["status"]


def test_what_says_nothing_can_be_gone_on_with(left: Elsewhere) -> None:
    run = left()
    (run.path / "status.json").write_text('{"resumed": 5')
    with run.record("", resumed=0):
        status = json.loads((run.path / "status.json").read_text())
        assert len(status["resumed"]) == 1


def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT", 0.02)


def within(seconds: float, true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_the_heart_beats_while_the_run_lives(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beats(monkeypatch)
    path = base / "status.json"
    with Run(base).record(""):
        os.utime(path, (0, 0))
        assert within(10, lambda: path.stat().st_mtime > 0)
        (thread,) = [each for each in threading.enumerate() if "heartbeat" in each.name]
        assert thread.daemon
    assert not thread.is_alive()
    os.utime(path, (0, 0))
    time.sleep(0.1)
    assert path.stat().st_mtime == 0


def test_the_heart_does_not_mind_a_directory_that_is_gone(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats(monkeypatch)
    base.mkdir()
    with locks.beating(base, Holder.me(STARTED)):
        base.rmdir()
        time.sleep(0.1)
        (thread,) = [each for each in threading.enumerate() if "heartbeat" in each.name]
        assert thread.is_alive()
    assert not thread.is_alive()


def test_who_slept_while_another_went_on_ends(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beats(monkeypatch)
    path = base / "status.json"
    theirs = {"status": "running", "pid": 7, "host": "elsewhere", "boot": "b", "started": STARTED}

    def sleep() -> None:
        with Run(base).record(""):
            (base / "new").write_text(json.dumps(theirs))
            (base / "new").replace(path)
            within(10, lambda: False)

    with pytest.raises(RunError, match=r"by process 7 on elsewhere .* it ends here"):
        sleep()
    assert json.loads(path.read_text()) == theirs


def test_the_command_line_says_who_is_at_it(
    train: Callable[..., int],
    here: Path,
    tiny: list[str],
    sums_run: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    outputs = sums_run.parents[2]
    shutil.copytree(outputs, here / "outputs")
    run = Run(here / "outputs" / sums_run.relative_to(outputs))
    status = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps(status | {"status": "running"}))
    with locks.flock(run.lock):
        assert train(*tiny) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith(f"{run.path.name} is being trained by {Holder.of(status)}")

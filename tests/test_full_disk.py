"""A disk without room: one line, what was there before is whole, and nothing half is left."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench import files
from seqbench.callbacks.loggers import MetricsFile, TensorBoard
from seqbench.datamodules import arrays
from seqbench.datamodules.cache import cached
from seqbench.errors import RunError, UserError
from seqbench.evaluate import main as evaluate
from seqbench.exporting.files import export
from seqbench.inspect import main as inspect
from seqbench.logs import run_log
from seqbench.predict import main as predict
from seqbench.runs import Run
from seqbench.trained import load

Disk = Callable[[int], Path]
ALL = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """``disk(pages)``: an empty disk of so many pages, in memory."""
    mounted: list[Path] = []

    def made(pages: int) -> Path:
        place = tmp_path / f"disk-{len(mounted)}"
        place.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={pages * ALL}", "tmpfs", str(place)]
        try:
            ended = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"no mount here: {error}")
        if ended.returncode:
            pytest.skip(f"may not mount: {ended.stderr.strip()}")
        mounted.append(place)
        return place

    yield made
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def full(disk: Disk) -> Path:
    """A disk without a free byte, on which ``old`` holds "old"."""
    place = disk(4)
    (place / "old").write_text("old")
    fill(place)
    return place


def fill(place: Path) -> None:
    with (place / "filling").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * ALL)
            except OSError:
                return


def one_line(err: str, *parts: str) -> None:
    (line,) = [each for each in err.splitlines() if not each.startswith(("training", "epoch"))]
    assert line.startswith("seqbench: ")
    for part in parts:
        assert part in line


# As it fills, what fails is the first file, the log, TensorBoard's events, the metrics, a
# checkpoint.
@pytest.mark.parametrize("pages", [1, 2, 3, 4, 9])
def test_a_run_on_a_full_disk(
    train: Callable[..., int],
    tiny: list[str],
    disk: Disk,
    capfd: pytest.CaptureFixture[str],
    composed_once: None,
    pages: int,
) -> None:
    place = disk(pages)
    assert train(*tiny, f"paths.output_dir={place}") == 1
    one_line(capfd.readouterr().err, "no space left on the disk of", "free some")
    assert not [*place.rglob("*.partial")]
    found = [*place.rglob("status.json")]
    assert bool(found) == (pages > 1)
    for path in found:
        status = json.loads(path.read_text())
        assert status["status"] == "failed"
        assert status["ended"]
        assert "no space left" in status["error"]
        assert (path.parent / "config.yaml").read_text().endswith("\n")
    if not found:
        assert not [*place.rglob("seed-*")]
    for path in place.rglob("metrics.csv"):
        assert not path.stat().st_size or path.read_bytes().endswith(b"\n")


def test_a_run_of_which_a_file_may_not_grow(here: Path, tiny: list[str]) -> None:
    """A program of its own: nothing else is said when it ends, by the interpreter or a thread."""
    resource = pytest.importorskip("resource")
    ended = subprocess.run(
        [sys.executable, "-m", "seqbench.train", *tiny],
        capture_output=True,
        text=True,
        cwd=here,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_500, 2_500)),
        check=False,
    )
    assert ended.returncode == 1
    one_line(ended.stderr, "larger than a file may be", "ulimit -f")
    (path,) = here.rglob("status.json")
    assert json.loads(path.read_text())["status"] == "failed"


def test_what_was_there_stays(full: Path) -> None:
    for write in (files.write_whole, files.append):
        with pytest.raises(OSError, match="No space left") as caught:
            write(full / "old", "new" * ALL)
        assert caught.value.filename == str(full / "old")
        assert (full / "old").read_text() == "old"
    assert {path.name for path in full.iterdir()} == {"old", "filling"}


def test_a_line_of_the_log_ends_what_is_under_way_unless_that_ends_already(full: Path) -> None:
    from seqbench.logs import ROOT

    log = ROOT.getChild("tests")
    with run_log(full / "train.log"):
        with pytest.raises(OSError, match="No space left"):
            log.info("a")
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            log.info("interrupted")
    assert (full / "train.log").read_text() == ""


def test_metrics(full: Path) -> None:
    metrics = MetricsFile(full / "metrics.csv")
    with pytest.raises(OSError, match="No space left"):
        metrics.log_metrics({"val/loss": 1.0}, 0)
    assert (full / "metrics.csv").read_bytes() == b""
    (full / "filling").unlink()
    for step in (1, 2):
        metrics.log_metrics({"val/loss": 1.0, "epoch": 0.0}, step)
    header, *rows = (full / "metrics.csv").read_bytes().decode().split("\r\n")
    assert header == "step,epoch,seconds,split,name,value"
    assert [row[:4] for row in rows] == ["1,0,", "2,0,", ""]


def test_what_ended_a_run_is_told_and_not_that_tensorboard_had_no_room(full: Path) -> None:
    def go() -> None:
        with files.room(full), files.threads_room():
            board = TensorBoard(str(full))
            with suppress(OSError, ValueError):  # now, or a little later
                board.log_metrics({"val/loss": 1.0}, 0)
            board.finalize("failed")
            board.finalize("success")

    with pytest.raises(RunError, match="no space left on the disk of"):
        go()


def test_an_interrupted_run_stays_one(disk: Disk) -> None:
    place = disk(4)
    run = Run(place / "seed-0-abc")

    def go() -> None:
        with run.record("a: 1\n"):
            fill(place)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go()
    assert run.status() == "interrupted"
    assert json.loads((run.path / "status.json").read_text())["ended"]


def test_a_disk_full_at_the_end(disk: Disk) -> None:
    place = disk(5)
    run = Run(place / "seed-0-abc")
    with run.record("a: 1\n"):
        run.write_json("result.json", {"metrics": {}})
        fill(place)
    assert run.status() == "ok"


def test_a_thread_without_room_ends_the_run_and_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(error: OSError) -> Callable[[], None]:
        def body() -> None:
            raise error

        return body

    def go(error: OSError) -> None:
        with files.room(tmp_path), files.threads_room():
            thread = threading.Thread(target=fails(error))
            thread.start()
            thread.join()

    before = threading.excepthook
    threading.excepthook = lambda of: print("told", of.exc_value, file=sys.stderr)
    try:
        with pytest.raises(RunError, match="no space left on the disk of"):
            go(OSError(errno.EDQUOT, "Disk quota exceeded"))
        assert capfd.readouterr().err == ""
        go(OSError(errno.EIO, "broken"))
        assert capfd.readouterr().err == "told [Errno 5] broken\n"
    finally:
        threading.excepthook = before


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "none", "a/b"), "no space left on the disk of a/b; free"),
        (OSError(errno.EDQUOT, "over"), r"no space left on the disk of here \(over\); free"),
        (OSError(errno.EFBIG, "big"), r"here: larger than a file may be here \(big"),
        (OSError("20 requested and 4 written"), "no space left on the disk of here"),
    ],
)
def test_what_it_says(error: OSError, said: str) -> None:
    def go(failure: Exception) -> None:
        with files.room(Path("here")):
            raise failure

    with pytest.raises(RunError, match=said):
        go(error)
    of_library = ValueError("something failed")
    of_library.__cause__ = error
    with pytest.raises(RunError, match=said):
        go(of_library)
    for other in (OSError(errno.EACCES, "no"), ValueError("x"), UserError("y"), RunError("z")):
        with pytest.raises(type(other)) as caught:
            go(other)
        assert caught.value is other


@pytest.mark.parametrize("size", [1, 100, 3_000, 100_000])
def test_an_array_is_whole_or_an_error(full: Path, size: int) -> None:
    values = np.arange(size, dtype=np.int32)
    with pytest.raises(OSError, match="No space left"):
        arrays.save(full / "a.npy", values)


def test_arrays(tmp_path: Path) -> None:
    for values in (np.arange(6).reshape(2, 3).T, np.zeros((0, 2)), np.ones((2, 2), np.uint8)):
        arrays.save(tmp_path / "a.npy", values)
        read = np.load(tmp_path / "a.npy")
        assert read.dtype == values.dtype
        np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_cache(disk: Disk, pages: int) -> None:
    place = disk(pages)

    def build(directory: Path) -> None:
        arrays.save(directory / "a.npy", np.zeros(pages * ALL - 500, np.uint8))
        (directory / "b.json").write_text("{}")

    with pytest.raises(RunError, match="no space left on the disk of"):
        cached(place / "key", build)
    assert [path.name for path in place.iterdir()] == ["key.lock"]


def test_pictures(
    full: Path, sums_run: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert inspect([str(sums_run), "--rows", "2", "--output", str(full / "a.svg")]) == 1
    one_line(capfd.readouterr().err, "no space left on the disk of", "a.svg")
    assert not (full / "a.svg").exists()


def test_evaluations(
    sums_run: Path, full: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Run, "write_json", lambda *_: files.write_whole(full / "e.json", "x" * ALL))
    assert evaluate([str(sums_run), "--write"]) == 1
    one_line(capfd.readouterr().err, "no space left on the disk of", "e.json")


def test_exports(full: Path, sums_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqbench.exporting import translate

    def wrote(form: Any, file: Path) -> None:
        file.write_bytes(b"x" * ALL)

    monkeypatch.setattr(translate, "translate", wrote)
    with pytest.raises(RunError, match="no space left on the disk of"):
        export(load(sums_run), full / "a.onnx")
    assert {path.name for path in full.iterdir()} == {"old", "filling"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output(
    sums_run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w") as output:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", output)
        assert predict([str(sums_run), "1 2 3"]) == 1
    one_line(capfd.readouterr().err, "no space left on the disk of the output")

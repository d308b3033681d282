"""A cache directory is whole and unchanged, or built anew."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.datamodules.cache import CHECKSUMS, cached, digest
from seqbench.errors import UserError


class Build:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self, directory: Path) -> None:
        self.times += 1
        (directory / "a.npy").write_bytes(b"a" * 1000)
        (directory / "b.json").write_text("{}")


def test_built_once_and_then_found(tmp_path: Path) -> None:
    build = Build()
    first = cached(tmp_path / "deep" / "key", build)
    assert cached(tmp_path / "deep" / "key", build) == first
    assert build.times == 1
    assert {file.name for file in first.iterdir()} == {"a.npy", "b.json", CHECKSUMS}


def truncate(directory: Path) -> None:
    (directory / "a.npy").write_bytes(b"a" * 999)


def flip(directory: Path) -> None:
    (directory / "a.npy").write_bytes(b"a" * 500 + b"b" + b"a" * 499)


def remove(directory: Path) -> None:
    (directory / "b.json").unlink()


def no_checksums(directory: Path) -> None:
    (directory / CHECKSUMS).unlink()


def half_checksums(directory: Path) -> None:
    text = (directory / CHECKSUMS).read_text()
    (directory / CHECKSUMS).write_text(text[: len(text) // 2])


def empty_checksums(directory: Path) -> None:
    (directory / CHECKSUMS).write_text("{}")


def other_checksums(directory: Path) -> None:
    (directory / CHECKSUMS).write_text("[1]")


def deep_checksums(directory: Path) -> None:
    (directory / CHECKSUMS).write_text("[" * 100_000)


def binary_checksums(directory: Path) -> None:
    (directory / CHECKSUMS).write_bytes(b"\xff\xfe\0")


def empty(directory: Path) -> None:
    (directory / "a.npy").write_bytes(b"")


def a_folder(directory: Path) -> None:
    (directory / "a.npy").unlink()
    (directory / "a.npy").mkdir()


def a_file(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.write_text("")


def a_broken_link(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.symlink_to("nowhere")


def others_at_work(directory: Path) -> None:
    truncate(directory)
    building = directory.with_name(f"{directory.name}.building")
    building.mkdir()
    (building / "a.npy").write_text("of a process that was killed")


DAMAGES = [truncate, flip, remove, no_checksums, half_checksums, empty_checksums]
DAMAGES += [other_checksums, deep_checksums, binary_checksums, empty, a_folder, a_file]
DAMAGES += [a_broken_link, others_at_work]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_is_built_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    build = Build()
    directory = cached(tmp_path / "key", build)
    damage(directory)
    cached(tmp_path / "key", build)
    assert build.times == 2
    assert (directory / "a.npy").read_bytes() == b"a" * 1000
    cached(tmp_path / "key", build)
    assert build.times == 2


def test_a_file_more_does_no_harm(tmp_path: Path) -> None:
    build = Build()
    directory = cached(tmp_path / "key", build)
    (directory / "more").write_text("more")
    cached(tmp_path / "key", build)
    assert build.times == 1


def test_without_locks_the_first_to_end_has_built_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def flock(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    inner = Build()

    def build(directory: Path) -> None:
        cached(tmp_path / "key", inner)  # as another process that is at it in the meantime
        Build()(directory)
        (directory / "c").write_text("of the slower one")

    directory = cached(tmp_path / "key", build)
    assert inner.times == 1
    assert {file.name for file in directory.iterdir()} == {"a.npy", "b.json", CHECKSUMS}
    assert not [*tmp_path.glob("*.building*")]
    assert cached(tmp_path / "key", build) == directory


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        (directory / "half").write_text("half")
        raise UserError("bad data")

    with pytest.raises(UserError, match="bad data"):
        cached(tmp_path / "key", fail)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    build = Build()
    cached(tmp_path / "key", build)
    assert build.times == 1


BUILDER = """
import sys, time
from pathlib import Path
from seqbench.datamodules.cache import cached

def build(directory):
    with open(sys.argv[2], "a") as file:
        file.write("built\\n")
    (directory / "first").write_text("1")
    time.sleep(float(sys.argv[3]))
    (directory / "second").write_text("2")

cached(Path(sys.argv[1]), build)
"""


def run(tmp_path: Path, seconds: float) -> "subprocess.Popen[bytes]":
    arguments = [str(tmp_path / "key"), str(tmp_path / "log"), str(seconds)]
    return subprocess.Popen([sys.executable, "-c", BUILDER, *arguments])


def wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_killed_while_building_is_built_anew(tmp_path: Path) -> None:
    with run(tmp_path, 60) as process:
        wait_for(tmp_path / "key.building" / "first")
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "key").exists()
    build = Build()
    directory = cached(tmp_path / "key", build)
    assert build.times == 1
    assert not (directory / "first").exists()
    assert not (tmp_path / "key.building").exists()


def test_two_processes_at_once_build_once(tmp_path: Path) -> None:
    with run(tmp_path, 1) as one, run(tmp_path, 1) as two:
        assert (one.wait(60), two.wait(60)) == (0, 0)
    assert (tmp_path / "log").read_text() == "built\n"
    assert (tmp_path / "key" / "second").read_text() == "2"


def test_a_place_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="set SEQBENCH_CACHE_DIR") as caught:
        cached(tmp_path / "file" / "key", Build())
    assert "\n" not in str(caught.value)


def test_digest_knows_values_and_not_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [None, "х"]}) == digest({"b": [None, "х"], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})

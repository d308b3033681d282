"""Whole programs, timed from outside."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import profiling

SOURCE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ran:
    """What a program took: seconds by the clock, bytes of memory at most, and what it printed."""

    seconds: float
    peak: int
    output: str


def python(*words: str, env: Mapping[str, str] = {}, cwd: Path | None = None) -> Ran:
    """Runs ``python WORDS`` to its end; RuntimeError with its output if it fails.

    env: added to this process's own. Each is a program of one process: of others' memory nothing
    is counted.
    """
    return program([sys.executable, *_profiled(words)], env, cwd)


def program(words: Sequence[str], env: Mapping[str, str] = {}, cwd: Path | None = None) -> Ran:
    started = time.perf_counter()
    process = subprocess.Popen(
        words,
        env={**os.environ, "PYTHONPATH": f"{SOURCE}:{SOURCE / 'src'}", **env},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}:\n{output}")
    return Ran(seconds, _bytes(usage), output)


@contextmanager
def server(words: Sequence[str], env: Mapping[str, str] = {}) -> Iterator[Callable[[int], None]]:
    """A program that reads a number of steps a line, and answers with a line when they are done.

    Gives what asks it for so many. While one side computes, the other sleeps: this one in a read,
    that one in another.
    """
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=SOURCE,
        env={**os.environ, **env},
        text=True,
    ) as running:
        told, answers = running.stdin, running.stdout
        assert told
        assert answers

        def ask(steps: int) -> None:
            print(steps, file=told, flush=True)
            if not answers.readline():
                raise RuntimeError(f"{' '.join(words)} has ended")

        yield ask


def _bytes(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _profiled(words: Sequence[str]) -> list[str]:
    """cProfile takes a module or a file, and no -c."""
    before = profiling.words(words[1].replace(".", "-")) if words[0] == "-m" else []
    return [*before, *words]

"""Whole programs, timed from outside."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
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


def _bytes(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _profiled(words: Sequence[str]) -> list[str]:
    """cProfile takes a module or a file, and no -c."""
    before = profiling.words(words[1].replace(".", "-")) if words[0] == "-m" else []
    return [*before, *words]

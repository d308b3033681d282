"""The machine as a result records it, and the allocator."""

import subprocess
import sys

import pytest

CHURN = """
import resource, sys, torch
from seqbench.isolation import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
torch.zeros(20_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.zeros(20_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def faults(how: str) -> int:
        command = [sys.executable, "-c", CHURN, how]
        return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert faults("plain") > 10 * faults("keep")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    assert faults("keep") > 1000, "an environment that tunes the allocator has the last word"

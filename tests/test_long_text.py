"""A text of a gigabyte is encoded and learnt from in memory that does not grow with it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIZE = 1 << 30
WORDS = 50_000
MOST = 800_000_000
"""Bytes of memory at the peak; about half of it is torch and Lightning."""

PROGRAM = """
import re, sys
from pathlib import Path
from seqbench.environment import PeakMemory
from seqbench.train import main
# A run would forget the peak of the encoding, to tell that of the training.
PeakMemory.__init__ = lambda self, device: setattr(self, "device", device)
status = main(sys.argv[1:])
# Not by getrusage: what a program is started from counts there, as large as that may be.
kilobytes = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print("peak", int(kilobytes) * 1024)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def gigabyte(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Words at random by Zipf's law, twenty a line."""
    folder = tmp_path_factory.mktemp("gigabyte")
    random = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(random.choice(letters, n)) for n in random.integers(2, 11, WORDS)])
    shares = np.cumsum(1 / np.arange(1, WORDS + 1))
    with (folder / "text.txt").open("w", encoding="ascii") as file:
        while file.tell() < SIZE:
            draws = np.searchsorted(shares, random.random(1_000_000) * shares[-1])
            lines = words[draws].reshape(-1, 20).tolist()
            file.write("".join(f"{' '.join(line)}\n" for line in lines))
    yield folder / "text.txt"
    shutil.rmtree(folder)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted otherwise elsewhere")
@pytest.mark.parametrize("task", ["word_lm", "char_lm"])
def test_memory_does_not_grow_with_the_text(
    gigabyte: Path, here: Path, result: Callable[[Path], dict[str, Any]], task: str
) -> None:
    cache = here.parent / "cache"
    words = [
        f"task={task}",
        f"task.path={gigabyte}",
        "model=gru",
        "model.hidden_size=16",
        "model.embedding.size=8",
        "task.batch_size=4",  # else the logits of 700 steps, each of 50,000 words, take more
        "trainer.max_epochs=1",
        "+trainer.limit_train_batches=1",
        "+trainer.limit_val_batches=1",
        "trainer.accelerator=cpu",
        "callbacks.samples=null",
        "progress=none",
        "test=false",
        "threads=1",
    ]
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    content = result(here)
    disk = sum(file.stat().st_size for file in cache.rglob("*"))
    shutil.rmtree(cache)
    peak = int(ended.stdout.rpartition("peak ")[2])
    print(json.dumps({"peak": peak, "disk": disk, "seconds": content["seconds"]}))
    characters = content["data"]["characters"]
    assert abs(sum(characters.values()) - gigabyte.stat().st_size) <= 1
    assert content["steps"] == 1
    assert peak < MOST

"""Runs that are killed again and again, started by the same command, end as if they never were."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.runs.twins import assert_twins

SEED = int(os.environ.get("SEQBENCH_KILL_SEED", random.SystemRandom().randrange(10**6)))
"""Of the moments; another each time, so that luck can't hide a bug."""

PARTIAL = (".last.ckpt.new", "..last.ckpt.new.partial")

Seen = Callable[[], bool]

COMMON = ["trainer.accelerator=cpu", "trainer.log_every_n_steps=1", "progress=lines", "threads=1"]

SUMS = [
    "task=modular_sum",
    "task.train_lengths=[4,9]",
    "task.train_size=200",
    "task.val_size=40",
    "task.test_length=6",
    "task.long_length=12",
    "task.test_size=40",
    "task.batch_size=10",
    "model.hidden_size=256",
    "model.dropout=0.3",
    "trainer.max_epochs=2",
    "callbacks.checkpoint.every_n_steps=4",
]
TAGS = [
    "task=tagging",
    "task.train_size=400",
    "task.val_size=3000",
    "task.test_size=3000",
    "task.batch_size=8",
    "task.eval_batch_size=16",
    "model=gru",
    "model.hidden_size=200",
    "model.dropout=0.2",
    "trainer.max_epochs=3",
    "trainer.val_check_interval=0.5",
    "callbacks.checkpoint.every_n_steps=5",
]
LETTERS = [
    "task=char_lm",
    "task.path=text.txt",
    "task.batch_size=4",
    "task.sequence_length=20",
    "task.eval_batch_size=1",
    "model.hidden_size=200",
    "model.dropout=0.2",
    "callbacks.samples.length=20",
    "+callbacks.samples.every_n_steps=4",
    "trainer.max_epochs=3",
    "callbacks.checkpoint.every_n_steps=7",
]


class Victim:
    """A run in ``outputs``, by the command a user would give, that can be watched and killed."""

    def __init__(self, words: list[str], folder: Path, interval: int = 1) -> None:
        """interval: steps between validations."""
        self.interval = interval
        self.command = [sys.executable, "-m", "seqbench.train", *words]
        self.command.append(f"paths.output_dir={folder}")
        self.folder, self.log = folder, folder.with_suffix(".log")
        self.groups: list[int] = []
        self.told = 0

    def start(self) -> subprocess.Popen[bytes]:
        self.told = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
            )
        self.groups.append(process.pid)
        return process

    def kill(self, seen: Seen, delay: float) -> bool:
        """Start it, and kill it ``delay`` seconds after a moment; False if it ended before."""
        process = self.start()
        try:
            until = time.monotonic() + 120
            while process.poll() is None and not seen() and time.monotonic() < until:
                time.sleep(0.0002)
            assert time.monotonic() < until, (
                f"not seen; the log: {self.log.read_text(errors='replace')}"
            )
            time.sleep(delay)
        finally:
            process.kill()
            code = process.wait()
        assert code in (0, -signal.SIGKILL), self.log.read_text(errors="replace")
        return code != 0

    def finish(self) -> None:
        process = self.start()
        try:
            assert process.wait(300) == 0, self.log.read_text(errors="replace")
        finally:
            process.kill()
            process.wait()

    def logged(self) -> str:
        """What this process has told so far."""
        return self.log.read_bytes()[self.told :].decode(
            errors="replace"
        )  # a line may be half there

    # Moments

    def begun(self) -> bool:
        return any(words in self.logged() for words in ("training in", "going on", "from there"))

    def trained(self, steps: int) -> Seen:
        """After so many steps of this process."""
        before = 0

        def seen() -> bool:
            nonlocal before
            if not self.begun():
                # The file is cut to what stood there at the checkpoint, which is no more than now.
                before = self._steps()
                return False
            before = min(before, self._steps())
            return self._steps() >= before + steps

        return seen

    def writing(self, after: int) -> Seen:
        """While a checkpoint is written, after so many steps of this process."""
        trained = self.trained(after)
        waiting: list[Path] = []

        def seen() -> bool:
            if not waiting and trained():
                for folder in self.folder.glob("*/*/*/checkpoints"):
                    waiting.extend(folder / name for name in PARTIAL)
            return any(path.exists() for path in waiting)

        return seen

    def validating(self) -> Seen:
        """In a validation after one that this process may have seen the end of."""
        trained = self.trained(1)

        def seen() -> bool:
            rows = self._rows() if trained() else []
            # None is being written while the network is looked at.
            ended = [row.split(",")[0] for row in rows if ",val,loss," in row]
            return (
                bool(rows)
                and int(rows[-1].split(",")[0]) % self.interval == 0
                and (rows[-1].split(",")[0] not in ended)
            )

        return seen

    def testing(self) -> bool:
        return "testing the best" in self.logged()

    def _rows(self) -> list[str]:
        for path in self.folder.glob("*/*/*/metrics.csv"):
            with suppress(OSError):
                whole = path.read_bytes().rpartition(b"\n")[0].decode()  # a kill may tear a letter
                return whole.splitlines()[1:]
        return []

    def _steps(self) -> int:
        return sum(",train,loss_step," in row for row in self._rows())

    def alone(self) -> bool:
        """Whether nothing is left of any process that was killed, its workers included."""
        left = []
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, 0)
                left.append(group)
        return not left


def in_time(condition: Seen, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    return condition()


def test_a_run_killed_three_times_equals_its_twin(here: Path, train: Callable[..., int]) -> None:
    print(f"SEQBENCH_KILL_SEED={SEED}")
    draw = random.Random(SEED)
    words = [*SUMS, *COMMON]
    victim = Victim(words, here / "killed")
    moments: list[Callable[[], Seen]] = [
        lambda: victim.writing(draw.randint(1, 12)),
        lambda: victim.trained(draw.randint(1, 16)),
        lambda: victim.trained(draw.randint(1, 16)),
    ]
    draw.shuffle(moments)
    try:
        for moment in moments:
            assert victim.kill(moment(), 0.0), "it ended before it was killed"
        victim.finish()
        assert train(*words, "paths.output_dir=twin") == 0
        assert_twins(here / "twin", here / "killed")
    except AssertionError as error:
        raise AssertionError(f"with SEQBENCH_KILL_SEED={SEED}: {error}") from error


@pytest.mark.long
@pytest.mark.parametrize(
    ("task", "interval"), [(SUMS, 40), (TAGS, 25), (LETTERS, 180)], ids=["sums", "tags", "letters"]
)
def test_seven_kills_of_each_task(
    here: Path, train: Callable[..., int], task: list[str], interval: int
) -> None:
    print(f"SEQBENCH_KILL_SEED={SEED}")
    draw = random.Random(f"{SEED} {task[0]}")
    letters = random.Random(0)
    syllables = [letters.choice("бвгд") + letters.choice("аеио") for _ in range(6000)]
    (here / "text.txt").write_text("".join(f"{s}{letters.choice(' _')}" for s in syllables))
    victim = Victim([*task, *COMMON], here / "killed", interval)
    early: list[Callable[[], Seen]] = [
        lambda: victim.begun,
        lambda: victim.trained(draw.randint(1, 3)),
    ]
    moments: list[Callable[[], Seen]] = [
        lambda: victim.writing(0),
        lambda: victim.writing(draw.randint(1, 10)),
        lambda: victim.writing(draw.randint(1, 10)),
        lambda: victim.validating(),
        lambda: victim.trained(draw.randint(3, 20)),
    ]
    draw.shuffle(moments)
    kinds: list[Callable[[], Seen]] = [early[draw.randrange(2)], *moments, lambda: victim.testing]
    killed = 0
    try:
        for number, moment in enumerate(kinds):
            workers = f"task.num_workers={number % 2 * 2}"
            victim.command = [word for word in victim.command if "num_workers" not in word]
            victim.command.append(workers)
            killed += victim.kill(moment(), draw.choice([0.0, draw.uniform(0, 0.05)]))
        victim.finish()
        print(f"killed {killed} times")
        assert killed >= 5, f"it was killed {killed} times only"
        assert train(*task, *COMMON, victim.command[-1], "paths.output_dir=twin") == 0
        assert_twins(here / "twin", here / "killed")
        assert in_time(victim.alone, 20), "processes are left of it"
    except AssertionError as error:
        raise AssertionError(f"with SEQBENCH_KILL_SEED={SEED}: {error}") from error

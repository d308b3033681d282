"""What many tests share: a command line that trains next to nothing."""

import gzip
import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from seqbench.commands import share_cores

share_cores()  # before any test imports torch

TINY = [
    "task=modular_sum",
    "task.train_lengths=[4,7]",
    "task.train_size=60",
    "task.val_size=20",
    "task.test_length=6",
    "task.long_length=12",
    "task.test_size=20",
    "task.batch_size=20",
    "model.hidden_size=8",
    "model.embedding.size=4",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "progress=lines",
    "threads=1",
]
"""Overrides that shrink the default task to about a second."""


@pytest.fixture
def tiny() -> list[str]:
    return list(TINY)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with a cache of its own and no data set at hand."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("SEQBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SEQBENCH_DATA_DIR", raising=False)
    return work


@pytest.fixture
def composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra composes all twice, first to read ``hydra.mode`` alone: half the time of a test."""
    from hydra._internal.hydra import Hydra

    monkeypatch.setattr(Hydra, "get_mode", lambda self, config_name, overrides: None)


class Clock:
    """Each training step takes a second; each validation batch ten, which are none of training."""

    now = 1000.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    from seqbench.callbacks import throughput
    from seqbench.models.module import SequenceModule

    clock = Clock()
    training, validation = SequenceModule.training_step, SequenceModule.validation_step

    def train(self: SequenceModule, *arguments: Any) -> Any:
        clock.now += 1
        return training(self, *arguments)

    def validate(self: SequenceModule, *arguments: Any) -> Any:
        clock.now += 10
        return validation(self, *arguments)

    monkeypatch.setattr(SequenceModule, "training_step", train)
    monkeypatch.setattr(SequenceModule, "validation_step", validate)
    monkeypatch.setattr(throughput, "time", clock)
    return clock


@pytest.fixture
def train(here: Path) -> Callable[..., int]:
    """Call the command line in this process, in an empty directory; its exit status."""
    from seqbench.train import main

    def call(*arguments: str) -> int:
        return main([*arguments])

    return call


@pytest.fixture
def stopped_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """A call with a number lets SIGTERM come in that training batch from now on; None: in none."""
    from seqbench.models.module import SequenceModule

    left: list[int | None] = [None]
    real = SequenceModule.on_train_batch_end

    def counted(self: SequenceModule, *arguments: Any) -> None:
        real(self, *arguments)
        if left[0] is not None:
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGTERM)

    def set_to(number: int | None) -> None:
        left[0] = number

    monkeypatch.setattr(SequenceModule, "on_train_batch_end", counted)
    return set_to


@pytest.fixture
def goes_on(
    train: Callable[..., int], here: Path, stopped_after: Callable[[int | None], None]
) -> Callable[..., None]:
    """Trains a run with stops after so many batches each, and its twin."""
    from tests.runs.twins import assert_twins

    def both(*words: str, stops: tuple[int, ...] = (5, 3, 9)) -> None:
        stopped_after(None)
        assert train(*words, "paths.output_dir=twin") == 0
        for stop in stops:
            stopped_after(stop)
            assert train(*words, "paths.output_dir=run") == 143
            (status,) = (here / "run").rglob("status.json")
            assert json.loads(status.read_text())["status"] == "interrupted"
            assert (status.parent / "checkpoints" / "last.ckpt").exists()
        stopped_after(None)
        assert train(*words, "paths.output_dir=run") == 0
        assert_twins(here / "run", here / "twin")

    return both


@pytest.fixture
def troubled(here: Path, composed_once: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Overrides for a cell from outside seqbench that goes wrong on demand."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "packages"))
    return ["~model.cell", "+model.cell={_target_: troubled.cells.Troubled}"]


@pytest.fixture
def result() -> Callable[[Path], dict[str, Any]]:
    """The one result.json below a folder."""

    def read(folder: Path) -> dict[str, Any]:
        (path,) = folder.rglob("result.json")
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return content

    return read


def idx(values: npt.NDArray[np.uint8]) -> bytes:
    """An idx file of these bytes."""
    sizes = np.array(values.shape, ">u4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


@pytest.fixture(scope="session")
def idx_files() -> Callable[..., dict[str, bytes]]:
    """``idx_files(size=(28, 28), packed=False)``: the four files of forty digits to train on and
    twenty to test, by their names. A digit is a bright row, the lower the larger it is."""

    def made(size: tuple[int, int] = (28, 28), packed: bool = False) -> dict[str, bytes]:
        random = np.random.default_rng(0)
        files = {}
        for part, count in (("train", 40), ("t10k", 20)):
            labels = random.permutation(np.arange(count) % 10).astype(np.uint8)
            pixels = random.integers(0, 100, (count, *size), np.uint8)
            pixels[np.arange(count), labels * size[0] // 10] = 255
            files[f"{part}-images-idx3-ubyte"] = idx(pixels)
            files[f"{part}-labels-idx1-ubyte"] = idx(labels)
        if packed:
            return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
        return files

    return made


@pytest.fixture(scope="session")
def digits_run(
    tmp_path_factory: pytest.TempPathFactory, idx_files: Callable[..., dict[str, bytes]]
) -> Path:
    """A classifier of digits, by the rows of their images; these lie in ``digits`` beside it."""
    place = tmp_path_factory.mktemp("images")
    (place / "digits").mkdir()
    for name, content in idx_files().items():
        (place / "digits" / name).write_bytes(content)
    return _trained(place, [*DIGITS, f"task.path={place / 'digits'}"])


@pytest.fixture(scope="session")
def names_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained classifier of names by their letters: vowels кошка, consonants собака."""
    place = tmp_path_factory.mktemp("names")
    draw = random.Random(0)
    rows = [(label, letters) for label, letters in CLASSES.items() for _ in range(300)]
    lines = [
        f"{''.join(draw.choices(letters, k=draw.randint(2, 9)))},{label}" for label, letters in rows
    ]
    (place / "names.csv").write_text("\n".join(["имя,класс", *lines]), "utf-8")
    return _trained(place, [*NAMES, f"task.path={place / 'names.csv'}"])


@pytest.fixture(scope="session")
def sums_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has seen the tiny modular sum."""
    return _trained(tmp_path_factory.mktemp("sums"), TINY)


@pytest.fixture(scope="session")
def letters_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that goes on with a text, letter by letter: of а, б, в and white space alone."""
    place = tmp_path_factory.mktemp("letters")
    (place / "text.txt").write_text(letters(), "utf-8")
    return _trained(place, [*LETTERS, f"task.path={place / 'text.txt'}"])


def letters() -> str:
    draw = random.Random(0)
    words = ["".join(draw.choices("абв", k=draw.randint(1, 4))) for _ in range(600)]
    return "".join(f"{word}{draw.choice('  ' + chr(10))}" for word in words) + "а\n"


LETTERS = [
    "task=char_lm",
    "task.batch_size=4",
    "task.sequence_length=10",
    "model=gru",
    "model.hidden_size=8",
    "model.embedding.size=4",
    "callbacks.samples.length=5",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "logger=none",
    "progress=none",
    "threads=1",
]
DIGITS = [
    "task=mnist",
    "task.permute=true",
    "task.batch_size=10",
    "model=gru",
    "model.hidden_size=32",
    "optimizer.lr=0.02",
    "trainer.max_epochs=15",
    "trainer.accelerator=cpu",
    "logger=none",
    "progress=none",
    "threads=1",
]
CLASSES = {"кошка": "аеиоумн", "собака": "бвгджмн"}
NAMES = [
    "task=text_classification",
    "task.text_column=имя",
    "task.label_column=класс",
    "task.level=char",
    "model=gru",
    "model.hidden_size=16",
    "model.embedding.size=8",
    "optimizer.lr=0.02",
    "trainer.max_epochs=3",
    "trainer.accelerator=cpu",
    "progress=none",
    "threads=1",
]


def _trained(place: Path, words: list[str]) -> Path:
    from seqbench import run

    paths = [f"paths.output_dir={place / 'outputs'}", f"paths.cache_dir={place / 'cache'}"]
    return run([*words, *paths]).path

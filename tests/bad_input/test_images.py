"""Files of images that cannot be learnt from, as the command lines tell it; see also
``datamodules/images/test_idx.py``."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

Files = Callable[..., dict[str, bytes]]
Refused = Callable[..., str]

WORDS = ["task=mnist", "task.path=digits", "trainer.accelerator=cpu", "threads=1"]
TRAIN, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def sized(content: bytes, at: int, size: int) -> bytes:
    """An idx file whose header tells of another size."""
    return content[:at] + size.to_bytes(4, "big") + content[at + 4 :]


@pytest.fixture
def digits(here: Path, idx_files: Files) -> Path:
    (here / "digits").mkdir()
    for name, content in idx_files().items():
        (here / "digits" / name).write_bytes(content)
    return here / "digits"


@pytest.mark.parametrize(
    ("name", "change", "parts"),
    [
        (TRAIN, lambda x: x[:-1], [TRAIN, "damaged", "are 31359"]),
        (TEST, lambda x: gzip.compress(x)[:-20], [TEST, "damaged", "unpacked"]),
        (LABELS, lambda x: x[:10] + b"\x0a" + x[11:], [LABELS, "image 3", "label 10"]),
        (TEST, lambda x: sized(sized(x, 8, 14), 12, 56), ["28x28 in train", "14x56 in test"]),
        (TEST_LABELS, None, ["digits", f"no {TEST_LABELS}", TRAIN]),
    ],
)
def test_a_damaged_file(
    refused: Refused,
    digits: Path,
    name: str,
    change: Callable[[bytes], bytes] | None,
    parts: list[str],
) -> None:
    file = digits / name
    if change:
        file.write_bytes(change(file.read_bytes()))
    else:
        file.unlink()
    refused("train", *WORDS, parts=parts)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["task.step=5"], ["task.step=5", "784", "28x28", "4, 7"]),
        (["task.step=0"], ["task.step"]),
        (["task.path=none"], ["task.path=none", "no such"]),
        ([f"task.path=digits/{TRAIN}"], [TRAIN, "no folder", "t10k-labels-idx1-ubyte"]),
        (["task.path=null", "task.hub=null"], ["no data", "SEQBENCH_DATA_DIR", "mnist"]),
        (["task.path=null", "task.folder=null", "task.hub=null"], ["no data", "task.path"]),
        (["model/embedding=table"], ["model/embedding", "features"]),
    ],
)
def test_settings(refused: Refused, digits: Path, words: list[str], parts: list[str]) -> None:
    refused("train", *WORDS, *words, parts=parts)


@pytest.mark.parametrize(
    ("names", "data", "parts"),
    [
        ([], "none", ["none", "no such file or folder"]),
        ([], ".", ["no t10k-images", "nothing"]),
        ([TEST], ".", [f"no {TEST_LABELS}", TEST]),
        ([TEST], TEST, [TEST, "no labels beside it", TEST_LABELS]),
        ([TEST_LABELS], TEST_LABELS, ["no file of images by its name"]),
    ],
)
def test_data_to_evaluate(
    refused: Refused,
    digits_run: Path,
    here: Path,
    idx_files: Files,
    names: list[str],
    data: str,
    parts: list[str],
) -> None:
    for name in names:
        (here / name).write_bytes(idx_files()[name])
    refused("evaluate", str(digits_run), "--data", data, parts=parts)


def test_images_of_another_size_to_evaluate(
    refused: Refused, digits_run: Path, here: Path, idx_files: Files
) -> None:
    for name, content in idx_files(size=(14, 56)).items():
        (here / name).write_bytes(content)
    refused("evaluate", str(digits_run), "--data", ".", parts=["14x56", "28x28"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("0 " * 783, ["783 numbers", "784"]),
        ("0 " * 783 + "256", ["0 to 255"]),
        ("0 " * 783 + "x", ["text 1", "numbers"]),
    ],
)
def test_numbers_to_label(refused: Refused, digits_run: Path, text: str, parts: list[str]) -> None:
    refused("predict", str(digits_run), text, parts=parts)

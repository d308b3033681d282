"""What idx files can be read, and what is told of the others."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.datamodules.images.idx import CHUNK, read_images
from seqbench.datamodules.mnist import MNIST
from seqbench.errors import UserError

Files = Callable[..., dict[str, bytes]]

TRAIN, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def sized(content: bytes, at: int, size: int) -> bytes:
    """An idx file whose header tells of another size."""
    return content[:at] + size.to_bytes(4, "big") + content[at + 4 :]


@pytest.fixture
def digits(tmp_path: Path, idx_files: Files) -> Path:
    for name, content in idx_files().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def refusal(folder: Path) -> str:
    data = MNIST(cache_dir=str(folder / "cache"), path=str(folder))
    with pytest.raises(UserError) as caught:
        data.setup()
    told = str(caught.value)
    assert "\n" not in told
    assert len(told) < 400
    assert not (folder / "cache").exists()
    return told


CHANGES: list[tuple[str, Callable[[bytes], bytes], list[str]]] = [
    (TRAIN, lambda x: x[:-1], ["damaged", "40x28x28", "31360 bytes", "are 31359"]),
    (TRAIN, lambda x: x + b"\0", ["damaged", "31360 bytes", "are more"]),
    (TEST, lambda x: x[:9], ["damaged", "within its header"]),
    (TEST, lambda x: b"", ["no idx file of images", "nothing"]),
    (TEST, lambda x: sized(x, 4, 2**32 - 1), ["4294967295x28x28", "are 15680"]),
    (TRAIN, lambda x: b"<!DOCTYPE html>", ["begins with 3c21444f", "00000803"]),
    (LABELS, lambda x: sized(x, 0, 0x803), ["no idx file of labels", "00000801"]),
    (LABELS, lambda x: sized(x[:-3], 4, 37), ["40 images", "37 labels", LABELS]),
    (LABELS, lambda x: x[:10] + b"\x0a" + x[11:], ["image 3", "label 10", "0 to 9"]),
    (TRAIN, lambda x: gzip.compress(x)[:-20], ["damaged", "unpacked"]),
    (TEST, lambda x: gzip.compress(x)[:-1] + b"?", ["damaged", "unpacked"]),
]


@pytest.mark.parametrize(("name", "change", "parts"), CHANGES)
def test_a_damaged_file(
    digits: Path, name: str, change: Callable[[bytes], bytes], parts: list[str]
) -> None:
    file = digits / name
    file.write_bytes(change(file.read_bytes()))
    told = refusal(digits)
    for part in [str(digits), name, *parts]:
        assert part in told


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_read_to_its_end(tmp_path: Path, packed: bool) -> None:
    """Also where the end is that of a piece, as they are read."""
    content = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (16, 256, CHUNK // 4096))
    file, labels = tmp_path / "a-images", tmp_path / "a-labels"
    labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 16, *[1] * 16]))
    for behind, right in ((b"", True), (b"\0", False)):
        whole = content + bytes(CHUNK) + behind
        file.write_bytes(gzip.compress(whole) if packed else whole)
        if right:
            assert read_images(str(file)).pixels.shape == (16, 256, CHUNK // 4096)
            continue
        with pytest.raises(UserError, match=f"tells of {CHUNK} bytes, but there are more"):
            read_images(str(file))


@pytest.mark.parametrize("part", ["train", "t10k"])
def test_no_image(digits: Path, part: str) -> None:
    images, labels = (digits / f"{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
    whole = images.read_bytes()
    images.write_bytes(sized(whole[:16], 12, 0))
    assert f"{images}: no image there, or none with a pixel (" in refusal(digits)
    images.write_bytes(sized(whole[:16], 4, 0))
    labels.write_bytes(sized(labels.read_bytes()[:8], 4, 0))
    assert f"{images}: no image there, or none with a pixel (0x28x28)" in refusal(digits)


def test_images_of_two_sizes(digits: Path) -> None:
    file = digits / TEST
    file.write_bytes(sized(sized(file.read_bytes(), 8, 14), 12, 56))
    assert "images are 28x28 in train and 14x56 in test" in refusal(digits)


def test_nothing_to_draw_validation_from(digits: Path) -> None:
    for name, end in ((TRAIN, 16 + 784), (LABELS, 9)):
        (digits / name).write_bytes(sized((digits / name).read_bytes()[:end], 4, 1))
    assert "train has 1 images, none of a digit that is there twice" in refusal(digits)


@pytest.mark.parametrize("name", [TRAIN, LABELS, TEST, TEST_LABELS])
def test_a_missing_file(digits: Path, name: str) -> None:
    (digits / name).unlink()
    (digits / name).mkdir()  # which is no file
    assert f"{digits}: no {name} there, plain or .gz, but {TEST}, {TEST_LABELS}" in refusal(digits)


def test_an_empty_folder(tmp_path: Path) -> None:
    assert f"no {TRAIN} there, plain or .gz, but nothing" in refusal(tmp_path)


@pytest.mark.parametrize("method", ["open", "is_file"])
def test_no_permission(digits: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Of a file, or of the folder; whoever runs this may read all."""

    def forbidden(path: Path, *arguments: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, method, forbidden)
    name = digits / TRAIN if method == "open" else digits
    assert refusal(digits) == f"{name}: cannot be read: Permission denied"

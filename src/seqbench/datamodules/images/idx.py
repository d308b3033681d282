"""Images with a label each in idx files, the form in which MNIST was published."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.files import visible
from seqbench.errors import UserError
from seqbench.errors import place as usable

Bytes = npt.NDArray[np.uint8]

STEMS = {"train": "train", "test": "t10k"}
"""What the files of a split begin with."""
KINDS = {"images": 3, "labels": 1}
"""How many dimensions a file of each kind has."""
LABELS = 10
CHUNK = 1 << 20


class Images(NamedTuple):
    """pixels: ``(N, rows, columns)``. labels: ``(N,)``, 0 to 9."""

    pixels: Bytes
    labels: Bytes


def read_folder(folder: Path, splits: Sequence[str] = tuple(STEMS)) -> dict[str, Images]:
    """The images of each split in a folder of idx files, plain or packed by gzip.

    Where a file is there in both forms the plain one is read. Raises ``UserError`` for a file
    that is missing, cannot be read or is damaged, and for images and labels that don't match.
    """
    return {split: _read_pair(*files) for split, files in find_folder(folder, splits).items()}


def find_folder(
    folder: str | Path, splits: Sequence[str] = tuple(STEMS)
) -> dict[str, tuple[Path, Path]]:
    """The files of the images and of the labels of each split, which are not read.

    Raises ``UserError`` for one that is missing.
    """
    folder = Path(folder)
    try:
        if not folder.is_dir():
            raise UserError(f"{folder}: no folder; {_needed(splits)}")
        return {
            split: (_find(folder, split, "images"), _find(folder, split, "labels"))
            for split in splits
        }
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}") from error


def read_images(path: str) -> Images:
    """The test images of a folder, or those of one file, whose labels are in the file beside it.

    Raises ``UserError`` as ``read_folder`` does.
    """
    file = usable(path)
    if not file.exists():
        raise UserError(f"{file}: no such file or folder")
    if file.is_dir():
        return read_folder(file, ["test"])["test"]
    if "images" not in file.name:
        raise UserError(
            f"{file}: no file of images by its name, as t10k-images-idx3-ubyte is; name that, or "
            "its folder"
        )
    labels = file.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    beside = _first(file.parent, [labels])
    if beside is None:
        raise UserError(f"{file}: no labels beside it; {labels} or {labels}.gz is needed")
    return _read_pair(file, beside)


def check(where: str, images: Images) -> Images:
    """``images``; ``UserError`` where there is none, or a label that is not 0 to 9."""
    if not images.pixels.size:
        shape = "x".join(map(str, images.pixels.shape))
        raise UserError(f"{where}: no image there, or none with a pixel ({shape})")
    wrong = np.flatnonzero(images.labels >= LABELS)
    if len(wrong):
        raise UserError(
            f"{where}: image {wrong[0] + 1} has the label {images.labels[wrong[0]]}; labels should "
            f"be 0 to {LABELS - 1}"
        )
    return images


def _find(folder: Path, split: str, kind: str) -> Path:
    names = _names(split, kind)
    found = _first(folder, names)
    if found is None:
        there = ", ".join(file.name for file in visible(folder)[:10]) or "nothing"
        raise UserError(f"{folder}: no {names[0]} there, plain or .gz, but {there}")
    return found


def _names(split: str, kind: str) -> list[str]:
    """The published name, and the one that some unpackers make of it."""
    return [f"{STEMS[split]}-{kind}{mark}idx{KINDS[kind]}-ubyte" for mark in "-."]


def _needed(splits: Sequence[str]) -> str:
    names = [_names(split, kind)[0] for split in splits for kind in KINDS]
    return f"a folder with {', '.join(names)} is needed, plain or .gz"


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of these files that is there, plain ones before packed ones."""
    files = [folder / f"{name}{packed}" for packed in ("", ".gz") for name in names]
    return next((file for file in files if file.is_file()), None)


def _read_pair(images: Path, labels: Path) -> Images:
    pixels, found = _read_idx(images, "images"), _read_idx(labels, "labels")
    if len(pixels) != len(found):
        raise UserError(
            f"{images}: {len(pixels)} images, but {len(found)} labels in {labels.name}; both "
            "should be of one data set"
        )
    check(str(labels if pixels.size else images), Images(pixels, found))
    return Images(pixels, found)


def _read_idx(path: Path, kind: str) -> Bytes:
    """An idx file of bytes: two zeros, 8, the number of dimensions, each one's size, the bytes.

    The form is described beside the data (LeCun, Cortes and Burges, "The MNIST database").
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"  # whatever the name says
            raw.seek(0)
            if not packed:
                return _unpacked(path, raw, kind)
            with gzip.open(raw) as file:
                return _unpacked(path, file, kind)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path}: damaged, it cannot be unpacked ({error}); get it again"
        ) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def _unpacked(path: Path, file: IO[bytes] | gzip.GzipFile, kind: str) -> Bytes:
    dimensions = KINDS[kind]
    magic = file.read(4)
    wanted = bytes([0, 0, 8, dimensions])
    if magic != wanted:
        raise UserError(
            f"{path}: no idx file of {kind}: it begins with {magic.hex() or 'nothing'}, not "
            f"{wanted.hex()}"
        )
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise UserError(f"{path}: damaged, it ends within its header; get it again")
    shape = np.frombuffer(header, ">u4").astype(object)  # whole numbers that cannot overflow
    size = int(shape.prod())
    content = bytearray()
    # By pieces, so that a header which lies takes no memory; one byte more tells what is too long.
    while len(content) <= size and (piece := file.read(CHUNK)):
        content += piece
    if len(content) != size:
        has = "more" if len(content) > size else len(content)
        raise UserError(
            f"{path}: damaged, its header ({'x'.join(map(str, shape))}) tells of {size} bytes, but "
            f"there are {has}; get it again"
        )
    return np.frombuffer(content, np.uint8).reshape(tuple(map(int, shape)))

"""Images with a label each from a data set on the Hugging Face hub."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqbench.datamodules import arrays
from seqbench.datamodules.cache import array, cached, digest, reading
from seqbench.datamodules.images.idx import Bytes, Images, check
from seqbench.datamodules.texts.hub import Hub
from seqbench.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

VERSION = 1
"""Of what is cached."""


def read_hub(name: str, cache_dir: Path) -> dict[str, Images]:
    """The images of each split of a hub data set, unpacked once into the cache.

    Raises ``UserError`` where the hub and its local cache lack the data set, and where it is not
    of grey images in a column ``image`` and labels 0 to 9 in a column ``label``.
    """
    hub = Hub(name)
    directory = cache_dir / "images" / digest([VERSION, hub.content])[:32]

    def build(new: Path) -> None:
        loaded = hub.load()
        if "test" not in loaded:
            raise UserError(f"{name}: no split test, but {', '.join(loaded)}")
        for split, data in loaded.items():
            images = unpacked(hub.where(split), data)
            arrays.save(new / f"{split}.pixels.npy", images.pixels)
            arrays.save(new / f"{split}.labels.npy", images.labels)

    place = cached(directory, build)
    with reading(place):
        return {
            split: Images(np.array(array(file)), np.array(array(place / f"{split}.labels.npy")))
            for split in ("train", "val", "test")
            if (file := place / f"{split}.pixels.npy").exists()
        }


def unpacked(where: str, data: "Dataset") -> Images:
    """The images and labels of one split; ``where`` is what to call it in a message."""
    import datasets

    for column, kind in (
        ("image", datasets.Image),
        ("label", (datasets.ClassLabel, datasets.Value)),
    ):
        if column not in data.column_names:
            there = ", ".join(map(repr, data.column_names))
            raise UserError(f"{where}: no column {column!r}; there are {there}")
        if not isinstance(data.features[column], kind):
            raise UserError(
                f"{where}: column {column!r} holds {type(data.features[column]).__name__}; "
                "images and labels of one number each are needed"
            )
    pixels = [*_grey(where, data)]
    labels = np.array([_label(where, row, value) for row, value in enumerate(data["label"], 1)])
    if not pixels:
        raise UserError(f"{where}: no image there")
    return check(where, Images(np.stack(pixels), labels.astype(np.uint8)))


def _grey(where: str, data: "Dataset") -> Iterator[Bytes]:
    first: tuple[int, ...] | None = None
    for row, image in enumerate(data.select_columns("image"), 1):
        picture = image["image"]
        if picture is None or picture.mode != "L":
            kind = "none" if picture is None else f"one of mode {picture.mode}"
            raise UserError(f"{where}: row {row} should hold an image in grey (mode L), not {kind}")
        pixels = np.asarray(picture)
        first = first or pixels.shape
        if pixels.shape != first:
            shapes = ["x".join(map(str, shape)) for shape in (pixels.shape, first)]
            raise UserError(f"{where}: image {row} is {shapes[0]}, the first is {shapes[1]}")
        yield pixels


def _label(where: str, row: int, value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 256:
        raise UserError(f"{where}: image {row} has the label {value!r}; labels should be 0 to 9")
    return value

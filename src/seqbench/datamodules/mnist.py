"""Images of handwritten digits, read as sequences of pixels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from seqbench.datamodules.base import Fraction, TaskData
from seqbench.datamodules.cache import digest
from seqbench.datamodules.features import Vectors
from seqbench.datamodules.images.hub import read_hub
from seqbench.datamodules.images.idx import (
    LABELS,
    Images,
    find_folder,
    read_folder,
    read_images,
)
from seqbench.datamodules.images.sequences import (
    Ints,
    as_sequences,
    content,
    drawn_order,
    pixel_statistics,
)
from seqbench.datamodules.text_classification import constant_scores
from seqbench.datamodules.texts.files import DATA_DIR, Whereabouts, local, whereabouts
from seqbench.datamodules.texts.notes import listed
from seqbench.datamodules.texts.splits import draw
from seqbench.errors import UserError
from seqbench.spec import TaskSpec


class MNIST(TaskData):
    """Which digit is it? An image's pixels, row after row, ``step`` of them at each step.

    With ``step=1`` the 784 pixels come one by one, with ``step=28`` the image comes by its rows,
    with ``step=784`` at once (Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent
    networks of rectified linear units", arXiv:1504.00941, section 4.2, has the first). Any data
    in MNIST's form will do, Fashion-MNIST for instance, with images of any one size.

    The data are the first of these that is there: ``path``, ``folder``, ``hub``. Their splits are
    kept; validation, unless they bring it, is drawn from train, stratified by label.

    path: a folder of the four idx files (``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``
        and the same with ``t10k``, the test), each plain or ``.gz``.
    folder: the same, by its name under the directory that ``SEQBENCH_DATA_DIR`` names.
    hub: the name of a data set on the Hugging Face hub, with columns ``image`` and ``label``.
    step: D, pixels a step; T is the number of pixels over D, and D has to divide it.
    permute: put the pixels into one and the same random order in all images, before they are cut
        into steps (section 4.2 of the same paper).
    permute_seed: draws that order; neither ``seed`` nor ``data_seed`` does.
    val_fraction: share of train that is drawn for validation.
    cache_dir: where images from the hub are kept, unpacked.

    The network reads ``(pixel - mean) / deviation``, both over all pixels of train.

    ``facts``: ``sizes``, ``class_counts``, ``majority``, ``image`` (rows and columns),
    ``pixel_mean``, ``pixel_deviation``. ``baselines``: ``majority``, the digit most frequent in
    train, always predicted. ``fingerprint`` depends on pixels, labels and the pixels' order alone.

    Raises ``UserError`` where the data are absent, damaged or not in this form, and for a ``step``
    that does not divide the number of pixels.
    """

    def __init__(
        self,
        *,
        cache_dir: str,
        path: str | None = None,
        folder: str | None = None,
        hub: str | None = None,
        step: PositiveInt = 28,
        permute: bool = False,
        permute_seed: NonNegativeInt = 0,
        val_fraction: Fraction = 0.1,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.cache_dir = Path(cache_dir).expanduser()
        self.path, self.folder, self.hub = path, folder, hub
        self.step, self.permute, self.permute_seed = step, permute, permute_seed
        self.val_fraction = val_fraction

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "spec"):
            return
        given = self._read()
        height, width = self._size(given)
        count = height * width
        order = drawn_order(self.permute_seed, count) if self.permute else None
        rows = self._rows(given)
        mean, deviation = pixel_statistics(given["train"], rows["train"])
        self.spec = TaskSpec(
            kind="classify",
            features=True,
            input_size=self.step,
            output_size=LABELS,
            labels=tuple(map(str, range(LABELS))),
            encoding={
                "center": [mean],
                "scale": [deviation],
                "order": order,
                "count": count,
                "range": [0, 255],
                "image": [height, width],
            },
        )
        self.splits = {
            split: as_sequences(given[split if split in given else "train"], self.spec, chosen)
            for split, chosen in rows.items()
        }
        contents = {split: content(images) for split, images in given.items()}
        self.fingerprint = digest(["images", contents, order])
        counts = {
            split: np.bincount(data.targets, minlength=LABELS).tolist()
            for split, data in self.splits.items()
        }
        majority = int(np.argmax(counts["train"]))
        self.facts = {
            "sizes": {split: len(data) for split, data in self.splits.items()},
            "class_counts": {
                split: dict(zip(self.spec.labels, each, strict=True))
                for split, each in counts.items()
            },
            "majority": self.spec.labels[majority],
            "image": [height, width],
            "pixel_mean": mean,
            "pixel_deviation": deviation,
        }
        self.baselines = {
            "majority": {
                split: constant_scores(self.splits[split].targets, majority)
                for split in ("val", "test")
            }
        }
        steps = count // self.step
        permuted = f", permuted by seed {self.permute_seed}" if self.permute else ""
        self.notes = [
            f"images of {height}x{width}: {listed(self.facts['sizes'])}; {steps} steps of "
            f"{self.step} pixels{permuted}"
        ]

    def from_file(self, path: str, spec: TaskSpec) -> Vectors:
        """The test images of a folder of idx files, or one file of images with its labels beside.

        They are cut into steps, ordered and scaled as ``spec`` says.
        """
        images = read_images(path)
        height, width = images.pixels.shape[1:]
        if [height, width] != list(spec.encoding["image"]):
            read = "x".join(map(str, spec.encoding["image"]))
            raise UserError(
                f"{path}: images of {height}x{width}, where this network reads images of {read}"
            )
        return as_sequences(images, spec)

    def whereabouts(self) -> Whereabouts | None:
        return whereabouts(self.path, self.folder, find_folder, hub=self.hub)

    def _read(self) -> dict[str, Images]:
        folder = local(self.path, self.folder, Path)
        if folder is not None:
            return read_folder(folder.expanduser())
        if self.hub:
            return read_hub(self.hub, self.cache_dir)
        where = f"set {DATA_DIR} to the directory that holds {self.folder}, or " * bool(self.folder)
        raise UserError(
            f"no data: {where}set task.path=FOLDER to a folder of MNIST's four idx files, or "
            "task.hub=ylecun/mnist"
        )

    def _size(self, given: Mapping[str, Images]) -> tuple[int, int]:
        """Rows and columns of every image; ``UserError`` where ``step`` does not divide them."""
        sizes = {split: images.pixels.shape[1:] for split, images in given.items()}
        height, width = sizes["train"]
        other = next((split for split, size in sizes.items() if size != sizes["train"]), None)
        if other:
            rows, columns = sizes[other]
            raise UserError(
                f"images are {height}x{width} in train and {rows}x{columns} in {other}; all should "
                "be of one size"
            )
        count = height * width
        if count % self.step:
            divisors = [i for i in range(1, count + 1) if count % i == 0]
            some = sorted(sorted(divisors, key=lambda i: abs(i - self.step))[:6])
            raise UserError(
                f"task.step={self.step} does not divide the {count} pixels of an image "
                f"({height}x{width}); near it, {', '.join(map(str, some))} do"
            )
        return height, width

    def _rows(self, given: Mapping[str, Images]) -> dict[str, Ints]:
        """Which images of what is given make up each split."""
        rows = {split: np.arange(len(images.labels)) for split, images in given.items()}
        if "val" not in given:
            random = np.random.default_rng(self.data_seed)
            labels = given["train"].labels.astype(np.int64)
            drawn, rest = draw(labels, np.arange(LABELS), self.val_fraction, random)
            if not len(drawn):
                raise UserError(
                    f"train has {len(labels)} images, none of a digit that is there twice, so that "
                    "none can be drawn for validation; more are needed"
                )
            rows |= {"train": rest, "val": drawn}
        return {split: rows[split] for split in ("train", "val", "test")}

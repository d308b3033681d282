"""Images cut into steps, and what has to be known of them for that."""

import hashlib

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.features import Vectors
from seqbench.datamodules.images.idx import Images
from seqbench.spec import TaskSpec

Ints = npt.NDArray[np.int64]

AT_A_TIME = 1000
"""Images that are counted at a time, so that no wide copy of all is made."""


def as_sequences(images: Images, spec: TaskSpec, rows: Ints | None = None) -> Vectors:
    """Images cut into steps as the spec's encoding tells; all of them, or those of ``rows``."""
    order = spec.encoding["order"]
    flat = images.pixels.reshape(len(images.pixels), -1)
    if rows is None:
        rows = np.arange(len(flat))
    # Bytes all the way: a batch alone is scaled, to four times the size.
    values = flat[rows] if order is None else flat[np.ix_(rows, order)]
    steps = spec.encoding["count"] // spec.input_size
    return Vectors(
        values.reshape(-1, spec.input_size),
        np.arange(len(rows) + 1) * steps,
        images.labels[rows].astype(np.int64),
        center=spec.encoding["center"],
        scale=spec.encoding["scale"],
    )


def drawn_order(seed: int, count: int) -> list[int]:
    """A random order of ``count`` pixels."""
    # NumPy promises the raw numbers for good, but not what a Generator makes of them.
    raw = np.random.PCG64(seed).random_raw(count)
    order: list[int] = np.argsort(raw, kind="stable").tolist()
    return order


def pixel_statistics(images: Images, rows: Ints) -> tuple[float, float]:
    """Mean and standard deviation of all pixels of these rows; 1 for a deviation of 0."""
    counts = np.zeros(256, np.int64)
    for part in np.split(rows, range(AT_A_TIME, len(rows), AT_A_TIME)):
        counts += np.bincount(images.pixels[part].ravel(), minlength=256)
    values = np.arange(256)
    mean = float(np.average(values, weights=counts))
    return mean, float(np.average((values - mean) ** 2, weights=counts)) ** 0.5 or 1.0


def content(images: Images) -> list[object]:
    """What tells these images and labels from others: their size and digests."""
    digests = [hashlib.sha256(values.tobytes()).hexdigest() for values in images]
    return [*images.pixels.shape, *digests]

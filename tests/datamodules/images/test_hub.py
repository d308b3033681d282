"""Rows of images and labels as a hub data set has them."""

from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from seqbench.datamodules.images.hub import unpacked
from seqbench.errors import UserError

GREY = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))


def rows(images: list[Any], labels: list[Any], **columns: Any) -> datasets.Dataset:
    features = {"image": datasets.Image(), "label": datasets.Value("int64")} | columns
    return datasets.Dataset.from_dict(
        {"image": images, "label": labels}, features=datasets.Features(features)
    )


def test_pixels_and_labels() -> None:
    found = unpacked("here", rows([GREY, GREY.transpose(Image.Transpose.ROTATE_180)], [7, 0]))
    assert found.pixels.tolist() == [[[0, 1, 2], [3, 4, 5]], [[5, 4, 3], [2, 1, 0]]]
    assert found.labels.tolist() == [7, 0]
    assert found.pixels.dtype == found.labels.dtype == np.uint8


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ([GREY, GREY.convert("RGB")], [1, 2], "row 2 .* not one of mode RGB"),
        ([GREY, None], [1, 2], "row 2 .* not none"),
        ([GREY, GREY.resize((4, 4))], [1, 2], "image 2 is 4x4, the first is 2x3"),
        ([GREY, GREY], [1, 10], "image 2 has the label 10; .* 0 to 9"),
        ([GREY, GREY], [-1, 1], "image 1 has the label -1"),
        ([GREY, GREY], [None, 1], "image 1 has the label None"),
        ([], [], "no image there"),
    ],
)
def test_other_rows_are_refused(images: list[Any], labels: list[Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^here: {message}"):
        unpacked("here", rows(images, labels))


def test_other_columns_are_refused() -> None:
    data = rows([GREY], [1])
    with pytest.raises(UserError, match="no column 'label'; there are 'image', 'digit'"):
        unpacked("here", data.rename_column("label", "digit"))
    with pytest.raises(UserError, match=r"column 'label' holds List; .* one number each"):
        unpacked("here", rows([GREY], [[1]], label=datasets.List(datasets.Value("int64"))))
    with pytest.raises(UserError, match=r"column 'image' holds Value; images"):
        unpacked("here", rows(["a"], [1], image=datasets.Value("string")))

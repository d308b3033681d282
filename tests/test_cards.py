"""Pictures on a card of TensorBoard's: how wide, and whether they can be read."""

from itertools import pairwise

import numpy as np
import pytest

from seqbench import cards
from seqbench.figures import CARD, pixels

LANGUAGES = [f"Language {chr(65 + i)}" for i in range(26)]


def report(labels: list[str], count: int) -> dict[str, object]:
    confusion = (np.eye(len(labels), dtype=int) * count + 3).tolist()
    return {"classes": {label: {} for label in labels}, "confusion": confusion}


@pytest.mark.parametrize(
    ("labels", "count", "shown"),
    [
        (["cat", "dog"], 1_000, ["1003", "3"]),
        ([str(i) for i in range(12)], 123_456, ["123k", "3"]),
        ([str(i) for i in range(13)], 10, []),
        ([f"{name}, a long one" for name in LANGUAGES] + list("abcd"), 10, []),
    ],
)
def test_a_confusion_matrix_is_legible(labels: list[str], count: int, shown: list[str]) -> None:
    figure = cards.confusion(report(labels, count))
    (axes,) = figure.axes
    assert pixels(figure).shape[1:] == (CARD, 4)
    scale = CARD / figure.get_figwidth() / 72
    texts = [*axes.get_xticklabels(), *axes.get_yticklabels(), *axes.texts]
    assert min(float(text.get_fontsize()) for text in texts) * scale >= 6.5
    assert [text.get_text() for text in axes.texts[:2]] == shown
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert [name[:8] for name in names] == [label[:8] for label in labels]
    # No name runs over its neighbour, or out of the picture.
    for ticks, across in ((axes.get_xticklabels(), True), (axes.get_yticklabels(), False)):
        boxes = [tick.get_window_extent() for tick in ticks]
        ends = [(box.x0, box.x1) if across else (-box.y1, -box.y0) for box in boxes]
        assert all(a[1] <= b[0] + 1.5 for a, b in pairwise(ends))
        assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= CARD + 1 for box in boxes)


def test_colours_are_shares_of_a_row() -> None:
    found = {
        "classes": {"a": {}, "b": {}, "$c$": {}},
        "confusion": [[9, 1, 0], [0, 0, 0], [1, 2, 1]],
    }
    (axes,) = cards.confusion(found).axes
    drawn = np.asarray(axes.images[0].get_array())
    assert drawn.tolist() == [[0.9, 0.1, 0], [0, 0, 0], [0.25, 0.5, 0.25]]
    assert axes.get_yticklabels()[2].get_text() == "$c$"
    assert not axes.get_yticklabels()[2].get_parse_math()


@pytest.mark.parametrize("more", [{}, {"exact_match": 0.125}])
def test_accuracy_by_length(more: dict[str, float]) -> None:
    slices = {
        "10": {"accuracy": 0.75, **more, "rows": 1234},
        "longer": {"accuracy": 0.0, **more, "rows": 1},
    }
    figure = cards.by_length(slices, ["up to 10", "longer"])
    (axes,) = figure.axes
    assert pixels(figure).shape[1:] == (CARD, 4)
    texts = [text.get_text() for text in axes.get_yticklabels()]
    assert texts == ["up to 10\n1,234 rows", "longer\n1 rows"]
    assert [text.get_text() for text in axes.texts][:2] == ["0.750", "0.000"]
    assert bool(axes.get_legend()) == bool(more)
    assert axes.yaxis_inverted(), "the shortest stand at the top"

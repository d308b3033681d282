"""Pictures show the numbers that they are given, and say where there are none."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from seqbench import figures, pictures
from seqbench.curves import Gradients, Layer, Measurement
from seqbench.errors import UserError
from seqbench.figures import CARD, pixels, save
from seqbench.pictures import Curve, Panel, draw

FALLING = [0.5 * 0.8**d for d in range(30)]


def panel(*curves: list[float], title: str = "rnn", part: str = "h", radius: float = 0.8) -> Panel:
    return Panel(title, part, [Curve(epoch, norms, radius) for epoch, norms in enumerate(curves)])


def heights(line: Any) -> list[float]:
    return [float(y) for y in line.get_ydata()]


def colour(line: Any) -> list[float]:
    return [float(part) for part in line.get_color()[:3]]


def texts(path: Path) -> str:
    return " ".join(re.findall(r">([^<>]+)<", path.read_text("utf-8")))


def test_a_panel_for_each_part_and_a_curve_for_each_epoch() -> None:
    layers = [Layer({"h": [3.0, 2.0, 1.0], "c": [6.0, 5.0, 4.0]}, 0.5, {})] * 2
    content = Gradients.of("val", 2, [Measurement(e, e, 1.0, layers) for e in (0, 5)])
    shown = pictures.panels("lstm", content, 1, ["h", "c"])
    assert [each.title for each in shown] == ["lstm, h", "lstm, c"]
    figure = draw(shown)
    *axes, bar = figure.axes
    assert len(axes) == 2
    for one, norms in zip(axes, ([3.0, 2.0, 1.0], [6.0, 5.0, 4.0]), strict=True):
        first, last, dashed = one.lines
        assert heights(first) == heights(last) == norms
        assert heights(dashed) == pytest.approx([norms[0] * 0.5**d for d in range(3)])
        # Light to dark, also in grey.
        brightness = [sum(colour(line)) / 3 for line in (first, last)]
        assert brightness[0] > brightness[1] + 0.2
        assert one.get_xlim()[0] <= 0 < 2 <= one.get_xlim()[1]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "5"]
    assert axes[0].get_ylim() == axes[1].get_ylim()


def test_an_epoch_has_one_colour_in_all_panels() -> None:
    one, two = draw([panel(FALLING, FALLING), Panel("b", "h", [Curve(1, FALLING, 0.9)])]).axes[:2]
    assert colour(one.lines[1]) == colour(two.lines[0])
    assert colour(one.lines[0]) != colour(two.lines[0])


def test_shares_of_the_first_number() -> None:
    (axes,) = draw([panel([4.0, 2.0, 1.0])], relative=True).axes
    assert heights(axes.lines[0]) == [1.0, 0.5, 0.25]
    assert heights(axes.lines[1])[0] == 1.0


def test_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    save(draw([panel(FALLING, title="my $rnn_1"), panel(FALLING, title="lstm", part="c")]), path)
    said = texts(path)
    for part in ("my $rnn_1   ρ = 0.800", "lstm   ρ = 0.800", "steps back from the last"):
        assert part in said
    first = path.read_bytes()
    save(draw([panel(FALLING, title="my $rnn_1"), panel(FALLING, title="lstm", part="c")]), path)
    assert path.read_bytes() == first
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("name", ["a.png", "a.pdf", "a.SVG"])
def test_formats(tmp_path: Path, name: str) -> None:
    save(draw([panel(FALLING)]), tmp_path / name)
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[name[2:].lower()]
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(
    ("norms", "radius", "note"),
    [
        ([1.0, 1e-20, 0.0, 0.0], 0.5, "exactly 0 from T − t = 2 on"),
        ([1.0, 0.0, 1.0, 0.0], 0.0, "exactly 0 at 2 steps"),
        ([1.0, 1e30, math.inf, math.nan], 1e30, "gap: not finite"),
        ([0.0, 0.0], 0.5, ""),
        ([math.nan, math.nan], math.nan, "gap: not finite"),
        ([0.0, 1.0], math.inf, ""),
        ([2.0], 1.0, ""),
        ([1e-320, 1e-323], 1e-300, ""),
        ([1e308, 1e-308], 1e300, ""),
        ([5.0, 5.0, 5.0], 1.0, ""),
    ],
)
def test_whatever_the_numbers_are(
    tmp_path: Path, norms: list[float], radius: float, note: str, relative: bool
) -> None:
    figure = draw([panel(norms, radius=radius)], relative)
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    assert 0 < low < high < math.inf
    if note:
        assert note in [text.get_text() for text in axes.texts]
    # A number that is no height is a gap, not a line to the bottom.
    drawn = heights(axes.lines[0])
    assert all(math.isnan(y) or 0 < y < math.inf for y in drawn)
    save(figure, tmp_path / "a.svg")


@pytest.mark.parametrize("count", [1, 2])
def test_pixels_are_as_wide_as_a_card(count: int) -> None:
    """TensorBoard stretches a picture of another width without smoothing it."""
    figure = draw([panel(FALLING)] * count, across=1)
    width, height = figure.get_size_inches()
    found = pixels(figure)
    assert found.shape[1:] == (CARD, 4)
    assert found.shape[0] == pytest.approx(height / width * CARD, abs=1.5)
    assert found.std() > 10
    assert len({axes.get_position().x0 for axes in figure.axes[:count]}) == 1
    points = min(float(text.get_fontsize()) for text in figure.axes[0].get_yticklabels())
    assert points / 72 * CARD / width >= 9  # pixels: legible


def test_a_long_title_takes_its_own_lines() -> None:
    (axes,) = draw([panel(FALLING, title="modular_sum lstm forget_bias=0.5 seed=12, c")]).axes
    first, second, last = axes.get_title().splitlines()
    assert f"{first} {second}" == "modular_sum lstm forget_bias=0.5 seed=12, c"
    assert last == "ρ = 0.800"


def test_letters_that_a_font_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    save(draw([panel(FALLING, title="кошка 模型 <&>")]), path)
    assert "кошка 模型 &lt;&amp;&gt;" in path.read_text("utf-8")


def test_many_panels_stand_in_rows() -> None:
    figure = draw([panel(FALLING)] * 7)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 7
    assert len({axes.get_position().y0 for axes in shown}) == 2
    size = figure.get_size_inches()
    assert size[0] < 2.5 * size[1]


def test_a_place_that_takes_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        save(draw([panel(FALLING)]), tmp_path / "none" / "a.svg")


def test_nothing_global_is_touched(tmp_path: Path) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    save(draw([panel(FALLING)]), tmp_path / "a.svg")
    assert dict(mpl.rcParams) == before


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    figures.require_matplotlib()
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'seqbench\[plots\]', or else"):
        figures.require_matplotlib(", or else")

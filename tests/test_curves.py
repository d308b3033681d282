"""gradients.json: read as it was written, and never half."""

import json
import math
from pathlib import Path

import pytest

from seqbench.curves import Gradients, Layer, Measurement, distances, finite, log10_ratio
from seqbench.errors import UserError

RADII = {"W_hh": 1.0}
ROUND = Gradients(
    "val",
    32,
    3,
    [
        Measurement(epoch, 10 * epoch, 2.5, [Layer({"h": h, "c": [3.0, 0.0, 1e-45]}, 0.5, RADII)])
        for epoch, h in enumerate([[1.0, 0.5, 0.25], [0.123456, math.nan, 7e-30]])
    ],
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    text = json.dumps(ROUND.to_dict(), allow_nan=False)
    assert json.loads(text)["measurements"][1]["layers"][0]["norms"]["h"] == [0.123456, None, 7e-30]
    (tmp_path / "a.json").write_text(text, "utf-8")
    found = Gradients.read(tmp_path / "a.json")
    assert found.to_dict() == ROUND.to_dict()
    assert math.isnan(found.measurements[1].layers[0].norms["h"][1])
    assert (found.depth, found.epochs, found.parts(0)) == (1, [0, 1], ["h", "c"])


def test_numbers_are_rounded() -> None:
    layer = Layer({"h": [1 / 3, math.inf]}, math.nan, {})
    plain = Gradients.of("val", 1, [Measurement(0, 0, 2 / 3, [layer])]).to_dict()
    (one,) = plain["measurements"]
    assert one["layers"] == [
        {"norms": {"h": [0.333333, None]}, "step_radius": None, "weight_radii": {}}
    ]
    assert (plain["schema_version"], plain["length"], one["loss"]) == (1, 2, 0.666667)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda text: text[: len(text) // 2], "EOF"),
        (lambda text: "", "EOF"),
        (lambda text: "[]", "object"),
        (lambda text: text.replace('"rows": 32', '"rows": 0'), "rows: "),
        (lambda text: text.replace('"length": 3', '"length": 4'), "length"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), "schema_version"),
        (lambda text: text.replace("0.25", '"much"'), "norms.h.2"),
        (lambda text: text.replace("0.25]", "0.25, 1]"), "not of one network"),
        (lambda text: text.replace('"epoch": 1', '"epoch": -1'), "measurements.1.epoch"),
    ],
)
def test_what_is_no_such_file(tmp_path: Path, change: object, part: str) -> None:
    assert callable(change)
    (tmp_path / "a.json").write_text(change(json.dumps(ROUND.to_dict())), "utf-8")
    with pytest.raises(UserError, match=part) as told:
        Gradients.read(tmp_path / "a.json")
    assert str(told.value).startswith(str(tmp_path / "a.json"))
    assert len(str(told.value).splitlines()) == 1


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        Gradients.read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("far", "near", "want"),
    [(0.01, 10, -3), (0, 1, -math.inf), (1e-300, 1e300, -600), (5, 5, 0)],
)
def test_powers_of_ten(far: float, near: float, want: float) -> None:
    assert log10_ratio(far, near) == want


@pytest.mark.parametrize(("far", "near"), [(1, 0), (math.nan, 1), (1, math.inf), (1, math.nan)])
def test_no_ratio(far: float, near: float) -> None:
    assert math.isnan(log10_ratio(far, near))


def test_where_a_table_is_read() -> None:
    assert [distances(n) for n in (1, 2, 11, 12, 125)] == [
        [0],
        [0, 1],
        [0, 10],
        [0, 10, 11],
        [0, 10, 100, 124],
    ]
    assert finite([1, 0, math.inf, math.nan, 2]) == [1, 2]

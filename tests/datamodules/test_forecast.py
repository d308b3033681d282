"""Windows, splits in time, what is fitted on train, and the baselines."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.datamodules.forecast import Forecast
from seqbench.datamodules.windows import Windows, baseline, last_value, least_squares
from seqbench.errors import UserError


def made(folder: Path, values: Any, names: str = "x", **settings: Any) -> Forecast:
    file = folder / "series.csv"
    rows = "\n".join(",".join(map(str, np.atleast_1d(row))) for row in values)
    file.write_text(f"{names}\n{rows}\n")
    defaults: dict[str, Any] = {"window": 3, "horizon": 2, "normalise": "none"}
    data = Forecast(path=str(file), **defaults | settings)
    data.setup()
    return data


def test_windows_of_each_split(tmp_path: Path) -> None:
    """What is forecast lies within the split; what is read may reach back."""
    data = made(tmp_path, range(20), val_fraction=0.2, test_fraction=0.2)
    for split, (first, last) in {"train": (3, 11), "val": (12, 15), "test": (16, 19)}.items():
        windows = data.splits[split]
        batch = windows[np.arange(len(windows))]
        assert batch.inputs.shape == (len(windows), 3, 1)
        assert batch.lengths.tolist() == [3] * len(windows)
        assert batch.targets[0].tolist() == [first, first + 1]
        assert batch.targets[-1].tolist() == [last - 1, last]
        assert batch.inputs[0, :, 0].tolist() == [first - 3, first - 2, first - 1]


def test_several_columns_some_of_them_forecast(tmp_path: Path) -> None:
    values = [[i, 100 + i, -i] for i in range(20)]
    data = made(tmp_path, values, "a,b,c", targets=["c", "b"])
    batch = data.splits["train"][np.array([0])]
    assert batch.inputs[0].tolist() == [[0, 100, 0], [1, 101, -1], [2, 102, -2]]
    assert batch.targets[0].tolist() == [-3, 103, -4, 104]
    assert data.spec.encoding["outputs"] == ["c t+1", "b t+1", "c t+2", "b t+2"]
    assert (data.spec.input_size, data.spec.output_size) == (3, 4)


@pytest.mark.parametrize(
    ("normalise", "center", "scale"),
    [("standard", 6.5, np.arange(14).std()), ("minmax", 0.0, 13.0), ("none", 0.0, 1.0)],
)
def test_normalisation_is_fitted_on_train(
    tmp_path: Path, normalise: str, center: float, scale: float
) -> None:
    """The last values are wild; they change nothing of it."""
    values = [*range(14), *[1e6] * 6]
    data = made(tmp_path, values, normalise=normalise, val_fraction=0.15, test_fraction=0.15)
    assert data.facts["center"] == pytest.approx([center])
    assert data.facts["scale"] == pytest.approx([scale])
    batch = data.splits["train"][np.array([0])]
    assert batch.inputs[0, 2, 0] == pytest.approx((2 - center) / scale, abs=1e-6)
    assert data.spec.encoding["output_scale"] == pytest.approx([scale] * 2)


def test_a_constant_column_is_not_divided_by_0(tmp_path: Path) -> None:
    data = made(tmp_path, [5.0] * 20, normalise="standard")
    assert data.splits["train"][np.array([0])].inputs.abs().max() == 0


def test_rounding_is_no_deviation(tmp_path: Path) -> None:
    """Of 0.1 said 140 times numpy's deviation is some 1e-16."""
    data = made(tmp_path, [[0.1, i] for i in range(140)], "a,b", normalise="standard")
    assert data.facts["scale"][0] == 1


def test_a_window_too_large_for_least_squares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqbench.datamodules.forecast.MOST", 2)
    data = made(tmp_path, range(40))
    assert [*data.baselines] == ["last"]
    assert any("no linear baseline" in note for note in data.notes)


def test_the_baselines_by_hand(tmp_path: Path) -> None:
    """Of a straight line the last value is 1 and 2 off, and a linear function is right."""
    data = made(tmp_path, [3.0 * i for i in range(40)], normalise="standard")
    for split in ("val", "test"):
        last, linear = (data.baselines[name][split] for name in ("last", "linear"))
        assert last == pytest.approx({"mae": 4.5, "rmse": np.sqrt((9 + 36) / 2)}, rel=1e-5)
        assert linear["rmse"] < 0.01


def test_least_squares_are_numpy_s() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(300, 2)).astype(np.float32)
    windows = Windows(values, np.arange(4, 298), window=4, horizon=3, targets=[1])
    inputs, targets = windows.arrays(np.arange(len(windows)))
    rows = np.c_[inputs.reshape(len(inputs), -1), np.ones(len(inputs))].astype(np.float64)
    wanted = rows @ np.linalg.lstsq(rows, targets.astype(np.float64))[0]
    got = least_squares(windows)(windows, inputs.astype(np.float64))
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    scores = baseline({"train": windows, "val": windows}, last_value, np.array([2.0] * 3))
    errors = 2 * (inputs[:, -1, 1:] - targets)
    assert scores == {
        "val": pytest.approx({"rmse": np.sqrt((errors**2).mean()), "mae": np.abs(errors).mean()})
    }


def test_a_file_is_read_by_the_run_s_columns_and_scale(tmp_path: Path) -> None:
    data = made(tmp_path, [[i, 2 * i] for i in range(40)], "a,b", normalise="standard")
    (tmp_path / "more.csv").write_text("b,a\n" + "".join(f"{2 * i},{i}\n" for i in range(6)))
    windows = data.from_file(str(tmp_path / "more.csv"), data.spec)
    assert len(windows) == 2
    first = data.splits["train"][np.array([0, 1])]
    again = windows[np.array([0, 1])]
    assert first.inputs.equal(again.inputs)
    assert first.targets.equal(again.targets)
    (tmp_path / "short.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"has 1 rows, where a window .* take 5"):
        data.from_file(str(tmp_path / "short.csv"), data.spec)


def test_a_file_of_another_step_is_refused(tmp_path: Path) -> None:
    hours = [[i, i % 7] for i in range(40)]
    data = made(tmp_path, hours, "t,x", time_column="t")
    (tmp_path / "more.csv").write_text("t,x\n" + "".join(f"{24 * i},{i}\n" for i in range(9)))
    for read in (data.from_file, data.asked):
        with pytest.raises(UserError, match=r"rows are 24 apart, those of the run 1$"):
            read(str(tmp_path / "more.csv"), data.spec)
    with pytest.raises(UserError, match=r"task\.targets: a column stands there twice"):
        made(tmp_path, hours, "t,x", targets=["x", "x"])


def test_the_place_of_the_file_is_no_part_of_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, two = (made(place, range(20)) for place in (tmp_path, tmp_path / "other"))
    assert one.fingerprint == two.fingerprint
    assert made(tmp_path, range(1, 21)).fingerprint != one.fingerprint
    assert made(tmp_path, range(20), "y").fingerprint != one.fingerprint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 20}, r"task\.window=20 and task\.horizon=2 are too long for train.* 14 of 20"),
        ({"horizon": 4}, r"task\.window=3 and task\.horizon=4 are too long for val, .* 3 of 20"),
        ({"targets": ["z"]}, r"task\.targets: 'z' is none of the columns"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "leave nothing to train on"),
    ],
)
def test_what_is_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        made(tmp_path, range(20), **settings)


def test_an_unknown_built_in_series() -> None:
    with pytest.raises(UserError, match=r"task\.built_in=sin: .*'sine'"):
        Forecast(built_in="sin")
    with pytest.raises(UserError, match=r"task\.built_in=None: .*sine or henon, or give"):
        Forecast()

"""What a report's pictures show is what the runs say."""

import math
from pathlib import Path
from typing import Any

import pytest
from tests.reporting.drawn import Bench, band, bars, drawn, lines, points, sure, texts

from seqbench.reporting.leaderboard import Costs
from seqbench.reporting.plotting.costs import parameters, times
from seqbench.reporting.plotting.curves import MOST, curves
from seqbench.reporting.plotting.forest import forest
from seqbench.reporting.plotting.rates import rates
from seqbench.reporting.plotting.slices import slices

pytest.importorskip("matplotlib")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_curves_are_means_in_a_band_from_the_lowest_seed_to_the_highest(bench: Bench) -> None:
    bench.row(
        "gru", bench.run([0.1, 0.5, 0.9]), bench.run([0.1, 0.3, 0.7]), bench.run([0.4, 0.1, 0.8])
    )
    bench.row("lstm", bench.run([0.2, 0.3, 0.4], test=0.4))
    bench.baseline("majority", test=0.3, val=0.35)
    axes, caption = sure(curves, bench.board())
    shown = lines(axes)
    assert [*shown] == ["gru", "lstm", "majority"]
    # In epochs that have been trained; 0 is before the first.
    assert points(shown["gru"]) == [(0, 0.2), (1, 0.3), (2, 0.8)]
    assert band(axes, "gru") == [(0, 0.1, 0.4), (1, 0.1, 0.5), (2, 0.7, 0.9)]
    assert points(shown["lstm"]) == [(0, 0.2), (1, 0.3), (2, 0.4)]
    assert not [each for each in axes.collections if each.get_label() == "_lstm"]
    assert {*shown["majority"].get_ydata()} == {0.35}
    assert shown["majority"].get_linestyle() == "--"
    assert axes.get_xlabel() == "epochs"
    assert axes.get_ylabel() == "validation accuracy"
    assert {"gru", "lstm", "majority"} < {*texts(axes)}
    assert "1 to 3 seeds" in caption
    assert "lowest seed" in caption
    assert "At 0 nothing has been trained" in caption


def test_a_curve_goes_as_far_as_all_its_seeds(bench: Bench) -> None:
    bench.row("gru", bench.run([0.1, 0.5, 0.9, 0.9]), bench.run([0.1, 0.3]))
    axes, caption = sure(curves, bench.board())
    assert points(lines(axes)["gru"]) == [(0, 0.1), (1, 0.4)]
    assert "A line ends where the first of its seeds stopped." in caption
    bench.rows.clear()
    bench.row("gru", bench.run([0.1, 0.5]), bench.run([0.1, 0.3]))
    assert "A line ends" not in sure(curves, bench.board())[1]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e200])
def test_what_is_no_number_leaves_a_gap(bench: Bench, bad: float) -> None:
    bench.row("gru", bench.run([0.1, bad, 0.9]), bench.run([0.1, 0.3, 0.7]))
    axes, caption = sure(curves, bench.board())
    assert [y for _, y in points(lines(axes)["gru"])] == pytest.approx(
        [0.1, math.nan, 0.8], nan_ok=True
    )
    assert "A gap: a seed had no finite number there." in caption
    assert axes.get_ylim()[1] < 1.1


def test_several_validations_in_an_epoch_are_told_by_steps(bench: Bench) -> None:
    bench.per_epoch = 2
    bench.row("gru", bench.run([0.1, 0.2, 0.3, 0.4, 0.5]))
    axes, _ = sure(curves, bench.board())
    assert axes.get_xlabel() == "steps"
    assert [x for x, _ in points(lines(axes)["gru"])] == [0, 10, 20, 30, 40]


def test_a_perplexity_over_decades_has_a_logarithmic_axis(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "perplexity", "min")
    bench.row("gru", bench.run([5000.0, 200.0, 60.0]))
    axes, caption = sure(curves, bench.board())
    assert axes.get_yscale() == "log"
    assert "logarithmic" in caption
    ticks = [label.get_text() for label in axes.get_yticklabels()]
    assert len(ticks) >= 3
    assert "1000" in ticks
    # What has run away presses nothing together, and is told.
    bench.row("rnn", bench.run([5000.0, 1e25, 1e30]))
    axes, caption = sure(curves, bench.board())
    low, high = axes.get_ylim()
    assert low < 60 < 5000 < high < 1e8
    assert "outside the axis" in caption
    assert points(lines(axes)["rnn"])[1:] == [(1, 1e25), (2, 1e30)]


def test_the_best_rows_are_drawn_and_how_many_there_are(bench: Bench) -> None:
    for place in range(MOST + 3):
        bench.row(
            f"lstm hidden_size={place}", bench.run([0, 0.5], test=0.5 + place / 100), model="lstm"
        )
    axes, caption = sure(curves, bench.board())
    shown = lines(axes)
    assert [*shown] == [f"lstm hidden_size={place}" for place in range(MOST + 2, 2, -1)]
    assert f"Of {MOST + 3} rows the best {MOST} are shown." in caption
    assert {line.get_color() for line in shown.values()} == {"#d55e00"}
    ways = {(str(line._dash_pattern), line.get_fillstyle()) for line in shown.values()}
    assert len(ways) == MOST


def test_the_end_of_flat_curves_is_magnified(bench: Bench) -> None:
    rising = [0.0, *(0.9 - 0.1 / 2**place for place in range(9))]
    bench.row("gru", bench.run(rising))
    bench.baseline("majority", test=0.3, val=0.3)
    drawing = drawn(curves, bench.board())
    assert drawing
    left, right = drawing.figure.axes
    assert points(lines(left)["gru"]) == points(lines(right)["gru"])
    assert left.get_ylim()[0] < 0 < 0.89 < right.get_ylim()[0]
    assert 4 < right.get_xlim()[0] < 4.5
    assert "majority" in texts(left)
    assert "majority" not in texts(right)
    assert "magnified" in drawing.caption


def test_nothing_is_drawn_without_data(bench: Bench) -> None:
    bench.row("gru", bench.run([], test=0.7))
    bench.row("rnn", bench.run([math.nan, math.nan], test=math.nan))
    bench.row("lstm")
    assert [drawn(kind, bench.board()) for kind in (curves, slices, rates, times)] == [None] * 4


def by_length(*values: float) -> dict[str, Any]:
    keys = ("longer", "100", "5", "20")
    return {"length": {k: {"accuracy": v, "rows": 7} for k, v in zip(keys, values, strict=False)}}


def test_slices_stand_in_the_order_of_their_bounds(bench: Bench) -> None:
    first, second = by_length(0.1, 0.2, 0.8, 0.6), by_length(0.3, 0.4, 1.0, 0.6)
    second["length"]["100"]["rows"] = 1200
    bench.row("gru", bench.run(slices=first), bench.run(slices=second))
    bench.row("lstm", bench.run(slices={"length": {"5": {"accuracy": 0.5}}}, test=0.1))
    axes, caption = sure(slices, bench.board())
    shown = lines(axes)
    assert [y for _, y in points(shown["gru"])] == [0.9, 0.6, 0.3, 0.2]
    assert bars(axes)["gru"] == [(0.8, 1.0), (0.6, 0.6), (0.2, 0.4), (0.1, 0.3)]
    assert [y for _, y in points(shown["lstm"])] == [0.5]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "1–5\n7 rows",
        "6–20\n7 rows",
        "21–100\n7–1,200 rows",
        "> 100\n7 rows",
    ]
    assert axes.get_ylabel() == "test accuracy"
    assert "1 to 2 seeds" in caption


def test_slices_that_lack_the_metric_show_their_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "loss", "min")
    bench.row("gru", bench.run(slices=by_length(0.1, 0.2)))
    axes, caption = sure(slices, bench.board())
    assert axes.get_ylabel() == "test accuracy"
    assert "Slices do not have the test loss." in caption


def test_a_slice_in_which_a_seed_has_no_number_is_left_out(bench: Bench) -> None:
    some, others = by_length(0.1, 0.2, 0.3), by_length(0.3, math.nan, 0.5)
    bench.row("gru", bench.run(slices=some), bench.run(slices=others))
    axes, _ = sure(slices, bench.board())
    assert points(lines(axes)["gru"]) == [(0, 0.4), (2, 0.2)]


def test_one_slice_is_no_picture(bench: Bench) -> None:
    bench.row("gru", bench.run(slices=by_length(0.1)))
    assert drawn(slices, bench.board()) is None


def test_rates_are_judged_on_validation(bench: Bench) -> None:
    for rate, value in ((0.1, 0.3), (0.001, 0.6), (0.01, 0.8)):
        runs = [bench.run(test=0.1, val=value - 0.1), bench.run(test=0.1, val=value + 0.1)]
        bench.row(f"gru lr={rate}", *runs, model="gru", settings={"optimizer.lr": rate})
    # That all failed: the rate stands in the settings alone.
    failed = [bench.run() for _ in range(2)]
    for entry in failed:
        object.__setattr__(entry, "state", "failed")
    more = {"settings": {"optimizer.lr": 1.0}, "others": failed}
    bench.row("gru lr=1", model="gru", **more)
    bench.row("rnn", bench.run(), costs=Costs(learning_rate=0.01))
    axes, caption = sure(rates, bench.board())
    shown = lines(axes)
    assert [*shown] == ["gru"]
    assert points(shown["gru"]) == [(0.001, 0.6), (0.01, 0.8), (0.1, 0.3)]
    assert bars(axes)["gru"] == [(0.5, 0.7), (0.7, 0.9), (0.2, 0.4)]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.001", "0.01", "0.1", "1"]
    assert axes.get_ylabel() == "validation accuracy"
    (cross,) = (line for line in axes.lines if line.get_label() == "_failed")
    assert [*cross.get_xdata()] == [1.0]
    assert cross.get_color() == shown["gru"].get_color()
    assert "2 of 2" in texts(axes)
    assert "A cross" in caption


def test_a_diverged_seed_counts_as_failed(bench: Bench) -> None:
    for rate in (0.01, 0.1):
        runs = [bench.run(val=0.4), bench.run(val=math.nan if rate == 0.1 else 0.6)]
        bench.row(f"gru lr={rate}", *runs, model="gru", settings={"optimizer.lr": rate})
    axes, _ = sure(rates, bench.board())
    assert points(lines(axes)["gru"]) == [(0.01, 0.5), (0.1, 0.4)]
    assert "1 of 2" in texts(axes)


def test_other_settings_make_lines_of_their_own(bench: Bench) -> None:
    for size in (8, 16):
        for rate in (0.01, 0.1):
            own = {"optimizer.lr": rate, "model.hidden_size": size}
            bench.row(f"gru {size} {rate}", bench.run(val=size / 100), model="gru", settings=own)
    axes, _ = sure(rates, bench.board())
    shown = lines(axes)
    assert {*shown} == {"gru hidden_size=8", "gru hidden_size=16"}
    assert len({line.get_color() for line in shown.values()}) == 1
    assert len({str(line._dash_pattern) for line in shown.values()}) == 2


def costly(bench: Bench) -> None:
    cost = {"gru": (300.0, 2000), "lstm": (20.0, 9000)}
    for place, (name, (seconds, size)) in enumerate(cost.items()):
        values = [0.8 + place / 10, 0.84 + place / 10]
        costs = Costs(fit_seconds=seconds, parameters=size)
        bench.row(name, *(bench.run(test=v) for v in values), costs=costs)
    bench.baseline("logistic", test=0.7, val=0.7, kind="baseline")
    bench.baseline("majority", test=0.75, val=0.7)


@pytest.mark.parametrize(
    ("kind", "x", "tick"),
    [(times, {"gru": 300, "lstm": 20, "logistic": 2}, "1 min"),
     (parameters, {"gru": 2000, "lstm": 9000, "logistic": 50}, "1k")],
)  # fmt: skip
def test_quality_against_costs(bench: Bench, kind: Any, x: Any, tick: str) -> None:
    costly(bench)
    axes, caption = sure(kind, bench.board())
    shown = lines(axes)
    rule = shown.pop("majority")
    assert {*rule.get_ydata()} == {0.75}
    assert {name: float(dot.get_xdata()[0]) for name, dot in shown.items()} == x
    assert points(shown["gru"])[0][1] == 0.82
    assert bars(axes) == {"gru": [(0.8, 0.84)], "lstm": [(0.9, 0.94)]}
    assert shown["logistic"].get_marker() == "*"
    assert axes.get_xscale() == "log"
    assert tick in [label.get_text() for label in axes.get_xticklabels()]
    assert {"gru", "lstm", "logistic", "majority"} < {*texts(axes)}
    assert "Stars" in caption


def test_names_that_find_no_room_beside_their_dots_stand_in_a_column(bench: Bench) -> None:
    for place in range(30):
        costs = Costs(fit_seconds=100.0 + place % 3)
        run = bench.run(test=0.8 + place / 1e4)
        bench.row(f"gru hidden_size={place}", run, model="gru", costs=costs)
    axes, caption = sure(times, bench.board())
    named = [text for text in texts(axes) if text.startswith("gru")]
    assert sorted(named) == sorted(f"gru hidden_size={place}" for place in range(6, 30))
    assert "The best 24 of 30 rows are named." in caption


def test_a_distant_baseline_is_told_and_not_drawn(bench: Bench) -> None:
    costly(bench)
    bench.baseline("worst", test=0.001, val=0.1)
    for kind in (times, forest):
        axes, caption = sure(kind, bench.board())
        assert "worst" not in lines(axes)
        assert "utside the axis" in caption
        assert axes.get_ylim()[0] > 0.3
    assert "← 0.001" in texts(axes)


def test_what_costs_the_same_is_no_picture(bench: Bench) -> None:
    for name in ("gru", "lstm"):
        bench.row(name, bench.run(), costs=Costs(parameters=5, fit_seconds=0))
    assert drawn(parameters, bench.board()) is None
    assert drawn(times, bench.board()) is None


def test_a_forest_has_a_row_a_row(bench: Bench) -> None:
    costly(bench)
    bench.row("rnn", bench.run(test=0.79))
    axes, _ = sure(forest, bench.board())
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["lstm", "gru", "rnn", "majority", "logistic"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the best at the top
    own = {line.get_label(): line for line in axes.lines}
    assert points(own["gru"]) == [(0.82, 1)]
    assert points(own["_interval gru"]) == [(0.8, 1), (0.84, 1)]
    assert points(own["_seeds gru"]) == [(0.8, 1), (0.84, 1)]
    assert "_interval rnn" not in own
    assert {*own["majority"].get_xdata()} == {0.75}

"""The small pictures in a leaderboard's rows."""

import math
from dataclasses import replace

import pytest
from tests.reporting.made import board, row

from seqbench.reporting.html.dots import Dots, dots, scale
from seqbench.reporting.leaderboard import Leaderboard, Row


def drawn(made: Leaderboard) -> list[Dots]:
    over = scale(made)
    assert over
    return dots(made, over)


def test_all_rows_share_a_scale_from_the_least_to_the_most() -> None:
    made = board(row("a", [0.8, 0.7], "best"), row("b", [0.5, 0.3]))
    over = scale(made)
    assert over
    assert (over.low, over.high) == pytest.approx((0.28, 0.82))
    assert over.ends == ("0.2800", "0.8200")
    first, second = dots(made, over)
    assert first.mean == pytest.approx(100 * (0.75 - 0.28) / 0.54, abs=0.01)
    assert (first.low, first.high) == pytest.approx((77.78, 96.3), abs=0.01)
    assert first.seeds == pytest.approx((96.3, 77.78), abs=0.01)
    assert second.mean == pytest.approx(22.22, abs=0.01)


def test_the_interval_of_the_best_is_a_band_in_the_rows_of_its_data() -> None:
    rows = [
        row("a", [0.8, 0.7], "best", data="A"),
        row("b", [0.5, 0.6], "worse", data="A"),
        row("c", [0.5, 0.6], data="B"),
    ]
    first, second, third = drawn(board(*rows))
    assert first.band == second.band == (first.low, first.high)
    assert third.band is None


def test_a_share_has_no_scale_beyond_0_and_1() -> None:
    over = scale(board(row("a", [1.0, 1.0, 1.0])))
    assert over
    assert (over.low, over.high) == (0.95, 1.0)
    other = scale(board(row("a", [0.0])))
    assert other
    assert (other.low, other.high) == (0.0, 0.5)


def test_a_rule_far_off_is_told_and_a_near_one_is_drawn() -> None:
    rows = [row("a", [0.9, 0.8]), row("near", [0.72], kind="trivial")]
    _, near, far = drawn(board(*rows, row("far", [0.1], kind="trivial")))
    assert near.mean is not None
    assert near.beyond == ""
    assert (far.mean, far.beyond) == (None, "left")
    (alone,) = drawn(board(row("alone", [0.4], kind="trivial")))
    assert alone.mean is not None


def test_what_is_better_the_lower_and_spans_decades_has_a_log_scale() -> None:
    made = board(row("a", [10.0]), row("b", [1000.0]), metric="perplexity", mode="min")
    over = scale(made)
    assert over
    assert over.log
    assert over.place(100.0) == pytest.approx(50)
    assert over.place(0.0) == -math.inf
    other = scale(replace(made, mode="max"))
    assert other
    assert not other.log


def test_what_is_no_number_is_not_drawn_and_moves_nothing() -> None:
    rows = [row("a", [2.0, 3.0]), row("b", [math.nan]), row("c", [math.inf, 4.0])]
    made = board(*rows, metric="rmse", mode="min")
    first, second, third = drawn(made)
    assert first.mean is not None
    assert second == Dots()
    assert third == Dots(beyond="right")
    assert scale(board(row("a", []))) is None
    assert drawn(board(row("a", [0.5]), Row("b", "b", "network")))[1] == Dots()


def test_of_many_seeds_the_interval_alone_is_drawn() -> None:
    (many,) = drawn(board(row("a", [0.5 + i / 1000 for i in range(41)])))
    assert many.seeds == ()
    assert many.low is not None

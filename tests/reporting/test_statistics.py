"""Intervals and tests against what can be worked out by hand."""

import itertools
import math
from statistics import fmean

import pytest

from seqbench.reporting.statistics import (
    Sample,
    differences,
    estimate,
    holm,
    interval,
    least_p,
    permutation_p,
)


def test_an_interval_is_that_of_all_resamples() -> None:
    """Of four values there are 256 resamples: their 2.5 % and 97.5 % points."""
    values = [1.0, 2.0, 4.0, 8.0]
    means = sorted(fmean(each) for each in itertools.product(values, repeat=4))
    low, high = interval(values)
    assert low == pytest.approx(means[round(0.025 * 256)], abs=0.15)
    assert high == pytest.approx(means[round(0.975 * 256)], abs=0.26)
    assert interval(values) == (low, high)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan, 2.0], [1.0, math.inf]])
def test_where_there_is_no_interval(values: list[float]) -> None:
    assert interval(values) == (None, None)


def test_equal_values_have_an_interval_of_one_point() -> None:
    assert interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    assert estimate({0: 0.25, 1: 0.75, 2: 0.75}).median == 0.75


def test_p_is_that_of_all_permutations() -> None:
    a, b = [1.0, 2.0, 3.5, 5.0], [2.5, 4.0, 6.0, 7.0]
    pool, seen = a + b, abs(fmean(a) - fmean(b))
    gaps = []
    for chosen in itertools.combinations(range(8), 4):
        one = [pool[i] for i in chosen]
        gaps.append(abs(fmean(one) - (sum(pool) - sum(one)) / 4))
    expected = sum(gap >= seen - 1e-12 for gap in gaps) / len(gaps)
    assert permutation_p(a, b) == pytest.approx(expected, abs=0.03)
    assert permutation_p(a, a) == 1.0


def test_p_against_a_number_is_that_of_all_signs() -> None:
    values = [0.3, 0.5, 0.1, 0.6, -0.2]
    seen = abs(fmean(values))
    signs = itertools.product((1, -1), repeat=5)
    means = [abs(fmean(s * v for s, v in zip(each, values, strict=True))) for each in signs]
    expected = sum(mean >= seen - 1e-12 for mean in means) / 32
    assert permutation_p([1 + v for v in values], 1.0) == pytest.approx(expected)


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.1), (4, 2 / 70), (5, 2 / 252)])
def test_the_least_p(seeds: int, least: float) -> None:
    assert least_p(seeds) == pytest.approx(least)
    apart = permutation_p([float(n) for n in range(seeds)], [100.0 + n for n in range(seeds)])
    assert apart == pytest.approx(least)


def test_too_few_values_are_not_tested() -> None:
    assert permutation_p([1.0, 2.0], [3.0, 4.0]) is None
    assert permutation_p([1.0, 2.0, math.nan], [3.0, 4.0, 5.0]) is None


def test_holm() -> None:
    """The example of Holm's paper in spirit: each times those not yet rejected, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_differences_are_over_common_seeds_alone() -> None:
    samples: dict[str, Sample] = {
        "best": {0: 1.0, 1: 2.0, 2: 3.0, 3: 100.0},
        "other": {0: 0.0, 1: 0.5, 2: 2.5, 7: -50.0},
        "rule": 0.5,
        "elsewhere": {8: 1.0},
    }
    found = differences(samples, "best")
    assert set(found) == {"other", "rule"}
    assert found["other"].mean == pytest.approx(-1.0)
    assert found["other"].seeds == 3
    assert found["other"].p is not None
    assert found["other"].corrected == found["other"].p
    assert found["rule"].mean == pytest.approx(0.5 - 26.5)
    assert found["rule"].p is None
    against = differences(samples, "rule")
    assert against["best"].p == pytest.approx(2 / 16)
    assert against["best"].corrected == pytest.approx(2 * 2 / 16)
    other = permutation_p([0.0, 0.5, 2.5, -50.0], 0.5)
    assert against["other"].p == other
    assert other is not None
    assert against["other"].corrected == max(other, 2 * 2 / 16)

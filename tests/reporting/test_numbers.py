"""Numbers as a report writes them."""

import math

import pytest

from seqbench.reporting import numbers


@pytest.mark.parametrize(
    ("value", "name", "written"),
    [
        (0.88316, "accuracy", "0.8832"),
        (1.0, "sequence_accuracy", "1.0000"),
        (0.00004, "span_f1", "0.0000"),
        (1.23456, "bits_per_character", "1.2346"),
        (2.6936, "loss", "2.6936"),
        (91.237, "perplexity", "91.24"),
        (12345.67, "perplexity", "12,345.7"),
        (3.2e14, "perplexity", "3.2e+14"),
        (math.inf, "perplexity", "inf"),
        (math.nan, "loss", "nan"),
        (23.4567, "rmse", "23.46"),
        (1234.56, "mae", "1,235"),
        (0.0123456, "rmse", "0.01235"),
        (0.0000123456, "rmse", "1.235e-05"),
        (0.0, "rmse", "0"),
        (0.98765, "a_users_own", "0.9877"),
        (None, "accuracy", "–"),
    ],
)
def test_a_metric_is_written_with_its_usual_precision(
    value: float | None, name: str, written: str
) -> None:
    assert numbers.metric(value, name) == written


@pytest.mark.parametrize(
    ("value", "name", "written"),
    [
        (0.0123, "accuracy", "+0.0123"),
        (-0.0123, "accuracy", "-0.0123"),
        (-0.00001, "accuracy", "0.0000"),
        (0.0, "perplexity", "0.00"),
        (0.0, "rmse", "0"),
        (-3.14159, "rmse", "-3.142"),
        (math.inf, "perplexity", "+inf"),
        (None, "accuracy", "–"),
    ],
)
def test_a_difference_has_a_sign_where_it_is_one(
    value: float | None, name: str, written: str
) -> None:
    assert numbers.difference(value, name) == written


def test_an_interval_is_written_as_its_metric() -> None:
    assert numbers.interval(0.86514, 0.873, "accuracy") == "[0.8651, 0.8730]"
    assert numbers.interval(-0.01, 0.0345, "accuracy", sign=True) == "[-0.0100, +0.0345]"
    assert numbers.interval(None, None, "accuracy") == "–"


def test_probabilities() -> None:
    written = [numbers.probability(p) for p in (None, 0.0004, 0.008, 0.0429, 1.0)]
    assert written == ["–", "< 0.001", "0.008", "0.043", "1.000"]


def test_counts() -> None:
    written = [numbers.count(n) for n in (None, 0, 12.5, 54352.7, 1_234_567, math.nan)]
    assert written == ["–", "0", "12.5", "54,353", "1,234,567", "nan"]
    assert [numbers.counted(n, "run") for n in (0, 1, 1000)] == ["0 runs", "1 run", "1,000 runs"]
    assert numbers.counted(2, "leaderboard of its own", "own leaderboards") == "2 own leaderboards"


def test_settings() -> None:
    written = [numbers.setting(x) for x in (None, 0.001, 3e-5, 0.1 + 0.2, 64, "auto", True)]
    assert written == ["–", "0.001", "3e-05", "0.3", "64", "auto", "True"]


def test_seconds() -> None:
    values = (0.0114, 0.996, 1.234, 9.996, 12.34, 99.96, 599.0, 600, 7830)
    written = ["0.011 s", "1.00 s", "1.23 s", "10.0 s", "12.3 s", "100 s", "599 s"]
    assert [numbers.seconds(value) for value in values] == [*written, "10 min", "2 h 10 min"]
    assert [numbers.seconds(value) for value in (None, math.inf)] == ["–", "inf"]


def test_memory() -> None:
    values = (None, 512, 1536, 1023.9 * 1024, 412 * 2**20, 1.38 * 2**30, 2000 * 2**30)
    written = ["–", "512 B", "1.5 KiB", "1.0 MiB", "412 MiB", "1.38 GiB", "2,000 GiB"]
    assert [numbers.memory(value) for value in values] == written


def test_words() -> None:
    names = [numbers.name_of(name) for name in ("bits_per_character", "macro_f1", "auroc")]
    assert names == ["bits per character", "macro F1", "AUROC"]
    assert numbers.better("max") == "higher is better"
    assert numbers.better("min") == "lower is better"

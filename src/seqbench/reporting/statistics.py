"""Means with intervals, and whether two differ. scipy comes with an extra."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from statistics import fmean, median
from typing import Any

from seqbench.errors import UserError
from seqbench.reporting.leaderboard import FEW, Difference, Estimate

CONFIDENCE = 0.95
RESAMPLES = 9999
SIGNIFICANT = 0.05

Sample = Mapping[int, float] | float
"""A metric by seed; or a number that no seed changes."""


def require_scipy() -> None:
    if find_spec("scipy") is None:
        raise UserError(
            "a report needs scipy, which is not installed: pip install 'seqbench[report]'"
        )


def estimate(by_seed: Mapping[int, float]) -> Estimate:
    """Over at least one seed."""
    values = [*by_seed.values()]
    low, high = interval(values)
    return Estimate(fmean(values), median(values), low, high, dict(by_seed))


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The percentile bootstrap's 95 % interval of the mean (Efron 1979); none of one value, or
    where one is not finite. Of few values it is too narrow: see ``docs/results.md``."""
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return None, None
    import numpy as np
    from scipy.stats import bootstrap

    found: Any = bootstrap(
        (np.asarray(values, dtype=float),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def permutation_p(a: Sequence[float], b: Sequence[float] | float) -> float | None:
    """Of a permutation test (Fisher 1935) that the mean of ``a`` differs from that of ``b``, a
    sample or a number; two-sided.

    Exact for up to seven values each (of one sample: thirteen), beyond from random permutations.
    None with fewer than three, or where one is not finite.
    """
    import numpy as np
    from scipy.stats import permutation_test

    samples = [[x - b for x in a]] if isinstance(b, int | float) else [a, b]
    if any(len(s) < FEW or not all(map(math.isfinite, s)) for s in samples):
        return None

    def statistic(x: Any, *y: Any, axis: int = -1) -> Any:
        return np.mean(x, axis=axis) - sum(np.mean(each, axis=axis) for each in y)

    found: Any = permutation_test(
        [np.asarray(sample, dtype=float) for sample in samples],
        statistic,
        permutation_type="independent" if len(samples) == 2 else "samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    return min(1.0, float(found.pvalue))


def least_p(seeds: int) -> float:
    """The least that ``permutation_p`` can be for two samples of so many."""
    return max(2 / math.comb(2 * seeds, seeds), 2 / (RESAMPLES + 1))


def least(comparisons: Sequence[Difference]) -> float:
    """The least corrected p that so many comparisons over their seeds could have found."""
    tested = [each.seeds for each in comparisons if each.p is not None]
    return least_p(min(tested)) * len(tested) if tested else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's step-down method (Holm 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected, highest = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = highest
    return corrected


def differences(samples: Mapping[str, Sample], other: str) -> dict[str, Difference]:
    """Of each to the one named ``other``, over their common seeds; none where they share none.

    What has no seeds is tested against nothing, but all others may be tested against it.
    """
    to = samples[other]
    found, tests = {}, {}
    for name, sample in samples.items():
        seeds = _common(sample, to)
        if name == other or not seeds:
            continue
        own, base = _at(sample, seeds), _at(to, seeds)
        gaps = [x - y for x, y in zip(own, base, strict=True)]
        p = None
        if not isinstance(sample, float):
            p = permutation_p(own, to if isinstance(to, float) else base)
        if p is not None:
            tests[name] = p
        count = 0 if isinstance(sample, float) and isinstance(to, float) else len(seeds)
        found[name] = Difference(other, fmean(gaps), *interval(gaps), p, None, count)
    for name, p in zip(tests, holm([*tests.values()]), strict=True):
        found[name] = replace(found[name], corrected=p)
    return found


def _common(a: Sample, b: Sample) -> list[int]:
    if isinstance(a, float):
        return [0] if isinstance(b, float) else [*b]
    return [*a] if isinstance(b, float) else [seed for seed in a if seed in b]


def _at(sample: Sample, seeds: Sequence[int]) -> list[float]:
    return [sample if isinstance(sample, float) else sample[seed] for seed in seeds]

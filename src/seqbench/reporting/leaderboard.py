"""What a report is made of: a leaderboard a task, a row a group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from seqbench.reporting.entries import Entry

FEW = 3
"""Seeds below which a row is marked."""

Kind = Literal["network", "baseline", "trivial"]
"""A network; a classical model with a run directory of its own; a rule that every run keeps beside
its metrics, as the majority."""

Verdict = Literal["best", "tied", "worse", "unsure", ""]
"""Against the row with the best mean on the same data: it is that, and others can be told from it;
it cannot be told from it; it is worse (permutation test, Holm); there are too few seeds for that
test. Empty of what has no seeds."""


@dataclass(frozen=True)
class Estimate:
    """A metric over seeds. low, high: the 95 % bootstrap interval of the mean; std: the standard
    deviation of a sample; None of one seed."""

    mean: float
    median: float
    low: float | None
    high: float | None
    by_seed: Mapping[int, float]
    std: float | None = None


@dataclass(frozen=True)
class Difference:
    """A row's mean less that of the row named ``other``, over ``seeds`` common seeds.

    low, high: the 95 % bootstrap interval. p: of the permutation test, two-sided; corrected: by
    Holm's method for the comparisons of the leaderboard. None where there are too few seeds. could:
    whether any difference, were it ever so large, would have come out below 5 %.
    """

    other: str
    mean: float
    low: float | None
    high: float | None
    p: float | None
    corrected: float | None
    seeds: int
    could: bool = False


@dataclass(frozen=True)
class Costs:
    """What a row's runs cost: medians over them; None where they do not say.

    tokens_per_second: real ones. seconds_to, steps_to: until validation has reached the
    given threshold, of the runs that did (``reached`` of them). peak_memory_bytes: most of all.
    """

    epochs: float | None = None
    learning_rate: float | None = None
    parameters: int | None = None
    state_size: int | None = None
    tokens_per_second: float | None = None
    epoch_seconds: float | None = None
    fit_seconds: float | None = None
    reached: int = 0
    seconds_to: float | None = None
    steps_to: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True)
class Row:
    """One group, or one baseline.

    name: no other row of the leaderboard has it. settings: in which it differs from the other rows
    of its model. data: a letter where the leaderboard has several sets of data. runs: that ended
    well. left_out: how many of a seed that has a later one. others: that did not, and count as
    failures or are under way. further: means on the other splits, by ``split/name``. estimate: None
    where no run has the metric.
    """

    name: str
    model: str
    kind: Kind
    runs: Sequence[Entry] = ()
    others: Sequence[Entry] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: str = ""
    estimate: Estimate | None = None
    further: Mapping[str, float] = field(default_factory=dict)
    difference: Difference | None = None
    verdict: Verdict = ""
    costs: Costs = Costs()
    command: str = ""
    left_out: int = 0

    @property
    def failures(self) -> int:
        return sum(entry.state in ("failed", "torn") for entry in self.others)

    @property
    def few(self) -> bool:
        """Whether it has fewer seeds than one should trust; a rule needs none."""
        return self.kind == "network" and self.seeds < FEW

    @property
    def seeds(self) -> int:
        """Those that have the metric; of a row without it, those that ended well."""
        return len(self.estimate.by_seed) if self.estimate else len(self.runs)


@dataclass(frozen=True)
class Leaderboard:
    """Of one task, the best row first; rows without the metric come last.

    metric: ``name`` on ``split``, which is better the higher (``mode`` max) or the lower (min).
    threshold: of the metric on validation, to which the costs refer; None where there is none.
    notes: what a reader must know, each a sentence.
    """

    task: str
    split: str
    metric: str
    mode: Literal["max", "min"]
    rows: Sequence[Row]
    threshold: float | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """Leaderboards by task. counts: how many runs there are of each state, those alone that occur.

    folders: where they were looked for, as the user named them. made: when, in UTC.
    """

    leaderboards: Sequence[Leaderboard]
    counts: Mapping[str, int]
    folders: Sequence[str]
    made: str
    notes: Sequence[str] = ()

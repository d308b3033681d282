"""A search's trials, kept by Optuna in a journal: what is asked, reported and told outlives all.

Proposals are by TPE (Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011), or drawn
at random; what lags behind is given up by the median rule (Golovin et al., Google Vizier, 2017).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqbench.searching.about import KEY, About, require
from seqbench.searching.journal import held
from seqbench.searching.ranges import Choices, Range, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study as OptunaStudy
    from optuna.trial import FrozenTrial

VOID = "void"
"""What is kept with a trial that was never whole."""

STARTUP = 5
"""Complete trials that the median rule goes by, at least."""
WARM_UP = 1 / 3
"""Share of a training before which it is not given up: rates that warm up begin slowly."""

State = Literal["ok", "pruned", "failed"]
Sampler = Literal["tpe", "random"]


@dataclass(frozen=True)
class Trial:
    """number: from 0. values: by key. seconds: of its training. run: its directory, if it came to
    that."""

    number: int
    values: dict[str, Value]
    state: State | None
    value: float | None
    seconds: float
    run: str | None
    error: str


class Study:
    """The trials of one search; to be had from ``opened``."""

    def __init__(
        self, file: Path, about: About, ranges: list[Range], sampler: Sampler, seed: int
    ) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        self.about, self.sampler, self.seed = about, sampler, seed
        self.distributions = {each.key: distribution(each) for each in ranges}
        lock = JournalFileOpenLock(str(file))
        self.storage = optuna.storages.JournalStorage(JournalFileBackend(str(file), lock))
        if not self.storage.get_all_studies():
            optuna.create_study(
                study_name=about.name,
                storage=self.storage,
                direction="maximize" if about.mode == "max" else "minimize",
            )
        self.optuna: OptunaStudy = optuna.load_study(study_name=about.name, storage=self.storage)
        if KEY not in self.optuna.user_attrs:
            self.optuna.set_user_attr(KEY, about.to_dict())
        for trial in self._trials():
            if not trial.state.is_finished() and trial.params.keys() != self.distributions.keys():
                self._set(trial.number, VOID, True)  # of a process that died while it asked
                self.tell(trial.number, "failed")

    def _trials(self) -> list["FrozenTrial"]:
        trials = self.optuna.get_trials(deepcopy=False)
        return [trial for trial in trials if VOID not in trial.user_attrs]

    def trials(self) -> list[Trial]:
        """All, in the order of their numbers; state None of those that have not ended."""
        return [_trial(trial) for trial in self._trials()]

    def ask(self) -> Trial:
        """A new trial; the same one whether earlier ones were asked for by this process or not."""
        number = len(self.optuna.get_trials(deepcopy=False))
        self.optuna.sampler = _sampler(self.sampler, self.seed, number)
        asked = self.optuna.ask(self.distributions)
        return next(trial for trial in self.trials() if trial.number == asked.number)

    def report(self, number: int, step: int, value: float) -> None:
        """Keep the metric of a trial's validation; the first that is told counts."""
        if step not in self._frozen(number).intermediate_values:
            self.storage.set_trial_intermediate_value(self._id(number), step, value)

    def lags(self, number: int, share: float) -> bool:
        """Whether the best validation so far is worse than the median of the complete trials at
        the same number of validations. share: of the training that is done."""
        from optuna.pruners import MedianPruner

        if not WARM_UP <= share < 1:
            return False
        pruner = MedianPruner(n_startup_trials=STARTUP, n_min_trials=STARTUP)
        return bool(pruner.prune(self.optuna, self._frozen(number)))

    def tell(
        self, number: int, state: State, value: float | None = None, **facts: str | float | None
    ) -> Trial:
        """End a trial. facts: ``run``, ``error``, ``seconds``."""
        from optuna.trial import TrialState

        for name, fact in facts.items():
            self._set(number, name, fact)
        states = {
            "ok": TrialState.COMPLETE,
            "pruned": TrialState.PRUNED,
            "failed": TrialState.FAIL,
        }
        self.optuna.tell(number, value, states[state])
        return _trial(self._frozen(number))

    def best(self) -> list[Trial]:
        """The complete trials, the best first; of equal ones the earlier."""
        sign = -1 if self.about.mode == "max" else 1
        complete = [trial for trial in self.trials() if trial.state == "ok"]
        return sorted(complete, key=lambda trial: sign * (trial.value or 0.0))

    def _id(self, number: int) -> int:
        study = self.storage.get_study_id_from_name(self.about.name)
        return self.storage.get_trial_id_from_study_id_trial_number(study, number)

    def _frozen(self, number: int) -> "FrozenTrial":
        return self.storage.get_trial(self._id(number))

    def _set(self, number: int, name: str, value: Any) -> None:
        self.storage.set_trial_user_attr(self._id(number), name, value)


def distribution(values: Range) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(values, Choices):
        return CategoricalDistribution(values.words)
    if values.whole:
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)


def _sampler(name: Sampler, seed: int, number: int) -> "BaseSampler":
    """Of one trial: one for all would begin again with the first when the search goes on."""
    from optuna.samplers import RandomSampler, TPESampler

    drawn = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    return RandomSampler(drawn) if name == "random" else TPESampler(seed=drawn)


def _trial(trial: "FrozenTrial") -> Trial:
    from optuna.trial import TrialState

    states: dict[Any, State] = {
        TrialState.COMPLETE: "ok",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    facts = trial.user_attrs
    state = states.get(trial.state)
    return Trial(
        trial.number,
        dict(trial.params),
        state,
        trial.value if state in ("ok", "pruned") else None,
        float(facts.get("seconds") or 0.0),
        facts.get("run"),
        str(facts.get("error") or ""),
    )


@contextmanager
def opened(
    file: Path, about: About, ranges: list[Range], sampler: Sampler, seed: int
) -> Iterator[Study]:
    """The study in ``file``, made if it is not there, which no other process is at meanwhile.

    Raises UserError, the file untouched, where it is of another search or of none.
    """
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        require(file, about)
        with held(file):
            yield Study(file, about, ranges, sampler, seed)
    finally:
        optuna.logging.set_verbosity(level)

"""Values that validation chooses: of a learning rate, say, for each cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import mean

from seqbench.errors import UserError
from seqbench.sweeps.record import Job


@dataclass(frozen=True)
class Setting:
    """The runs of all seeds with one choice of values.

    others: what the choice is made for, as ``model=gru``. chosen: the values, as words.
    """

    others: tuple[str, ...]
    chosen: tuple[str, ...]
    jobs: Sequence[Job]

    @property
    def label(self) -> str:
        return " ".join(self.chosen)

    def score(self) -> tuple[int, float]:
        """To be compared: how many runs ended well, then their mean on validation."""
        values = []
        for job in self.jobs:
            if job.status == "ok" and job.run:
                result = job.run.result()
                sign = 1 if result["mode"] == "max" else -1
                values.append(sign * result["metrics"]["val"][result["metric"]])
        values = [value for value in values if isfinite(value)]
        return len(values), mean(values) if values else 0.0


def settings(jobs: Sequence[Job], keys: Sequence[str]) -> list[Setting]:
    """The jobs by all that they were asked but the seed. UserError for keys not swept over."""
    swept = {word.partition("=")[0].lstrip("+") for job in jobs for word in job.words}
    for key in keys:
        if key not in swept or key == "seed":
            raise UserError(
                f"choose={key}: the sweep has no several values of it; write {key}=A,B,... or "
                "leave it out of choose"
            )
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Job]] = {}
    for job in jobs:
        named = [(word.partition("=")[0].lstrip("+"), word) for word in job.words]
        others = tuple(word for key, word in named if key not in (*keys, "seed"))
        chosen = tuple(word for key, word in named if key in keys)
        groups.setdefault((others, chosen), []).append(job)
    return [Setting(*key, group) for key, group in groups.items()]


def best(candidates: Sequence[Setting]) -> list[Setting]:
    """For each of ``others`` the choice whose runs did best on validation.

    A choice of which fewer runs ended well comes behind: a rate with which some seeds fail is no
    good rate. Of equals the first. None that has no run.
    """
    found: dict[tuple[str, ...], Setting] = {}
    for each in candidates:
        so_far = found.get(each.others)
        if each.score()[0] and (so_far is None or each.score() > so_far.score()):
            found[each.others] = each
    return list(found.values())


def at_the_edge(chosen: Setting, candidates: Sequence[Setting]) -> str:
    """Where a number was chosen than which none greater, or none less, was tried: a note of it."""
    rivals = [each.chosen for each in candidates if each.others == chosen.others]
    notes = []
    for place, word in enumerate(chosen.chosen):
        key, _, value = word.partition("=")
        try:
            tried = sorted({float(words[place].partition("=")[2]) for words in rivals})
        except ValueError:  # names
            continue
        end = {tried[0]: "least", tried[-1]: "greatest"}.get(float(value))
        if len(tried) > 1 and end:
            notes.append(f"the {end} {key} tried")
    return f" ({'; '.join(notes)})" if notes else ""

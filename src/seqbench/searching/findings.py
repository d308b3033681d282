"""What a person sees of a search: a line a trial, and a table of the best. Needs no torch."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from seqbench.searching.ranges import Value
from seqbench.searching.study import State, Study, Trial
from seqbench.terminal import plain_console, span, tell, visible

STATES: tuple[State, ...] = ("ok", "pruned", "failed")

BEST = 10
"""Trials that the table shows."""


class Findings:
    """Tells of the trials of a study, of which there are to be ``count``."""

    def __init__(self, study: Study, count: int, workers: int) -> None:
        self.study, self.count, self.workers = study, count, workers
        self.began = time.monotonic()
        self.seen = 0
        """Trials that have ended since."""

    def tell(self, line: str) -> None:
        tell(visible(line))

    def begin(self, file: Path) -> None:
        done = self.done()
        gone = f"{done} of {self.count} trials are done" if done else "a new search"
        if done >= self.count:
            gone += f"; for more, --trials {2 * done}"
        self.tell(f"{file}: {gone}")

    def done(self) -> int:
        return sum(trial.state is not None for trial in self.study.trials())

    def ended(self, trial: Trial, seconds: float, found: bool) -> None:
        """One line: which of how many, its values, how it did, and how long all may take yet."""
        self.seen += 1
        done, metric = self.done(), self.study.about.metric
        values = " ".join(f"{key}={shown(value)}" for key, value in trial.values.items())
        result = "" if trial.value is None else f"{metric} {trial.value:.4f}  "
        state = {"ok": "trained already" if found else "ok", "pruned": "pruned"}.get(
            str(trial.state), f"failed: {trial.error}"
        )
        self.tell(
            f"trial {trial.number + 1} ({done}/{self.count})  {values}  {result}{state}  "
            f"({seconds:.1f} s{self.left(done)})"
        )

    def left(self, done: int) -> str:
        """The time for the rest, as by this call's trials so far."""
        rest = self.count - done
        if rest <= 0:
            return ""
        return f", about {span((time.monotonic() - self.began) / self.seen * rest)} to go"

    def stopped(self) -> None:
        self.tell(f"ended; {self.done()} of {self.count} trials are done, the same line goes on")

    def show(self) -> None:
        """Print the best trials, and how all have ended."""
        best, about = self.study.best(), self.study.about
        console = plain_console()
        if best:
            if not console.is_terminal:
                console.width = 1000  # a table takes what it needs
            table = Table(box=None, pad_edge=False)
            ends = [key.rpartition(".")[2] for key in about.ranges]
            keys = ends if len({*ends}) == len(ends) else [*about.ranges]
            for heading in ("trial", about.metric, *keys, "seconds"):
                table.add_column(Text(visible(heading)), justify="right", overflow="fold")
            distinct: dict[tuple[Any, ...], Trial] = {}
            for trial in best:
                distinct.setdefault(tuple(trial.values.items()), trial)
            for trial in [*distinct.values()][:BEST]:
                values = [Text(visible(shown(trial.values[key]))) for key in about.ranges]
                value = "" if trial.value is None else f"{trial.value:.4f}"
                table.add_row(str(trial.number + 1), value, *values, f"{trial.seconds:.1f}")
            console.print(table)
        states = Counter(trial.state for trial in self.study.trials() if trial.state)
        counts = ", ".join(f"{states[state]} {state}" for state in sorted(states, key=STATES.index))
        total = states.total()
        console.print(f"{total} trial{'s' * (total != 1)}: {counts}", soft_wrap=True)
        if best:
            number, value = best[0].number + 1, f"{about.metric} {best[0].value:.4f}"
            told = f"best: trial {number}, {value} on validation, in {best[0].run}"
            console.print(visible(told), soft_wrap=True)


def shown(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""Train one network on one task, or with ``-m`` a sweep of them: ``python -m seqbench.train``.

Exit status: 0 done, 1 a run failed, 2 the user's mistake, 130 and 143 ended by a signal.
"""

import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench import compose, usage
from seqbench.commands import guarded
from seqbench.compose import Origin
from seqbench.errors import RunError, UserError, complain
from seqbench.runs import Run
from seqbench.seats import leads
from seqbench.signals import Stopped

if TYPE_CHECKING:
    from seqbench.trained import Trained


Config = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_command, argv)


def _command(words: list[str], show_traceback: bool) -> int:
    job = partial(_job, show_traceback=show_traceback)
    if _goes_on(words):
        return job(*_asked(words))
    if {*words} & usage.OPTIONS:
        usage.show(words)
        return 0

    def sweep(composed: list[compose.Composed], launcher: compose.Launcher) -> int:
        from seqbench.sweeps.sweep import Sweep

        return Sweep(composed, launcher, show_traceback).carry_out()

    if any(word.startswith("+sweep=") for word in words) and not {"-m", "--multirun"} & {*words}:
        words = [*words, "-m"]  # or Hydra would take no list beside it
    return compose.run(words, job, sweep)


def _goes_on(words: list[str]) -> bool:
    return any(word.startswith("resume=") for word in words)


def _asked(words: list[str]) -> tuple[Config, Origin, Run]:
    from seqbench.resume import asked

    return asked(words)


@dataclass(frozen=True)
class Result:
    """What ``run`` gives back: a finished run.

    path: the run directory. content: its ``result.json``. trust: what its network and task may be
    built of beside seqbench's own. Printed, it is the table that ends a run on the command line.
    """

    path: Path
    content: dict[str, Any]
    trust: frozenset[str] = frozenset()

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """By split and name, as ``result.metrics["test"]["accuracy"]``."""
        metrics: dict[str, dict[str, float]] = self.content["metrics"]
        return metrics

    @cached_property
    def model(self) -> "Trained":
        """The network of the best epoch, ready to predict and evaluate."""
        from seqbench.trained import load

        return load(self.path, trust=self.trust)

    def __str__(self) -> str:
        from seqbench.summary import as_text

        return as_text(self.content, self.path)


def run(overrides: Iterable[str] = ()) -> Result:
    """Train and test one network, as ``python -m seqbench.train OVERRIDES`` does.

    The same run again is not trained twice; its result is read. Torch's settings, the global
    random states, signal handlers and ``sys.argv`` are afterwards what they were before. Calls
    from several threads go one after another.

    Raises UserError for a mistake in the overrides or the data, and whatever ends a training.
    """
    done: list[Result] = []

    def job(config: Config, origin: Origin, run: Run | None = None) -> int:
        finished = _train(config, origin, run)
        # What was composed is trusted, whatever the run directory names.
        named = frozenset(targets([config["model"], config["task"]]))
        done.append(Result(finished.path.absolute(), finished.result(), named))
        return 0

    from seqbench.trust import targets

    if isinstance(overrides, str):
        raise UserError(f"run takes a list of words, not one text: [{overrides!r}]")
    words = list(overrides)
    for word in words:
        if word.startswith("-") and word.partition("=")[0] not in ("--config-dir", "-cd"):
            raise UserError(f"{word}: run() trains one network; it takes KEY=VALUE only")
    if _goes_on(words):
        job(*_asked(words))
    else:
        compose.run(words, job)
    (result,) = done
    return result


def _train(config: Config, origin: Origin, run: Run | None) -> Run:
    from seqbench.attempt import train
    from seqbench.build import SUPPLIED
    from seqbench.config import validate

    validate(config, SUPPLIED, origin)
    return train(config, run)


def _job(config: Config, origin: Origin, run: Run | None = None, *, show_traceback: bool) -> int:
    from seqbench.summary import show

    try:
        finished = _train(config, origin, run)
    except (UserError, RunError) as error:
        return complain(error, show_traceback)
    except Stopped:
        raise
    except SystemExit as end:
        print(f"seqbench: the run called sys.exit({end.code})", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    if leads(config):
        show(finished.result(), finished.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Fit the classical model that a network has to beat: ``python -m seqbench.baseline task=NAME``.

Exit status: 0 done, 1 it failed, 2 the user's mistake, 130 and 143 ended by a signal.
"""

import argparse
import re
import sys
import traceback
from functools import partial
from importlib.util import find_spec
from typing import Any

from seqbench import compose
from seqbench.commands import TRACEBACK, Parser, guarded
from seqbench.compose import Origin
from seqbench.errors import RunError, UserError, complain, short

EXAMPLES = """\
What is fitted is decided by the task: logistic regression on words, characters, windows or images,
an n-gram language model, or a linear forecast. Its settings are chosen on validation.

  python -m seqbench.baseline                       (task=modular_sum, as in seqbench.train)
  python -m seqbench.baseline task=imdb threads=1
  python -m seqbench.baseline task=text_classification task.path=FILE task.label_column=COLUMN
"""

NETWORK = (
    "model",
    "optimizer",
    "scheduler",
    "trainer",
    "callbacks",
    "logger",
    "debug",
    "budget",
)
"""What a training has, and a baseline has not."""

OTHERS = {
    "seed": "a baseline is the same with any seed",
    "resume": "a baseline is fitted from its beginning when its line is given again",
    "sweep": "a baseline is one run, and no sweep",
    "choose": "a baseline is one run, and no sweep",
    "on_failure": "a baseline is one run, and no sweep",
    "retries": "a baseline is one run, and no sweep",
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_baseline, argv)


def _baseline(arguments: list[str], show_traceback: bool) -> int:
    chosen = command().parse_intermixed_args(arguments)
    if find_spec("sklearn") is None:
        raise UserError("a baseline needs scikit-learn: pip install 'seqbench[baseline]'")
    for word in chosen.words:
        _check(word)
    folder = [] if chosen.config_dir is None else ["--config-dir", chosen.config_dir]
    return compose.run([*folder, *chosen.words], partial(_job, show_traceback=show_traceback))


def command() -> Parser:
    """Its options, and its words."""
    made = Parser(
        "python -m seqbench.baseline",
        description="Fit the classical model that a network has to beat on a task. It leaves a run "
        "directory as a training does. Its words are those of python -m seqbench.train that are "
        "not about a network.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("words", metavar="KEY=VALUE", nargs="*")
    made.add_argument("--config-dir", metavar="DIR", help="of yaml files of your own")
    made.add_argument(TRACEBACK, action="store_true", help="show where a mistake was found")
    return made


def _check(word: str) -> None:
    """Refuse words that decide nothing here."""
    key = re.split(r"[=./@]", word.lstrip("+~"), maxsplit=1)[0]
    if key in NETWORK:
        raise UserError(
            f"{short(word)}: a baseline has no network; it takes task=NAME, task.KEY=VALUE, paths, "
            "threads, progress, test and force; leave it out"
        )
    if key in OTHERS:
        raise UserError(f"{short(word)}: {OTHERS[key]}; leave it out")
    if word.startswith("hydra") and not word.startswith("hydra.searchpath"):
        raise UserError(f"{short(word)}: a baseline is one run, and no sweep; leave it out")


def _job(config: dict[str, Any], origin: Origin, *, show_traceback: bool) -> int:
    from seqbench.build import SUPPLIED
    from seqbench.classical.attempt import fit
    from seqbench.config import validate
    from seqbench.summary import show

    try:
        validate(config, SUPPLIED, origin)
        run = fit(config)
    except (UserError, RunError) as error:
        return complain(error, show_traceback)
    except Exception:  # whatever a task of somebody's own raises
        traceback.print_exc()
        return 1
    show(run.result(), run.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

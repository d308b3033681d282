"""Search for the best setting: ``python -m seqbench.search KEY=RANGE KEY=VALUE ... --trials 40``.

Exit status: 0 done, 1 no trial was completed, 2 the user's mistake, 130 and 143 ended by a signal.
A trial that fails is told and counted, and the search goes on: some settings diverge.
"""

import argparse
import sys
from importlib.util import find_spec

from seqbench.commands import TRACEBACK, Parser, guarded
from seqbench.errors import UserError, place, short
from seqbench.searching import ranges
from seqbench.searching.driver import Search
from seqbench.searching.journal import lines
from seqbench.searching.ranges import Line

EXAMPLES = """\
A range is uniform(a,b) or loguniform(a,b), of whole numbers int(a,b) or logint(a,b), or a list
a,b,c of values or of names of a group. The same line goes on with the same search.

  python -m seqbench.search task=pets model=gru "optimizer.lr=loguniform(1e-4,1e-1)" --trials 40
  python -m seqbench.search task=names model=rnn,gru,lstm "model.hidden_size=logint(16,256)"
  python -m seqbench.search task=pets "model.dropout=uniform(0,0.5)" seed=1 --workers 2
"""

OWN = {
    "test": "a search never reads the test data; train the best with them when it is over",
    "force": "a search trains no setting twice; another --storage begins it anew",
    "resume": "a search goes on when its line is given again",
    "trust": "a search trains anew",
}
"""Keys of a training that a search sets itself."""

NO_RANGE = {
    "task": "a search is of one task",
    "seed": "the best of some seeds is luck; search with one, and train the best with several",
    "progress": "nothing is trained by it",
    "threads": "nothing is trained by it",
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_search, argv)


def _search(arguments: list[str], show_traceback: bool) -> int:
    chosen = command().parse_intermixed_args(arguments)
    if find_spec("optuna") is None:
        raise UserError("a search needs Optuna: pip install 'seqbench[search]'")
    line = ranges.read(chosen.words)
    _check(line)
    given = None if chosen.storage is None else place(chosen.storage)
    if given is not None:
        lines(given)  # what is none is told before any time is spent
    return Search(line, chosen, show_traceback).run(given)


def command() -> Parser:
    """Its options, and its words."""
    made = Parser(
        "python -m seqbench.search",
        description="Search for the setting of a training that does best on validation; the test "
        "data stay unread. Its words are those of python -m seqbench.train, of which some give a "
        "range.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("words", metavar="KEY=RANGE|KEY=VALUE", nargs="*")
    made.add_argument(
        "--trials",
        type=_count,
        default=20,
        metavar="N",
        help="in all, with those that an earlier call has done; default: 20",
    )
    made.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="trials at a time; default: 1"
    )
    made.add_argument(
        "--pruning",
        choices=("median", "none"),
        default="median",
        help="median gives up, from a third of its training on, what is worse than the median of "
        "the trials before (once there are 5); default: median",
    )
    made.add_argument(
        "--sampler",
        choices=("tpe", "random"),
        default="tpe",
        help="tpe learns from the trials, from the 11th on; default: tpe",
    )
    made.add_argument("--seed", type=_seed, default=0, help="of the proposals; default: 0")
    made.add_argument(
        "--storage",
        metavar="FILE",
        help="the search's journal; default: searches/TASK-MODEL-HASH.journal below "
        "paths.output_dir",
    )
    made.add_argument("--config-dir", metavar="DIR", help="of yaml files of your own")
    made.add_argument(TRACEBACK, action="store_true", help="show where a mistake was found")
    return made


def _count(word: str) -> int:
    if not word.isdecimal() or not int(word[:9]) >= 1 or len(word) > 6:
        raise argparse.ArgumentTypeError(f"{short(word)!r} is no number from 1 to 999999")
    return int(word)


def _seed(word: str) -> int:
    if not word.isdecimal() or len(word) > 9:
        raise argparse.ArgumentTypeError(f"{short(word)!r} is no whole number from 0 on")
    return int(word)


def _check(line: Line) -> None:
    """Refuse words that make no search."""
    for word in line.fixed:
        key, _, value = word.partition("=")
        name = key.lstrip("+~")
        if name.startswith(("hydra", "sweep")):
            raise UserError(f"{short(word)}: a search starts its trials itself; leave it out")
        if name in OWN:
            raise UserError(f"{short(word)}: {OWN[name]}; leave it out")
        if name in NO_RANGE and name in line.keys:
            raise UserError(f"{name}: {NO_RANGE[name]}; give it one value")
        if name == "progress" and value != "lines":
            raise UserError(
                f"{short(word)}: a search shows a line a trial; leave it out, or progress=lines "
                "shows those of each training, too"
            )
    for name in line.keys:
        if name.startswith(("paths.", "hydra", "logger")):
            raise UserError(f"{short(name)}: nothing is trained by it; give it one value")


if __name__ == "__main__":
    sys.exit(main())

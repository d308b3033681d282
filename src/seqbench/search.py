"""Search for the best setting: ``python -m seqbench.search KEY=RANGE KEY=VALUE ... --trials 40``.

Exit status: 0 done, 1 no trial was completed, 2 the user's mistake, 130 and 143 ended by a signal.
A trial that fails is told and counted, and the search goes on: some settings diverge.
"""

import argparse
import hashlib
import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqbench import compose, processes
from seqbench.commands import TRACEBACK, Parser, guarded
from seqbench.errors import UserError, place, short
from seqbench.places import searched
from seqbench.searching import best, ranges
from seqbench.searching.findings import Findings
from seqbench.searching.ranges import Line, Value
from seqbench.searching.study import About, Study, opened
from seqbench.signals import Stopped
from seqbench.terminal import say

Config = dict[str, Any]
Origin = Callable[[str], str]

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
    chosen = _command().parse_intermixed_args(arguments)
    if find_spec("optuna") is None:
        raise UserError("a search needs Optuna: pip install 'seqbench[search]'")
    line = ranges.read(chosen.words)
    _check(line)
    given = None if chosen.storage is None else place(chosen.storage)
    if given is not None:
        from seqbench.searching.journal import lines

        lines(given)
    return Search(line, chosen, show_traceback).run(given)


def _command() -> Parser:
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
        if name in OWN:
            raise UserError(f"{short(word)}: {OWN[name]}; leave it out")
        if name in NO_RANGE and name in line.keys:
            raise UserError(f"{name}: {NO_RANGE[name]}; give it one value")
        if name == "progress" and value not in ("none", "lines"):
            raise UserError(f"{short(word)}: a search shows progress=lines or none of its trials")
    for name in line.keys:
        if name.startswith(("paths.", "hydra", "logger")):
            raise UserError(f"{short(name)}: nothing is trained by it; give it one value")


class Search:
    """What a search's line says, and the way from it to its trials."""

    def __init__(self, line: Line, chosen: Namespace, show_traceback: bool) -> None:
        self.line, self.chosen, self.show_traceback = line, chosen, show_traceback
        folder = chosen.config_dir
        self.option = [] if folder is None else ["--config-dir", folder]

    def run(self, given: Path | None) -> int:
        """given: the journal, where the user names it."""
        from seqbench.searching.pool import Pool

        about, outputs = self.look()
        file = given or outputs / "searches" / f"{about.name}.journal"
        ranged, workers = list(self.line.ranges.values()), self.chosen.workers
        with opened(file, about, ranged, self.chosen.sampler, self.chosen.seed) as study:
            findings = Findings(study, self.chosen.trials, workers)
            findings.begin(file)
            pool = Pool(
                study,
                lambda trial: self.compose(self.words(trial.values)),
                count=self.chosen.trials,
                workers=workers,
                threads=None if workers == 1 else max(1, processes.cores() // workers),
                prunes=self.chosen.pruning == "median",
                show=findings.ended,
                tell=findings.tell,
                traceback=self.traceback,
            )
            try:
                pool.run()
            except Stopped:
                findings.stopped()
                raise
            findings.show()
            return self.conclude(study, file)

    def look(self) -> tuple[About, Path]:
        """Compose and validate each end of each range, and read the data of the first of these
        settings that can be trained; what the search is, and where its runs go.

        Nothing is written but the data's cache. Raises UserError where none can be trained.
        """
        configs = [self.compose(self.words(values)) for values in self.line.probes()]

        from seqbench.isolation import isolated
        from seqbench.training import Training

        errors: list[UserError] = []
        for config in configs:
            try:
                with isolated(config["threads"]):
                    training = Training(config)
                    identity, spec = training.identity, training.module.spec
                break
            except UserError as error:
                errors.append(error)
        else:
            raise errors[0]
        described = self.line.describe()
        groups = [group for group in ("task", "model") if group not in self.line.keys]
        digest = hashlib.sha256(json.dumps([identity, described]).encode()).hexdigest()[:10]
        name = "-".join([*(config["names"][group] for group in groups), digest]).replace("/", "-")
        about = About(name, self.chosen.words, identity, described, spec.metric, spec.mode)
        return about, place(config["paths"]["output_dir"])

    def words(self, values: Mapping[str, Value]) -> list[str]:
        """Of the training of these values, as a trial."""
        words = self.line.words(values)
        shown = any(word.startswith("progress=") for word in words)
        return [*self.option, *words, "test=false", *([] if shown else ["progress=none"])]

    def compose(self, words: list[str]) -> Config:
        """The validated config; UserError for what cannot be trained."""
        configs: list[Config] = []

        def job(config: Config, origin: Origin) -> int:
            processes.server()  # it loads torch, while this process does so, too

            from seqbench.build import SUPPLIED
            from seqbench.config import validate

            validate(config, SUPPLIED, origin)
            configs.append(config)
            return 0

        compose.run(words, job)
        return configs[0]

    def traceback(self, text: str) -> None:
        if self.show_traceback:
            say(text, end="", file=sys.stderr)

    def conclude(self, study: Study, file: Path) -> int:
        """Print how to train the best, and write it as an experiment; the exit status."""
        found = study.best()
        if not found:
            say("seqbench: no trial was completed, so there is no best", file=sys.stderr)
            return 1
        words = [w for w in self.line.words(found[0].values) if not w.startswith("progress=")]
        say(best.command(words, self.chosen.config_dir))
        about = study.about
        heading = [
            f"The best of {len(study.trials())} trials: {about.metric} "
            f"{found[0].value:.6g} on validation, of",
            f"python -m seqbench.search {shlex.join(about.words)}",
        ]
        others = searched([*self.option, *words])
        listed = ",".join(f"'{each}'" for each in others)
        text = best.experiment(words, heading)
        trained = text and best.keep(
            file.parent,
            about.name,
            text,
            [f"hydra.searchpath=[{listed}]"] if others else [],
            self.compose(self.words(found[0].values)),
            self.compose,
        )
        if trained:
            say(trained)
        return 0


if __name__ == "__main__":
    sys.exit(main())

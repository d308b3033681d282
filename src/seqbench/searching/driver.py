"""The way of a search from its line to its best setting. Needs no torch until it composes."""

import hashlib
import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seqbench import compose, processes, seats
from seqbench.errors import UserError, place
from seqbench.places import searched
from seqbench.searching import best
from seqbench.searching.about import About
from seqbench.searching.findings import Findings
from seqbench.searching.pool import Pool
from seqbench.searching.ranges import Line, Value
from seqbench.searching.study import Study, opened
from seqbench.signals import Stopped
from seqbench.terminal import say

Config = dict[str, Any]
Origin = Callable[[str], str]


class Search:
    """What a search's line says, and the way from it to its trials."""

    def __init__(self, line: Line, chosen: Namespace, show_traceback: bool) -> None:
        self.line, self.chosen, self.show_traceback = line, chosen, show_traceback
        folder = chosen.config_dir
        self.option = [] if folder is None else ["--config-dir", folder]

    def run(self, given: Path | None) -> int:
        """given: the journal, where the user names it."""
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
        if any(seats.find(config["trainer"]).size > 1 for config in configs):
            raise UserError(
                "trainer=ddp: a search trains each of its trials by one process; leave it out, and "
                "train the best with it"
            )

        from seqbench.budget import overruled
        from seqbench.isolation import isolated
        from seqbench.training import Training

        for key in {key for config in configs for key in overruled(config)} & {*self.line.keys}:
            raise UserError(
                f"{key}: the budget decides it; search without that, or leave {key} out"
            )

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
        return [*self.option, *self.line.words(values), "test=false", "force=false"]

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

"""Hydra's way into a sweep: it expands the command line, composes, and starts the launcher."""

import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from hydra_plugins.seqbench.clusters import check, patient
from hydra_plugins.seqbench.processes import Processes
from seqbench import processes
from seqbench.compose import Composed, Program, origins, resolve
from seqbench.errors import UserError

MANY = 20
"""Runs whose composing takes so long that a word is due."""

TARGET = f"{Processes.__module__}.{Processes.__name__}"

ConfigStore.instance().store(
    group="hydra/sweeper",
    name="seqbench",
    node={"_target_": "hydra_plugins.seqbench.sweeper.Sweep", "params": {}},
    provider="seqbench",
)


class Sweep(Sweeper):
    """All combinations of the lists of values in ``params`` and on the command line.

    What is composed of them goes to the program, which calls for the launcher in its own time.
    """

    def __init__(self, params: Mapping[str, str]) -> None:
        self.params = dict(params)

    def setup(self, *, hydra_context: HydraContext, task_function: Any, config: DictConfig) -> None:
        assert isinstance(task_function, Program)
        self.context, self.program, self.master = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        overrides = self._overrides(arguments)
        self._launcher(Path(), self.program)  # what is wrong with its settings is told now
        if self.master.hydra.launcher._target_ == TARGET:
            processes.server()  # it loads torch while this process composes
        combinations = [*product(*map(self._values, overrides))]
        if len(combinations) > MANY:
            print(f"composing {len(combinations)} runs", file=sys.stderr)
        self.program.sweep([self._composed(words) for words in combinations], self)

    def _overrides(self, arguments: list[str]) -> list[Override]:
        """Those of ``params``, each in its place replaced by the command line's, and the others."""
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        given = parser.parse_overrides(arguments)
        words = parser.parse_overrides([f"{key}={text}" for key, text in self.params.items()])
        keys = [word.key_or_group for word in words]
        found = []
        for word in words:  # so that seeds stay last
            found += [o for o in given if o.key_or_group == word.key_or_group] or [word]
        return found + [o for o in given if o.key_or_group not in keys]

    def _values(self, override: Override) -> list[str]:
        """The words that a word with a list stands for; of any other itself."""
        if not override.is_sweep_override():
            return [str(override.input_line)]
        if not override.is_discrete_sweep():
            raise UserError(
                f"{override.input_line}: a sweep takes a list of values; to search a range use "
                "python -m seqbench.search"
            )
        values = [*override.sweep_string_iterator()]
        if not values:
            raise UserError(f"{override.input_line}: no value at all; there is nothing to run")
        return [f"{override.get_key_element()}={value}" for value in values]

    def _composed(self, words: Sequence[str]) -> Composed:
        config = self.context.config_loader.load_sweep_config(self.master, [*words])
        HydraConfig.instance().set_config(config)
        with open_dict(config):
            del config["hydra"]
        return Composed([*words], resolve(config), origins())

    def _launcher(self, folder: Path, task: Any) -> Any:
        config = deepcopy(self.master)
        with open_dict(config):
            config.hydra.sweep.dir, config.hydra.sweep.subdir = str(folder), "."
        try:
            return Plugins.instance().instantiate_launcher(
                hydra_context=self.context, task_function=task, config=config
            )
        except HydraException as error:
            if isinstance(error.__cause__, UserError):
                raise error.__cause__ from error
            raise

    def check(self) -> None:
        check(self.master.hydra.launcher)

    def launch(
        self,
        folder: Path,
        work: Callable[[DictConfig], None],
        overrides: Sequence[Sequence[str]],
    ) -> None:
        with patient():
            self._launcher(folder, work).launch(overrides, initial_job_idx=0)

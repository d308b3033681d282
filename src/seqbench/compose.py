"""Hydra, with free text on its command line and its errors in one line."""

import contextlib
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.errors import (
    HydraException,
)
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqbench.errors import UserError
from seqbench.hints import translate
from seqbench.places import CONF, is_group, searched
from seqbench.width_keys import following
from seqbench.words import arranged, unquoted

OPTIONAL = ("experiment", "debug")
"""Groups of which none is chosen, unless one is named."""

HYDRA_S_OWN = ("hydra.searchpath", "hydra.launcher", "hydra/launcher", "hydra.mode")
"""What may be set of Hydra: where it searches, and how it starts many runs."""

NOT_AVAILABLE = "provider=.*path=.* is not available"
"""Hydra's warning of search paths that lead nowhere, and of packages without an __init__.py."""

ONE_AT_A_TIME = threading.RLock()
"""Hydra's state, sys.argv and much of torch's belong to the whole process."""

Origin = Callable[[str], str]
Job = Callable[[dict[str, Any], Origin], int]


@dataclass(frozen=True)
class Composed:
    """One run of a sweep: its overrides, what is composed of them, the origin of its keys."""

    overrides: list[str]
    config: dict[str, Any]
    origin: Origin


class Launcher(Protocol):
    """What Hydra's launcher is for a sweep."""

    def check(self) -> None:
        """UserError where what it would start processes with is not there."""

    def launch(
        self, folder: Path, work: Callable[[DictConfig], None], overrides: Sequence[Sequence[str]]
    ) -> None:
        """Call ``work``, which can be pickled, in a process for each of the lists of overrides.

        folder: for what the launcher keeps. It returns when all have ended.
        """


Sweep = Callable[[list[Composed], Launcher], int]


class Program:
    """What Hydra calls with a composed config, and its sweeper with those of a whole sweep."""

    def __init__(self, job: Job, sweep: Sweep | None) -> None:
        self.job, self.many = job, sweep
        self.status = 0
        self.error: Exception | None = None

    def __call__(self, composed: DictConfig) -> None:
        try:
            self.status = self.job(resolve(composed), origins())
        except Exception as error:  # Hydra would print lines of its own
            self.error = error

    def sweep(self, jobs: list[Composed], launcher: Launcher) -> None:
        if self.many is None:
            raise UserError("this takes one run, and no sweep; leave -m and hydra.mode out")
        self.status = self.many(jobs, launcher)


def run(argv: list[str], job: Job, sweep: Sweep | None = None) -> int:
    """Compose from ``argv`` and call ``job`` with the resolved config and the origin of its keys.

    sweep: called instead where the words make several runs. Returns what either returns, and raises
    what they raise; UserError for whatever Hydra or OmegaConf refuses.
    """
    arguments = arranged(argv)
    task = Program(job, sweep)
    program = hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")(task)
    with ONE_AT_A_TIME, warnings.catch_warnings():
        Plugins.instance()  # what they register when they are imported, once, is to stay
        singletons = Singleton.get_state()
        GlobalHydra.instance().clear()  # it may be a caller's own
        warnings.filterwarnings("ignore", NOT_AVAILABLE)
        try:
            with _command_line(arguments):
                program()
        except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
            raise translate(error, arguments) from error
        finally:
            Singleton.set_state(singletons)
    if isinstance(task.error, OmegaConfBaseException):
        raise translate(task.error, arguments) from task.error
    if task.error:
        raise task.error
    return task.status


@contextlib.contextmanager
def _command_line(arguments: list[str]) -> Iterator[None]:
    """sys.argv and the environment as hydra.main reads them."""
    for argument in arguments:
        _check(argument)
    handlers, level = [*logging.root.handlers], logging.root.level  # --info sets others
    searched(arguments)
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = [argv[0], *arguments]
    try:
        yield
    finally:
        sys.argv = argv
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def _check(argument: str) -> None:
    """Refuse what Hydra would take, though a run would lack a part, or get files beside its own."""
    key, equals, name = argument.partition("=")
    key = key.lstrip("+~")
    if equals and name == "null" and is_group(key) and key not in OPTIONAL:
        raise UserError(f"{argument}: a group cannot be null; choose one, or leave it out")
    if re.match(r"hydra\b", key) and not key.startswith(HYDRA_S_OWN):
        raise UserError(f"{argument}: a run has a directory and a log of its own; leave it out")


def resolve(composed: DictConfig) -> dict[str, Any]:
    """Plain containers, interpolations resolved, the names chosen (task, model, experiment), and
    the command line that they came from, word by word."""
    runtime = HydraConfig.get().runtime
    chosen = runtime.choices
    config = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    assert isinstance(config, dict)
    for key in ("names", "command"):
        if key in config:
            raise UserError(f"{key} is set by seqbench itself; leave it out")
    names = {group: chosen[group] for group in ("task", "model", "experiment") if chosen[group]}
    folders = [each.path for each in runtime.config_sources if each.provider == "command-line"]
    options = [word for folder in folders for word in ("--config-dir", folder)]
    overrides = HydraConfig.get().overrides
    options += [word for word in overrides.hydra if word.startswith("hydra.searchpath")]
    command = [*options, *map(unquoted, overrides.task)]
    return {"names": names, "command": command, **following(composed, dict(config))}


def origins() -> Callable[[str], str]:
    """For the config just composed: from a key's name to the override or file that set it."""
    settings = HydraConfig.get()
    overrides = list(settings.overrides.task)
    groups = set(settings.runtime.choices)
    loader: ConfigLoader = GlobalHydra.instance().config_loader()

    def origin(name: str) -> str:
        for override in reversed(overrides):
            key = override.partition("=")[0].lstrip("+~")
            if key not in groups and (
                f"{name}.".startswith(f"{key}.") or key.startswith(f"{name}.")
            ):
                return override
        defaults = loader.compute_defaults_list("train", overrides, RunMode.RUN)
        repository: Any = loader.repository  # type: ignore[attr-defined]
        for default in reversed(defaults.defaults):
            prefix = f"{default.package}." if default.package else ""
            found = repository.load_config(default.config_path) if default.config_path else None
            if found and name.startswith(prefix) and _holds(found.config, name[len(prefix) :]):
                return f"{found.path.partition('://')[2]}/{default.config_path}.yaml"
        return ""

    return origin


def _holds(config: Any, name: str) -> bool:
    node = OmegaConf.to_container(config, resolve=False)
    for key in name.split("."):
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True

"""Hydra, with free text on its command line and its errors in one line."""

import contextlib
import logging
import os
import re
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.errors import (
    HydraException,
)
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqbench.errors import UserError
from seqbench.following import following
from seqbench.hints import translate
from seqbench.places import CONF, is_group, searched
from seqbench.words import arranged

OPTIONAL = ("experiment", "debug")
"""Groups of which none is chosen, unless one is named."""

HYDRA_S_OWN = ("hydra.searchpath", "hydra.launcher", "hydra/launcher", "hydra.sweep", "hydra/sweep")
"""What may be set of Hydra: where it searches, and how it goes through many runs."""

NOT_AVAILABLE = "provider=.*path=.* is not available"
"""Hydra's warning of search paths that lead nowhere, and of packages without an __init__.py."""

ONE_AT_A_TIME = threading.RLock()
"""Hydra's state, sys.argv and much of torch's belong to the whole process."""

Job = Callable[[dict[str, Any], Callable[[str], str]], int]


def run(argv: list[str], job: Job) -> int:
    """Compose from ``argv`` and call ``job`` with each resolved config and the origin of its keys.

    The largest of the jobs' exit statuses. UserError for whatever Hydra or OmegaConf refuses;
    what a job raises is raised again when all jobs are done.
    """
    arguments = arranged(argv)
    statuses = [0]
    errors: list[Exception] = []

    def task(composed: DictConfig) -> None:
        try:
            statuses.append(job(resolve(composed), origins()))
        except Exception as error:  # Hydra would print lines of its own
            errors.append(error)

    program = hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")(task)
    with ONE_AT_A_TIME, warnings.catch_warnings():
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
    for failure in errors:
        if isinstance(failure, OmegaConfBaseException):
            raise translate(failure, arguments) from failure
        raise failure
    return max(statuses)


@contextlib.contextmanager
def _command_line(arguments: list[str]) -> Iterator[None]:
    """sys.argv and the environment as hydra.main reads them; multirun.yaml goes to a scratch."""
    for argument in arguments:
        _check(argument)
    handlers, level = [*logging.root.handlers], logging.root.level  # --info sets others
    searched(arguments)
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    scratch = tempfile.mkdtemp(prefix="seqbench-")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sweep = [f"hydra.sweep.dir='{scratch}'"] if {"-m", "--multirun"} & {*arguments} else []
    sys.argv = [argv[0], *arguments, *sweep]
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
        shutil.rmtree(scratch, ignore_errors=True)


def _check(argument: str) -> None:
    """Refuse what Hydra would take, though a run would lack a part, or get files beside its own."""
    key, equals, name = argument.partition("=")
    key = key.lstrip("+~")
    if equals and name == "null" and is_group(key) and key not in OPTIONAL:
        raise UserError(f"{argument}: a group cannot be null; choose one, or leave it out")
    if re.match(r"hydra\b", key) and not key.startswith(HYDRA_S_OWN):
        raise UserError(f"{argument}: a run has a directory and a log of its own; leave it out")


def resolve(composed: DictConfig) -> dict[str, Any]:
    """Plain containers, interpolations resolved, and the names chosen: task, model, experiment."""
    chosen = HydraConfig.get().runtime.choices
    config = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    assert isinstance(config, dict)
    if "names" in config:
        raise UserError("names is set by seqbench itself; leave it out")
    names = {group: chosen[group] for group in ("task", "model", "experiment") if chosen[group]}
    return {"names": names, **following(composed, dict(config))}


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

"""Hydra, with free text on its command line and its errors in one line."""

import contextlib
import logging
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.singleton import Singleton
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from seqbench.errors import UserError, nearest, short
from seqbench.words import arranged

PACKAGE = Path(__file__).parent
CONF = next(p for p in (PACKAGE / "conf", PACKAGE.parents[1] / "conf") if p.is_dir())
"""The installed wheel's own conf, or the checkout's."""

OPTIONAL = ("experiment", "debug")
"""Groups of which none is chosen, unless one is named."""

HYDRA_S_OWN = ("hydra.searchpath", "hydra.launcher", "hydra/launcher", "hydra.sweep", "hydra/sweep")
"""What may be set of Hydra: where it searches, and how it goes through many runs."""

NOT_AVAILABLE = "provider=.*path=.* is not available"
"""Hydra's warning of search paths that lead nowhere, and of packages without an __init__.py."""

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
    singletons = Singleton.get_state()
    try:
        with _command_line(arguments), warnings.catch_warnings():
            warnings.filterwarnings("ignore", NOT_AVAILABLE)
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
    _searched(arguments)
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


def is_group(key: str) -> bool:
    return re.fullmatch(r"[\w/]{1,99}", key) is not None and (CONF / key).is_dir()


def _check(argument: str) -> None:
    """Refuse what Hydra would take, though a run would lack a part, or get files beside its own."""
    key, equals, name = argument.partition("=")
    key = key.lstrip("+~")
    if equals and name == "null" and is_group(key) and key not in OPTIONAL:
        raise UserError(f"{argument}: a group cannot be null; choose one, or leave it out")
    if re.match(r"hydra\b", key) and not key.startswith(HYDRA_S_OWN):
        raise UserError(f"{argument}: a run has a directory and a log of its own; leave it out")


def _searched(arguments: list[str]) -> list[str]:
    """Where a command line lets Hydra search beside conf; UserError for what is not there."""
    found: list[str] = []
    for before, argument in pairwise(["", *arguments]):
        option, equals, value = argument.partition("=")
        if option.startswith("hydra.searchpath"):
            places = OverridesParser.create().parse_override(argument).value()
            if not isinstance(places, list):
                raise UserError(f"{option}: should be a list, as [pkg://my_package.conf]")
            found += places
        elif before in ("--config-dir", "-cd"):
            found.append(f"file://{Path(argument).absolute()}")
        elif option == "--config-dir" and equals:
            found.append(f"file://{Path(value).absolute()}")
    for place in found:
        scheme, _, path = place.rpartition("://")
        try:
            there = files(path) if scheme == "pkg" else Path(path)
        except (ImportError, ValueError, TypeError):
            there = None
        if there is None or not there.is_dir():
            raise UserError(f"there is no {place} to search for configs; mend it")
    return found


def resolve(composed: DictConfig) -> dict[str, Any]:
    """Plain containers, interpolations resolved, and the names chosen for task and model."""
    chosen = HydraConfig.get().runtime.choices
    config = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    assert isinstance(config, dict)
    if "names" in config:
        raise UserError("names is set by seqbench itself; leave it out")
    return {"names": {group: chosen[group] for group in ("task", "model")}, **config}


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


def translate(error: Exception, arguments: list[str]) -> UserError:
    """Hydra's and OmegaConf's own errors as one line each."""
    text = str(error) or str(error.__cause__)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        hint = nearest(name, {*(error.options or ())} - {"base"})
        return UserError(f"there is no {group or 'config'} {name!r}{hint}")
    if isinstance(error, OverrideParseException):
        return UserError(
            f"cannot read {short(repr(error.override))}: write KEY=VALUE (text in quotes)"
        )
    if isinstance(error, UnicodeDecodeError):
        return UserError(f"a yaml file of yours is not in UTF-8; save it so ({text})")
    if isinstance(error, YAMLError):
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        where = getattr(mark or error, "name", "a yaml file")
        cause = getattr(error, "problem", None) or text.splitlines()[0]
        return UserError(f"{where}{line}: no valid YAML: {cause}; mend it")
    unknown = re.search(r"Could not override '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and unknown:
        name, _, package = unknown[1].partition("@")
        if package and is_group(name):
            return UserError(f"unknown {unknown[1]}: nothing is chosen there; write {name}=NAME")
        return UserError(f"unknown {name}: is not a key here{_nearest_key(name, arguments)}")
    if isinstance(error, MissingMandatoryValue):
        return UserError(f"{error.full_key}: is missing; give it a value")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("object_type=", "full_key:"))]
    key = getattr(error, "full_key", None)
    if key:
        return UserError(f"{key}: {'; '.join(told)}; give {key} another value")
    merging = re.match("Error merging override (.*)", text, re.DOTALL)
    if merging:
        cause = str(error.__cause__).splitlines()[0]
        return UserError(f"cannot read {short(merging[1])}: {cause}; mend its value")
    return UserError("; ".join(told))


def _nearest_key(name: str, arguments: list[str]) -> str:
    """The composed config's key, or the group, most like ``name``."""
    groups = [a for a in arguments if is_group(a.partition("=")[0]) and "," not in a]
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            search = ",".join(f"'{place}'" for place in _searched(arguments))
            config: Any = hydra.compose("train", [f"hydra.searchpath=[{search}]", *groups])
            loader = GlobalHydra.instance().config_loader()
            subgroups = [
                f"{group}/{sub}"
                for group in loader.list_groups("")
                for sub in loader.list_groups(group)
            ]
    except (HydraException, OmegaConfBaseException):
        return ""
    if "/" in name:
        return nearest(name, subgroups)
    parent, _, leaf = name.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not OmegaConf.is_dict(node):
        return f"; {parent} holds no keys" if parent else ""
    if "_target_" in node:
        from seqbench.config import locate, parameters

        if leaf in parameters(locate(node["_target_"])):
            return f" as yet, but could be: write +{name}=VALUE"
    hint = nearest(leaf, [str(key) for key in node if key != "_target_"])
    return re.sub(r"'(.+)'", rf"'{parent}.\1'", hint) if parent else hint

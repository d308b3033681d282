"""Hydra, with free text on its command line and its errors in one line."""

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
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
from omegaconf.errors import OmegaConfBaseException

from seqbench.errors import UserError, nearest

PACKAGE = Path(__file__).parent
CONF = next(p for p in (PACKAGE / "conf", PACKAGE.parents[1] / "conf") if p.is_dir())
"""The installed wheel's own conf, or the checkout's."""

PATH_KEY = re.compile(r"(^|[._])(path|dir|file)$")

LIST_WORD = re.compile(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,])+""")
"""A word of a list: no comma, but within quotes."""

Job = Callable[[dict[str, Any], Callable[[str], str]], int]


def quote(argument: str) -> str:
    """One command-line argument as Hydra's grammar takes it.

    Hydra's lexer stumbles over Cyrillic, apostrophes, ``=`` and other free text in values. A value
    of a path key is always quoted, any other only where the parser refuses it as it stands; of a
    refused ``[list]`` the words that are refused.
    """
    key, equals, value = argument.partition("=")
    if equals and not key:
        raise UserError(f"cannot read {argument!r}: write KEY=VALUE")
    if not equals or key.startswith("-") or value[:1] in ("'", '"'):
        return argument
    if not PATH_KEY.search(key) or value in ("", "null"):
        if _parses(argument):
            return argument
        if value.startswith("[") and value.endswith("]"):
            words = [word.strip() for word in LIST_WORD.findall(value[1:-1])]
            listed = ",".join(w if _parses(f"{key}={w}") else _quoted(w) for w in words)
            if _parses(f"{key}=[{listed}]"):
                return f"{key}=[{listed}]"
    return f"{key}={_quoted(value)}"


def _parses(argument: str) -> bool:
    try:
        OverridesParser.create().parse_override(argument)
    except HydraException:
        return False
    return True


def _quoted(text: str) -> str:
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
    return f"'{escaped}'"


def options_first(arguments: list[str]) -> list[str]:
    """Options, with their values, before the overrides: Hydra's parser takes no mixture."""
    valued = {
        name
        for action in get_args_parser()._actions
        if action.nargs != 0 and action.option_strings
        for name in action.option_strings
    }
    options: list[str] = []
    overrides: list[str] = []
    for argument in arguments:
        follows = bool(options) and options[-1] in valued and "=" not in argument
        (options if follows or argument.startswith("-") else overrides).append(argument)
    return options + overrides


def run(argv: list[str], job: Job) -> int:
    """Compose from ``argv`` and call ``job`` with each resolved config and the origin of its keys.

    The largest of the jobs' exit statuses. UserError for whatever Hydra or OmegaConf refuses;
    what a job raises is raised again when all jobs are done.
    """
    arguments = options_first([quote(argument) for argument in argv])
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
        with _command_line(arguments):
            program()
        if errors:
            raise errors[0]
    except (HydraException, OmegaConfBaseException) as error:
        raise translate(error, arguments) from error
    finally:
        Singleton.set_state(singletons)
    return max(statuses)


@contextlib.contextmanager
def _command_line(arguments: list[str]) -> Iterator[None]:
    """sys.argv and the environment as hydra.main reads them; multirun.yaml goes to a scratch."""
    for argument in arguments:
        group, equals, name = argument.partition("=")
        if equals and name == "null" and (CONF / group).is_dir():
            raise UserError(f"{argument}: a group cannot be null; choose one, or leave it out")
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    scratch = tempfile.mkdtemp(prefix="seqbench-")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sweep = [f"hydra.sweep.dir='{scratch}'"] if {"-m", "--multirun"} & {*arguments} else []
    sys.argv = [argv[0], *arguments, *sweep]
    try:
        yield
    finally:
        sys.argv = argv
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full
        shutil.rmtree(scratch, ignore_errors=True)


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
        return UserError(f"cannot read {error.override!r}: write KEY=VALUE (text in quotes)")
    unknown = re.search(r"Could not override '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and unknown:
        name = unknown[1].partition("@")[0]
        return UserError(f"unknown {name}: is not a key here{_nearest_key(name, arguments)}")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return UserError("; ".join(line for line in lines if "object_type=" not in line))


def _nearest_key(name: str, arguments: list[str]) -> str:
    """The composed config's key, or the group, most like ``name``."""
    groups = [a for a in arguments if (CONF / a.partition("=")[0]).is_dir() and "," not in a]
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            config: Any = hydra.compose("train", groups)
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

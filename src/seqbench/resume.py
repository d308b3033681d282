"""``resume=RUN``: a run goes on by the config that it keeps."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqbench import locks
from seqbench.checkpoint import saved_config
from seqbench.errors import UserError, place
from seqbench.identity import NOT_IDENTITY
from seqbench.runs import Run

FIXED = ("names.experiment", "command", "paths", "logger", "force")
FREE = ("paths.cache_dir", *(name for name in NOT_IDENTITY if name not in FIXED))
"""What may be set anew when a run goes on: keys of which nothing depends that is trained."""


def asked(words: list[str]) -> tuple[dict[str, Any], Callable[[str], str], Run]:
    """The config of the run that a command line's words name, the origin of its keys, and the run.

    ``resume=RUN trust=[PACKAGE,...] KEY=VALUE ...``, where no KEY is one that decides anything of
    the training. The config is still to be validated.

    Raises UserError for other words, and for a config that is damaged or not to be trusted.
    """
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.lstrip("+").partition("=")
        if word.startswith("--trust"):
            raise UserError(f"{word}: with resume=RUN it is trust=[PACKAGE]")
        if not equals or word.startswith("-"):
            raise UserError(f"{word}: resume=RUN goes on with one run; it takes KEY=VALUE only")
        if key in given:
            raise UserError(f"{word}: {key} is given twice")
        given[key] = value.strip("'\"")
    name, trust = given.pop("resume"), given.pop("trust", "")
    run = _unfinished(name)
    packages = [each.strip(" '\"") for each in trust.strip("[]").split(",") if each]
    config = saved_config(run.path, packages)
    for key, value in given.items():
        before = deepcopy(config)
        _set(config, key, value)
        free = any(f"{key}.".startswith(f"{each}.") for each in FREE)
        if config != before and not free:
            raise UserError(f"{key}={value}: a run goes on with its own settings; leave it out")
    path = run.path / "config.yaml"
    return config, lambda key: f"{key}={given[key]}" if key in given else str(path), run


def _unfinished(name: str) -> Run:
    """The run of a directory, or the one below it that is not finished."""
    if not name:
        raise UserError("resume= names no run directory")
    path = place(name)
    if path.is_file() and path.parent.name == "checkpoints":
        path = path.parents[1]
    if (path / "config.yaml").exists():
        return Run(path)
    below = [Run(file.parent) for file in sorted(path.rglob("status.json"))]
    unfinished = [run for run in below if run.status() in ("interrupted", "failed")]
    if len(unfinished) == 1:
        return unfinished[0]
    if not below:
        raise UserError(f"resume={name}: no run directory, and none below it")
    live = [run for run in below if run.status() == "running"]
    if live and not unfinished:
        raise UserError(f"resume={name}: {live[0].path} {locks.holder_of(live[0].path)}")
    some = ", ".join(str(run.path) for run in unfinished[:3])
    raise UserError(
        f"resume={name}: {len(unfinished)} of its {len(below)} runs are unfinished"
        + (f"; name one: {some}{', ...' if len(unfinished) > 3 else ''}" if some else "")
    )


def _set(config: dict[str, Any], key: str, text: str) -> None:
    *folders, last = key.split(".")
    node: Any = config
    for folder in folders:
        node = node.get(folder) if isinstance(node, dict) else None
    if not isinstance(node, dict) or last not in node:
        raise UserError(f"{key}={text}: this run has no such setting; leave it out")
    try:
        node[last] = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={text}"]))["value"]  # type: ignore[call-overload, index]
    except (YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{key}={text}: {' '.join(str(error).split())}") from error

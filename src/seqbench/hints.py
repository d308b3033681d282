"""Hydra's errors in one line each, with the nearest right name."""

import re
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from seqbench.errors import UserError, nearest, short
from seqbench.places import CONF, is_group, searched

PLUGINS = {"submitit_slurm": "slurm", "submitit_local": "slurm", "ray": "ray"}
"""Launchers that others bring, and the extra that installs them."""


def translate(error: Exception, arguments: list[str]) -> UserError:
    """Hydra's and OmegaConf's own errors as one line each."""
    text = str(error) or str(error.__cause__)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        hint = nearest(name, {*(error.options or ())} - {"base"})
        if group == "hydra/launcher" and name in PLUGINS:
            hint = f" as yet: pip install 'seqbench[{PLUGINS[name]}]'"
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
    if name.startswith("hydra."):
        return ""
    groups = [a for a in arguments if is_group(a.partition("=")[0]) and "," not in a]
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            search = ",".join(f"'{place}'" for place in searched(arguments))
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

"""What a search has found, to be trained: a command line, and an experiment in a yaml file."""

import shlex
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from seqbench.errors import UserError
from seqbench.files import write_whole
from seqbench.identity import NOT_IDENTITY, without
from seqbench.places import is_group
from seqbench.words import quote

Config = dict[str, Any]

TRAIN = ["python", "-m", "seqbench.train"]


def command(words: Sequence[str], config_dir: str | None) -> str:
    """The line that trains what these words say, to be pasted into a shell."""
    option = [] if config_dir is None else ["--config-dir", config_dir]
    return shlex.join([*TRAIN, *option, *words])


def experiment(words: Sequence[str], heading: Sequence[str]) -> str | None:
    """The yaml file that says what these words do; None where no yaml can.

    heading: lines that stand above it.
    """
    groups: dict[str, str] = {}
    bases: list[str] = []
    settings: Any = OmegaConf.create({})
    for word in words:
        override = OverridesParser.create().parse_override(quote(word))
        key, value = override.key_or_group, override.value()
        if override.is_delete() or override.package is not None:
            return None
        if key == "experiment":
            bases = [] if value is None else [str(value)]
        elif is_group(key):
            groups[key] = str(value)
        else:
            OmegaConf.update(settings, key, value, force_add=True)
    chosen: list[Any] = [*bases, *({f"override /{group}": name} for group, name in groups.items())]
    defaults = OmegaConf.to_yaml(OmegaConf.create({"defaults": [*chosen, "_self_"]}))
    body = OmegaConf.to_yaml(settings) if settings else ""
    comments = "".join(f"# {line}\n" for line in heading)
    return f"# @package _global_\n{comments}{defaults}{body}"


def keep(
    folder: Path,
    name: str,
    text: str,
    searched: Sequence[str],
    wanted: Config,
    compose: Callable[[list[str]], Config],
) -> str | None:
    """Write ``folder/experiment/NAME.yaml``, if it composes to the config wanted.

    searched: the words that say where else configs are found. What is given back is the command
    line that trains it; None, and nothing written, if what it composes to is another run.
    """
    with tempfile.TemporaryDirectory(prefix="seqbench-") as scratch:
        trial = Path(scratch) / "experiment" / f"{name}.yaml"
        trial.parent.mkdir()
        trial.write_text(text, "utf-8")
        words = [f"experiment={name}", *searched]
        try:
            found = compose(["--config-dir", scratch, *words])
        except UserError:
            return None
    if essence(found) != essence(wanted):
        return None
    path = folder / "experiment" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    return command(words, str(folder))


def essence(config: Config) -> Config:
    """What decides a run's outcome, and where it lies."""
    return {**without(config, *NOT_IDENTITY), "output_dir": config["paths"]["output_dir"]}

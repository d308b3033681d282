"""Configs as a command line would compose them, for a look and no run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from omegaconf import OmegaConf

from seqbench.compose import ONE_AT_A_TIME
from seqbench.config import Node
from seqbench.places import CONF

Compose = Callable[..., Node]


@contextmanager
def composing() -> Iterator[Compose]:
    """``compose(name, *overrides)`` within: a resolved config, ``train`` or a file of a group."""
    with ONE_AT_A_TIME:
        Plugins.instance()  # what they register when they are imported, once, is to stay
        before = Singleton.get_state()
        GlobalHydra.instance().clear()  # it may be a caller's own
        try:
            with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
                yield _composed
        finally:
            Singleton.set_state(before)


def _composed(name: str, *overrides: str) -> Node:
    found: Any = OmegaConf.to_container(hydra.compose(name, [*overrides]), resolve=True)
    assert isinstance(found, dict)
    return found


def names(group: str) -> list[str]:
    """What may be chosen of a group of seqbench's own conf."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml") if path.stem != "base")


def alone(group: str, name: str) -> Node:
    """What one file of a group says by itself, whatever it starts from."""
    found: Any = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))
    return {key: value for key, value in found.items() if key != "defaults"}

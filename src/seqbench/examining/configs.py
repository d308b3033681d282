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


def inherited(group: str, name: str) -> Node:
    """What a file of a group says, upon those of its group that it starts from.

    To compose it would take many times as long; what it chooses of other groups is left out.
    """
    own: Any = OmegaConf.load(CONF / group / f"{name}.yaml")
    starts = [each for each in own.pop("defaults", ()) if isinstance(each, str)]
    below = [inherited(group, each) for each in starts if each != "_self_"]
    found: Any = OmegaConf.to_container(OmegaConf.merge(*below, own))
    assert isinstance(found, dict)
    return found

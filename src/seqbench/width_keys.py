"""Keys whose value is ``${model.hidden_size}``, where a budget is to solve that. Needs no torch."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqbench.errors import UserError

WIDTH = "model.hidden_size"
ANOTHER = 2**40 + 15
"""A width that nobody gives."""


def following(composed: DictConfig, config: dict[Any, Any]) -> dict[Any, Any]:
    """``config`` with the keys that follow the width named in ``budget.follow``, if there are any.

    An interpolation is resolved before the budget is, so that these keys would keep the width that
    stands there. composed: the config before that; config: resolved, still to be validated.

    Raises UserError for a value that is made of the width, or stands outside the model.
    """
    budget = config.get("budget")
    if not isinstance(budget, dict) or not (budget.get("parameters") or budget.get("state")):
        return config
    if OmegaConf.select(composed, WIDTH) is None:
        return config
    other = deepcopy(composed)
    OmegaConf.update(other, WIDTH, ANOTHER)
    before = dict(_leaves(config))
    moved = {
        key: value
        for key, value in _leaves(OmegaConf.to_container(other, resolve=True))
        if before.get(key) != value and key != WIDTH
    }
    for key, value in moved.items():
        if value != ANOTHER or not key.startswith("model."):
            raise UserError(
                f"{key}: is made of {WIDTH}, which a budget is to solve; give it a value of its own"
            )
    return config | {"budget": budget | {"follow": sorted(moved)}} if moved else config


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}".lstrip("."))
    else:
        yield key, value

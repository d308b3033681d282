"""The width at which a network has the parameters, or the state, that a budget asks for.

Chung et al. 2014, "Empirical evaluation of gated recurrent neural networks on sequence modeling",
and Melis, Dyer and Blunsom 2018, "On the state of the art of evaluation in neural language models",
compare cells so.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NoReturn

import torch
from torch import nn

from seqbench import build
from seqbench.budget import asked, measured
from seqbench.config import Budget, Node, locate, parameters
from seqbench.errors import UserError
from seqbench.isolation import random_states, restore_random_states
from seqbench.models.network import Network
from seqbench.spec import TaskSpec
from seqbench.width_keys import WIDTH

TOLERANCE = 0.02
"""Share of the budget by which what is built may miss it."""

WIDEST = 2**24
"""Beyond it none is looked at."""

REACH = 64
"""Widths that are tried one after another where a cell refuses some, as one of several heads."""


def trainable(network: nn.Module) -> int:
    """How many parameters are trained."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def fitted(config: Node, spec: TaskSpec) -> Node:
    """The config with the width that its budget asks for; itself where it asks for none.

    Of all widths the nearest in parameters, or numbers of state, and of two as near the narrower:
    whatever width stood there. The count is taken to grow with the width; where it does not, the
    nearest of those looked at. No random stream moves.

    Raises UserError where no width comes within ``TOLERANCE``, and as the network does where it
    can be built at none.
    """
    budget = asked(config)
    if not (key := measured(budget)):
        return config
    if "hidden_size" not in parameters(locate(config["model"]["_target_"])):
        raise UserError(f"budget.{key}: this model has no hidden_size that could be solved")
    with _unnoticed():
        widths = _Widths(config, spec, budget, key)
        return widths.at(widths.nearest())


def fitting(before: Node, config: Node, network: Network) -> list[str]:
    """What the log says of the width, where it was solved. before: the config as it was given."""
    if not measured(budget := asked(config)):
        return []
    old, new = before["model"].get("hidden_size"), config["model"]["hidden_size"]
    moved = f"{old} -> {new}" if old not in (None, new) else f"{new}"
    state = f"{network.state_size:,} numbers of state, " if budget.state else ""
    return [f"budget: hidden_size {moved} ({state}{trainable(network):,} parameters)"]


@contextmanager
def _unnoticed() -> Iterator[None]:
    """No warning is shown within, and the random streams are as they were when it is over."""
    states = random_states()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        restore_random_states(states)


class _Widths:
    """What a network measures at each width, as far as that was looked at."""

    def __init__(self, config: Node, spec: TaskSpec, budget: Budget, key: str) -> None:
        self.config, self.spec, self.key = config, spec, key
        self.wanted: int = (budget.parameters if key == "parameters" else budget.state) or 0
        self.follow = (WIDTH, *budget.follow)
        self.sizes: dict[int, int | None] = {}
        """By width; None where none can be built."""
        self.refusals: dict[int, Exception] = {}

    def at(self, width: int) -> Node:
        """The config of this width."""
        config = self.config | {"model": deepcopy(self.config["model"])}
        for key in self.follow:
            *folders, last = key.split(".")
            node: Any = config
            for folder in folders:
                node = node.get(folder) if isinstance(node, dict) else None
            if not isinstance(node, dict) or folders[:1] != ["model"]:
                raise UserError(f"budget.follow: the model has no {key}; leave it out")
            node[last] = width
        return config

    def nearest(self) -> int:
        """The width whose size is the nearest to what is wanted."""
        low = high = None
        start = 1
        while high is None and start <= WIDEST:
            found = self._first(range(start, start + REACH))
            if found is not None and self._size(found) >= self.wanted:
                high = found
            elif found is not None:
                low = found
            elif start >= max(4 * REACH, 8 * (low or 0)):
                break  # nothing is that wide
            start *= 2
        while low is not None and high is not None and (middle := self._between(low, high)):
            low, high = (low, middle) if self._size(middle) >= self.wanted else (middle, high)
        if not self._near(self._best()):  # the size may fall somewhere, as at a head's tails
            for width in range(1, REACH):
                self._measure(width)
        best = self._best()
        if best is None or not self._near(best):
            self._refuse()
        return best

    def _between(self, low: int, high: int) -> int | None:
        """A width that can be built between these two, about in their middle."""
        middle = (low + high) // 2
        above, below = range(middle, min(high, middle + REACH)), range(middle - 1, low, -1)
        found = self._first(above) if middle > low else None
        return self._first(below[:REACH]) if found is None else found

    def _first(self, widths: Iterable[int]) -> int | None:
        return next((width for width in widths if self._measure(width) is not None), None)

    def _size(self, width: int) -> int:
        size = self._measure(width)
        assert size is not None
        return size

    def _best(self) -> int | None:
        known = [(abs(n - self.wanted), width) for width, n in self.sizes.items() if n is not None]
        return min(known)[1] if known else None

    def _near(self, width: int | None) -> bool:
        return width is not None and abs(self._size(width) - self.wanted) <= (
            TOLERANCE * self.wanted
        )

    def _measure(self, width: int) -> int | None:
        if width not in self.sizes:
            try:
                network = self._built(width)
                self.sizes[width] = (
                    trainable(network) if self.key == "parameters" else network.state_size
                )
            except Exception as error:  # whatever a cell makes of a width
                self.sizes[width], self.refusals[width] = None, error
        return self.sizes[width]

    def _built(self, width: int) -> Network:
        """A network without numbers; with them, where it cannot be built without."""
        model = self.at(width)["model"]
        try:
            with torch.device("meta"):
                return build.network(model, self.spec)
        except Exception as error:  # torch has several kinds for what takes numbers
            if _is_refusal(error):
                raise
            return build.network(model, self.spec)

    def _refuse(self) -> NoReturn:
        """Say what the nearest widths come to, or why there are none."""
        asked_for = f"budget.{self.key}={self.wanted}"
        unit = {"parameters": "parameters", "state": "numbers of state"}[self.key]
        sizes = sorted((n, width) for width, n in self.sizes.items() if n is not None)
        if not sizes:
            width = self.config["model"].get("hidden_size", 1)
            if self._measure(width) is None:
                raise self.refusals[width]
            raise UserError(f"{asked_for}: {WIDTH} cannot be other than {width}; leave it out")
        below = [(n, width) for n, width in sizes if n < self.wanted]
        above = [(n, -width) for n, width in sizes if n > self.wanted]
        if not below:
            least, width = sizes[0]
            raise UserError(
                f"{asked_for}: the network has {least:,} {unit} even at {WIDTH}={width}"
                f"{self._largest_part(width)}"
            )
        (low, narrow), (high, wide) = max(below), min(above, default=(0, 0))
        if not above:
            reason = self.refusals.get(max(self.refusals, default=0))
            why = f"; of others: {build.one_line(reason)}" if reason else ""
            raise UserError(
                f"{asked_for}: the network has {low:,} {unit} at {WIDTH}={narrow}, and no width "
                f"has more; lower it{why}"
            )
        raise UserError(
            f"{asked_for}: no {WIDTH} comes within {TOLERANCE:.0%} of it: {narrow} has {low:,} "
            f"{unit}, {-wide} has {high:,}; ask for one of these"
        )

    def _largest_part(self, width: int) -> str:
        """Where most of the parameters are, and what makes them fewer."""
        if self.key == "state":
            return "; raise it"
        parts = self._built(width).named_children()
        size, name = max((trainable(part), name) for name, part in parts)
        keys = {
            "embedding": ["model.embedding.size", "task.vocabulary_size"],
            "tokens": ["model.embedding.size"],
            "head": ["task.vocabulary_size"],
        }.get(name, [])
        there = [key for key in keys if key.split(".")[1] in self.config[key.split(".")[0]]]
        remedy = f", or lower {' or '.join(there)}" if there else ""
        return f", {size:,} of them in its {name}; raise it{remedy}"


def _is_refusal(error: Exception) -> bool:
    cause = error.__cause__ if isinstance(error, UserError) and error.__cause__ else error
    return isinstance(cause, UserError | ValueError)

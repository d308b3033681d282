"""The code that a run depends on, as text: an edited cell or task is a new run."""

import inspect
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from seqbench.config import Node, locate
from seqbench.errors import UserError

INSTALLED = {"torch", "lightning", "lightning_fabric", "builtins", "abc", "typing", "collections"}


def sources(config: Node, nodes: Sequence[str] = ("task", "model")) -> dict[str, str]:
    """The text of the files that the classes of these nodes and their bases come from.

    What is installed with torch and lightning is left out. Raises UserError for a file that was
    edited after it was imported: what runs would not be what stands there.
    """
    texts: dict[str, str] = {}

    def add(node: Node) -> None:
        target = locate(node["_target_"])
        for named in target.__mro__ if isinstance(target, type) else (target,):
            module = inspect.getmodule(named)
            if module and module.__name__.partition(".")[0] not in INSTALLED:
                try:
                    texts[module.__name__] = _text(module)
                except (OSError, TypeError):
                    texts[f"{module.__name__}.{named.__name__}"] = _typed(named)
        for inner in node.values():
            if isinstance(inner, dict) and "_target_" in inner:
                add(inner)

    for name in nodes:
        add(config[name])
    return texts


def _text(module: ModuleType) -> str:
    text = inspect.getsource(module)
    # A module that is loaded anew gets a new spec.
    seen = vars(module.__spec__).setdefault("seqbench_text", text) if module.__spec__ else text
    if text != seen:
        raise UserError(
            f"{module.__file__} was edited after it was imported; restart Python, or "
            f"importlib.reload({module.__name__}), so that the new text runs"
        )
    return text


def _typed(named: Any) -> str:
    """A class that was typed in a notebook, by its functions and its plain attributes."""
    parts = []
    for name, value in sorted(vars(named).items()):
        function = getattr(value, "__func__", getattr(value, "fget", value))
        if inspect.isfunction(function):
            try:
                parts.append(inspect.getsource(function))
            except (OSError, TypeError):
                code = function.__code__
                parts.append(f"{name} {code.co_code.hex()} {code.co_consts} {code.co_names}")
        elif not name.startswith("_"):
            parts.append(f"{name} = {value!r}")
    return "\n".join(parts)

"""Validation of the composed config against the signatures of what it builds.

No list of keys is kept: a node with ``_target_`` may hold what its target's signature names, with
values of the types annotated there, less what the code itself supplies.
"""

import inspect
import json
import logging
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, is_dataclass
from fnmatch import fnmatch
from types import NoneType
from typing import Annotated, Any, Literal

from hydra.utils import get_object
from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from seqbench.errors import UserError, nearest, short
from seqbench.places import CONF

Node = dict[str, Any]
Origin = Callable[[str], str]
"""From a key's full name to where its value was written, e.g. ``conf/task/imdb.yaml``."""


@dataclass
class Paths:
    """output_dir: where runs go, relative to the working directory. cache_dir: encoded data."""

    output_dir: Annotated[str, Field(min_length=1)]
    cache_dir: Annotated[str, Field(min_length=1)]


@dataclass
class Schedule:
    """schedule: a torch learning-rate scheduler. interval: how often it steps."""

    schedule: Node
    interval: Literal["step", "epoch"] = "step"


@dataclass(frozen=True)
class Budget:
    """What a run may cost, see ``seqbench.budget``; None: no such budget.

    parameters: to be trained, of the whole network. state: numbers of it. Either solves
    model.hidden_size, and with it the keys that ``follow`` it, which composing finds. steps: of the
    optimiser. seconds: of training, validation and checkpoints aside.
    """

    parameters: Annotated[int, Field(gt=0, le=10**12)] | None = None
    state: Annotated[int, Field(gt=0, le=10**9)] | None = None
    steps: PositiveInt | None = None
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    follow: tuple[str, ...] = ()


@dataclass
class RunConfig:
    """The top level of a run's config; conf/train.yaml says what each key means."""

    names: dict[str, str]
    task: Node
    model: Node
    optimizer: Node
    scheduler: Schedule
    trainer: Node
    paths: Paths
    logger: dict[str, Node]
    callbacks: dict[str, Node]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    threads: Annotated[int, Field(gt=0, le=1024)] | None
    progress: Literal["auto", "bar", "lines", "none"]
    test: bool
    force: bool
    on_failure: Literal["continue", "stop"] = "continue"
    retries: NonNegativeInt = 0
    choose: list[str] | None = None
    budget: Budget = Budget()  # runs of earlier versions have none
    command: tuple[str, ...] = ()  # the words that it was composed from


UNIMPORTED = {"Iterable": list, "Sequence": list, "Callable": Callable}
"""Names that libraries import for type checkers alone; a yaml gives a list for a sequence."""


def locate(path: str) -> Any:
    """The object that a ``_target_`` names; UserError if there is none."""
    logger = logging.getLogger("hydra")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)  # Hydra logs what it also raises
    try:
        found = get_object(path)
    except Exception as error:  # whatever importing somebody's module raises
        cause = error.__cause__ or error
        where = ""
        if isinstance(cause, ModuleNotFoundError) and cause.name == path.partition(".")[0]:
            where = "; run from the folder that holds it, or install it"
        reason = str(cause).splitlines()[0]
        raise UserError(f"cannot import {path!r}: {reason}{where}") from error
    finally:
        logger.setLevel(level)
    if not callable(found) or inspect.isabstract(found):
        raise UserError(f"{path!r} is nothing that can be built")
    return found


def parameters(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """What a call of ``target`` may name, with evaluated annotations where they can be had.

    ``**kwargs`` of a class stands for what its parent accepts.
    """
    function: Callable[..., Any] = target
    if isinstance(target, type):
        function = target.__init__  # type: ignore[misc]
    try:
        hints = typing.get_type_hints(function, localns=UNIMPORTED, include_extras=True)
    except (NameError, TypeError):
        hints = {}
    found: dict[str, inspect.Parameter] = {}
    signature = list(inspect.signature(function).parameters.values())
    for parameter in signature[1:] if isinstance(target, type) else signature:
        if parameter.kind is parameter.VAR_KEYWORD:
            if isinstance(target, type):
                owner = next(cls for cls in target.__mro__ if "__init__" in vars(cls))
                parent = owner.__mro__[1] if owner is not object else object
                if parent is not object:
                    found = parameters(parent) | found
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            annotation = hints.get(parameter.name, parameter.annotation)
            found[parameter.name] = parameter.replace(annotation=annotation)
    return found


def validate(config: Node, supplied: Mapping[str, Collection[str]], origin: Origin) -> None:
    """Check a whole resolved config; UserError names the first key that is wrong.

    supplied: for a node's name (a pattern, as ``callbacks.*``), the arguments that the code gives.
    """
    _Validator(supplied, origin).call(config, RunConfig, "")


def validate_node(node: Node, name: str, supplied: Mapping[str, Collection[str]]) -> None:
    """Check one node with ``_target_`` of a config that was kept, as ``model``."""
    _Validator(supplied, lambda key: "").value(node, Node, name)


class _Validator:
    def __init__(self, supplied: Mapping[str, Collection[str]], origin: Origin) -> None:
        self.supplied = supplied
        self.origin = origin

    def call(self, node: Node, target: Callable[..., Any], path: str) -> None:
        known = parameters(target)
        given = {
            name for key, names in self.supplied.items() if fnmatch(path, key) for name in names
        }
        for key in node.keys() - {"_target_"}:
            name = f"{path}.{key}".lstrip(".")
            if key in given:
                self.fail(name, "is set by seqbench itself; leave it out")
            if key not in known:
                self.fail(
                    name, f"is not a key here{nearest(key, known.keys() - given)}", "unknown "
                )
        for key, parameter in known.items():
            name = f"{path}.{key}".lstrip(".")
            if key in node:
                self.value(node[key], parameter.annotation, name)
            elif parameter.default is parameter.empty and key not in given:
                self.fail(name, "is missing; give it a value")

    def value(self, value: Any, annotation: Any, name: str) -> None:
        if isinstance(value, dict) and "_target_" in value:
            path = value["_target_"]
            if not isinstance(path, str):
                self.fail(f"{name}._target_", f"should be a class such as a.b.C, not {path!r}")
            try:
                target = locate(path)
            except UserError as error:
                self.fail(f"{name}._target_", str(error))
            wanted = built(annotation)
            if wanted and isinstance(target, type) and not issubclass(target, wanted):
                self.fail(f"{name}._target_", f"{target.__name__} is no {wanted.__name__}")
            self.call(value, target, name)
        elif is_dataclass(annotation):
            if not isinstance(value, dict):
                self.fail(name, f"should be a group of keys, not {shown(value)}")
            self.call(value, typing.cast(Any, annotation), name)
        elif annotation == dict[str, Node]:
            if not isinstance(value, dict):
                self.fail(
                    name, f"should be a group of nodes, not {shown(value)}{by_group(name, value)}"
                )
            for key, node in value.items():
                if node is not None:  # null takes a callback or logger away
                    self.value(node, Node, f"{name}.{key}")
        elif annotation == Node or typing.get_origin(annotation) is Callable:
            self.fail(
                name, f"should be a node with _target_, not {shown(value)}{by_group(name, value)}"
            )
        elif annotation is not inspect.Parameter.empty:
            problem = mismatch(value, annotation)
            if problem:
                self.fail(name, f"{problem}, not {shown(value)}")

    def fail(self, name: str, problem: str, kind: str = "") -> typing.NoReturn:
        where = short(self.origin(name))
        raise UserError(f"{kind}{name}{f' ({where})' if where else ''}: {problem}")


def shown(value: Any) -> str:
    return short(repr(value))


def built(annotation: Any) -> type | None:
    """The class that a node for this annotation builds: of ``Callable[..., T]`` and ``T | None`` T.

    None where there is no one class that could be told.
    """
    parts = [part for part in typing.get_args(annotation) if part not in (str, NoneType, ...)]
    wanted = parts[-1] if parts else None
    return wanted if wanted is not Any and isinstance(wanted, type) else None


def by_group(name: str, value: Any) -> str:
    """What to write when a whole node was replaced by a word, as in ``model.head=mean``."""
    if not value or not isinstance(value, str):
        return ""
    group = name.replace(".", "/")
    if not (CONF / group).is_dir():  # as in model.cell=gru: what is chosen by name is the model
        group = group.rpartition("/")[0] or group
    return f"; to choose one by name write {group}={value}"


def mismatch(value: Any, annotation: Any) -> str | None:
    """Why ``value`` is not of the annotated type, or None."""
    try:
        adapter = TypeAdapter(
            annotation, config=ConfigDict(arbitrary_types_allowed=True, strict=True)
        )
        adapter.validate_json(json.dumps(value))
    except PydanticUserError:  # what it names was imported for type checkers alone
        return None
    except ValidationError as error:
        reasons = [
            problem["msg"]
            .replace("Input should be", "should be")
            .replace("Field required", "should have more values")
            for problem in error.errors()
            if problem["type"] not in ("is_instance_of", "needs_python_object")
        ]
        return " or ".join(dict.fromkeys(reasons)) or "has the wrong type"
    return None

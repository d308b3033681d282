"""The only file that instantiates from config."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, StochasticWeightAveraging, WeightAveraging
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import Profiler
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from seqbench.config import Node, locate, parameters
from seqbench.datamodules.base import TaskData
from seqbench.errors import UserError, place
from seqbench.models.network import Network
from seqbench.spec import TaskSpec
from seqbench.strategy import Alone, Seated, Together, listen_elsewhere
from seqbench.world import World

T = TypeVar("T")

SUPPLIED = {
    "task": ("seed", "cache_dir"),
    "model": ("spec",),
    "model.cell": ("input_size", "hidden_size"),
    "model.embedding": ("input_size", "padding_id"),
    "model.head": ("hidden_size", "output_size", "bidirectional"),
    "optimizer": ("params",),
    "scheduler.schedule": ("optimizer", "total_steps", "mode"),
    "trainer": (
        "callbacks",
        "logger",
        "plugins",
        "default_root_dir",
        "use_distributed_sampler",
        "num_sanity_val_steps",
        "enable_model_summary",
        "enable_progress_bar",
    ),
    "trainer.profiler": ("dirpath", "filename"),
    "logger.*": ("folder", "metric"),
    "callbacks.*": ("folder", "spec", "network", "metric", "mode", "monitor"),
}
"""What the code gives to each node's target, so far as the target takes it."""


def call(node: Node, **supplied: Any) -> Any:
    """Call a node's target with its settings and with what it takes of ``supplied``.

    A node within the node becomes a factory, its target with its own settings bound.
    """
    target = locate(node["_target_"])
    settings = {key: _factory(value) for key, value in node.items() if key != "_target_"}
    taken = parameters(target)
    try:
        return target(**settings, **{k: v for k, v in supplied.items() if k in taken})
    except (UserError, SystemExit):
        raise
    except Exception as error:  # whatever a class makes of its settings
        if not node["_target_"].startswith(("torch.", "lightning.", "seqbench.")):
            raise  # a traceback helps whoever wrote it
        raise UserError(f"{node['_target_']}: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 300 else f"{text[:300]} ..."


def expect(built: Any, kind: Callable[..., T], name: str) -> T:
    """What was built for a key, if it is of the class that belongs there."""
    assert isinstance(kind, type)
    if not isinstance(built, kind):
        raise UserError(f"{name}._target_: this gives {type(built).__name__}, no {kind.__name__}")
    return cast(T, built)


def _factory(value: Any) -> Any:
    if isinstance(value, dict) and "_target_" in value:
        settings = {key: _factory(inner) for key, inner in value.items() if key != "_target_"}
        return partial(locate(value["_target_"]), **settings)
    return value


def data(config: Node) -> TaskData:
    """The task's data module, not set up yet."""
    cache = str(place(config["paths"]["cache_dir"]))
    built = call(config["task"], seed=config["seed"], cache_dir=cache)
    return expect(built, TaskData, "task")


def network(model: Node, spec: TaskSpec, width: str = "model.hidden_size") -> Network:
    """The network of a task. width: the key that decides how wide it is, for a refusal."""
    try:
        return expect(call(model, spec=spec), Network, "model")
    except UserError as error:
        if isinstance(error.__cause__, MemoryError | RuntimeError | TypeError) and re.search(
            "memory|Overflow", str(error)
        ):
            raise UserError(
                f"model: not enough memory for a network of this size; lower {width}, "
                "model.num_layers or model.embedding.size"
            ) from error
        raise


def optimizer(config: Node) -> Callable[[Iterable[nn.Parameter]], Optimizer]:
    """From parameters to an optimiser.

    A fused optimiser unscales float16 gradients within its step, behind the clipping; it is not
    fused there.
    """
    node = dict(config["optimizer"])
    if config["trainer"].get("precision") == "16-mixed" and "fused" in node:
        node["fused"] = False

    def make(params: Iterable[nn.Parameter]) -> Optimizer:
        return expect(call(node, params=params), Optimizer, "optimizer")

    return make


def scheduler(config: Node, spec: TaskSpec) -> Callable[[Optimizer, int, int], dict[str, Any]]:
    """From an optimiser and the steps and epochs in all to Lightning's scheduler config."""
    settings = config["scheduler"]

    def make(optimizer: Optimizer, steps: int, epochs: int) -> dict[str, Any]:
        total = steps if settings["interval"] == "step" else epochs
        supplied = {"optimizer": optimizer, "total_steps": total, "mode": spec.mode}
        return {
            "scheduler": call(settings["schedule"], **supplied),
            "interval": settings["interval"],
            "monitor": f"val/{spec.metric}",
        }

    return make


def check_optimisation(config: Node, spec: TaskSpec) -> None:
    """Make an optimiser and scheduler for nothing, so that a bad setting is told at once."""
    made = optimizer(config)([nn.Parameter(torch.zeros(1))])
    schedule = scheduler(config, spec)(made, 100, 100)["scheduler"]
    rates = [float(group["lr"]) for group in made.param_groups]
    if min(rates) < 0:
        raise UserError("scheduler: the learning rate would be negative")
    if not all(map(math.isfinite, rates)):
        raise UserError("optimizer.lr: the learning rate would be no finite number; lower it")
    if isinstance(schedule, ReduceLROnPlateau) and config["scheduler"]["interval"] == "step":
        raise UserError("scheduler=plateau goes by epochs: set scheduler.interval=epoch")


def callbacks(config: Node, spec: TaskSpec, network: Network, folder: Path) -> list[Callback]:
    supplied = {
        "folder": str(folder),
        "spec": spec,
        "network": network,
        "metric": spec.metric,
        "mode": spec.mode,
        "monitor": f"val/{spec.metric}",
    }
    made = []
    for key, node in config["callbacks"].items():
        if not node:
            continue
        callback = expect(call(node, **supplied), Callback, f"callbacks.{key}")
        if isinstance(callback, WeightAveraging | StochasticWeightAveraging):
            raise UserError(
                f"callbacks.{key}: {type(callback).__name__} validates with other weights than "
                "best.ckpt gets, and cannot go on within an epoch; leave it out"
            )
        made.append(callback)
    return made


def loggers(config: Node, spec: TaskSpec, folder: Path) -> list[Logger]:
    nodes = {key: node for key, node in config["logger"].items() if node}
    supplied = {"folder": str(folder), "metric": spec.metric}
    return [expect(call(node, **supplied), Logger, f"logger.{k}") for k, node in nodes.items()]


def trainer(
    config: Node,
    folder: Path,
    callbacks: Sequence[Callback],
    loggers: Sequence[Logger],
    bar: bool,
    world: World | None = None,
) -> L.Trainer:
    """A Lightning Trainer on one device, or on one for each process of a world.

    Its profiler, if there is one, writes into ``folder``.
    """
    world = world or World()
    settings = dict(config["trainer"])
    if settings.get("strategy") == "ddp":
        settings["strategy"] = Together(world) if world.size > 1 else "auto"
        settings["accelerator"] = accelerator(settings)
    profiler = settings.pop("profiler", None)
    if profiler and world.leads:
        profiler = call(profiler, dirpath=str(folder), filename="profile")
        profiler = expect(profiler, Profiler, "trainer.profiler")
    built = call(
        settings,
        profiler=profiler if world.leads else None,
        callbacks=list(callbacks),
        logger=list(loggers),
        plugins=[Seated(world.seat) if world.size > 1 else Alone()],
        default_root_dir=str(folder),
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=bar,
    )
    built = expect(built, L.Trainer, "trainer")
    if built.world_size != world.size:
        raise UserError(
            f"trainer.devices={settings.get('devices')}: these are {built.world_size} devices; "
            f"one training on several is trainer=ddp trainer.devices={built.world_size}"
        )
    if world.size > 1:
        listen_elsewhere(built)
    return built


def accelerator(node: Node) -> str:
    """The one that several devices are asked for by: torch connects no others."""
    given = str(node.get("accelerator", "auto"))
    return given if given != "auto" else "cuda" if torch.cuda.is_available() else "cpu"

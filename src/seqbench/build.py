"""The only file that instantiates from config."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.optim import Optimizer

from seqbench.config import Node, locate, parameters
from seqbench.datamodules.base import TaskData
from seqbench.errors import UserError
from seqbench.models.module import SequenceModule
from seqbench.models.network import Network
from seqbench.spec import TaskSpec

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
        "default_root_dir",
        "use_distributed_sampler",
        "num_sanity_val_steps",
        "enable_model_summary",
        "enable_progress_bar",
    ),
    "logger.*": ("folder",),
    "callbacks.*": ("folder", "metric", "mode", "monitor"),
}
"""What the code gives to each node's target, so far as the target takes it."""


def call(node: Node, **supplied: Any) -> Any:
    """Call a node's target with its settings and with what it takes of ``supplied``.

    A node within the node becomes a factory, its target with its own settings bound.
    """
    target = locate(node["_target_"])
    settings = {key: _factory(value) for key, value in node.items() if key != "_target_"}
    taken = parameters(target)
    return target(**settings, **{k: v for k, v in supplied.items() if k in taken})


def _factory(value: Any) -> Any:
    if isinstance(value, dict) and "_target_" in value:
        settings = {key: _factory(inner) for key, inner in value.items() if key != "_target_"}
        return partial(locate(value["_target_"]), **settings)
    return value


def data(config: Node) -> TaskData:
    """The task's data module, not set up yet."""
    cache = str(Path(config["paths"]["cache_dir"]).expanduser())
    built = call(config["task"], seed=config["seed"], cache_dir=cache)
    assert isinstance(built, TaskData)
    return built


def network(model: Node, spec: TaskSpec) -> Network:
    built = call(model, spec=spec)
    assert isinstance(built, Network)
    return built


def optimizer(config: Node) -> Callable[[Iterable[nn.Parameter]], Optimizer]:
    """From parameters to an optimiser.

    A fused optimiser unscales float16 gradients within its step, behind the clipping; it is not
    fused there.
    """
    node = dict(config["optimizer"])
    if config["trainer"].get("precision") == "16-mixed" and "fused" in node:
        node["fused"] = False

    def make(params: Iterable[nn.Parameter]) -> Optimizer:
        made = call(node, params=params)
        assert isinstance(made, Optimizer)
        return made

    return make


def scheduler(config: Node, spec: TaskSpec) -> Callable[[Optimizer, int], dict[str, Any]]:
    """From an optimiser and the number of steps in all to Lightning's scheduler config."""
    settings = config["scheduler"]

    def make(optimizer: Optimizer, total_steps: int) -> dict[str, Any]:
        supplied = {"optimizer": optimizer, "total_steps": total_steps, "mode": spec.mode}
        return {
            "scheduler": call(settings["schedule"], **supplied),
            "interval": settings["interval"],
            "monitor": f"val/{spec.metric}",
        }

    return make


def check_optimisation(config: Node, spec: TaskSpec) -> None:
    """Make an optimiser and scheduler for nothing, so that a bad setting is told at once."""
    try:
        made = optimizer(config)([nn.Parameter(torch.zeros(1))])
        scheduler(config, spec)(made, 100)
    except (ValueError, TypeError) as error:
        raise UserError(f"optimizer or scheduler: {error}") from error


def callbacks(config: Node, spec: TaskSpec, folder: Path) -> list[Callback]:
    supplied = {
        "folder": str(folder),
        "metric": spec.metric,
        "mode": spec.mode,
        "monitor": f"val/{spec.metric}",
    }
    return [call(node, **supplied) for node in config["callbacks"].values() if node]


def loggers(config: Node, folder: Path) -> list[Logger]:
    return [call(node, folder=str(folder)) for node in config["logger"].values() if node]


def trainer(
    config: Node,
    folder: Path,
    callbacks: Sequence[Callback],
    loggers: Sequence[Logger],
    bar: bool,
) -> L.Trainer:
    """A Lightning Trainer on one device."""
    check_device(config["trainer"])
    try:
        built = call(
            config["trainer"],
            callbacks=list(callbacks),
            logger=list(loggers),
            default_root_dir=str(folder),
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=bar,
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise UserError(f"trainer: {' '.join(str(error).split())}") from error
    assert isinstance(built, L.Trainer)
    if built.world_size > 1:
        raise UserError("trainer: one device is used at a time as yet; set trainer.devices=1")
    return built


def check_device(node: Node) -> None:
    """Refuse a device or precision that this machine does not have, with what to do instead."""
    accelerator, precision = node.get("accelerator", "auto"), node.get("precision")
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if (accelerator == "gpu" and not (cuda or mps)) or (accelerator == "cuda" and not cuda):
        raise UserError("trainer: no GPU is to be found here; use trainer=cpu or trainer=auto")
    on_cpu = accelerator == "cpu" or not (cuda or mps)
    if on_cpu and precision in ("16-mixed", "16-true", 16, "16"):
        raise UserError(
            f"trainer.precision={precision} needs a GPU; on a CPU use trainer.precision=bf16-mixed"
        )


def sources(config: Node) -> dict[str, str]:
    """The text of the files that the cell and the task's data module come from."""
    nodes = {"cell": config["model"]["cell"], "task": config["task"]}
    return {name: _source(locate(node["_target_"])) for name, node in nodes.items()}


def _source(target: Any) -> str:
    try:
        return inspect.getsource(inspect.getmodule(target) or target)
    except (OSError, TypeError):
        return str(target)


def load(checkpoint: Path) -> SequenceModule:
    """The trained module of a checkpoint, from nothing but that file."""
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    config, spec = content["seqbench"]["config"], TaskSpec.from_dict(content["seqbench"]["spec"])
    module = SequenceModule(network(config["model"], spec), spec, config=config)
    weights = content["state_dict"]
    module.load_state_dict(weights, strict=True)
    return module.eval()

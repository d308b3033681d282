"""Which cells train in which of Lightning's precisions here: each is tried for a step."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self, cast

import torch
from lightning.pytorch.plugins.precision import Precision
from torch import Tensor

from seqbench import build
from seqbench.batch import Batch
from seqbench.checks import check_device
from seqbench.config import Node
from seqbench.errors import UserError
from seqbench.examining.configs import composing, inherited, names
from seqbench.examining.section import Problem, Section, one_line
from seqbench.isolation import isolated, seed_all
from seqbench.logs import console
from seqbench.models.network import Network
from seqbench.spec import TaskSpec

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "64-true", "bf16-true", "16-true")

ASKED = ("32-true", "bf16-mixed", "16-mixed", "64-true")
"""Those of which it is a problem that one does not work, where seqbench does not refuse it."""

ROUNDED, EXACT = 0.2, 0.01
"""How far from float32 the outputs and the gradient may be, as a share of these: in 16 bits, and in
more. bfloat16 has 8 significant bits; cuDNN may round to TF32's 11."""

ROWS, STEPS, TOKENS, CLASSES = 4, 12, 7, 3
SPEC = TaskSpec(kind="classify", input_size=TOKENS, output_size=CLASSES)


@dataclass(frozen=True)
class Outcome:
    """why: it does not work. difference: from float32's equations, see ``ROUNDED``; None where it
    has come to no numbers. refused: by seqbench itself, which would not begin."""

    works: bool
    why: str | None = None
    difference: float | None = None
    refused: bool = False


@dataclass(frozen=True)
class Tried:
    """A step's numbers, ``(N,)`` in float64: the outputs, then the gradient. ends: after a step of
    the optimiser all is finite."""

    numbers: Tensor
    ends: bool


def examine(devices: Sequence[torch.device], own: Sequence[str] = ()) -> Section:
    """own: full names of cells to try beside those of conf/model, built with their defaults."""
    with composing() as compose:
        config, base = compose("train"), compose("model/base")["model"]
    models = {name: base | inherited("model", name) for name in names("model")}
    models |= {name: base | {"cell": {"_target_": name}} for name in own}
    section = Section({"rounded": ROUNDED, "exact": EXACT, "cells": []})
    with console("none", silent=True), isolated(1):
        for device in devices:
            ways = [Way.of(config, device, precision) for precision in PRECISIONS]
            for name, model in models.items():
                row = _row(model, ways)
                section.content["cells"].append(
                    {"cell": name, "own": name in own, "device": _called(device)} | row
                )
    section.problems += _problems(section.content["cells"])
    return section


def _called(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


@dataclass(frozen=True)
class Way:
    """How training would go about a precision on a device. plugin: Lightning's; None where seqbench
    refuses it. config: of the trainer and the optimiser."""

    precision: str
    device: torch.device
    config: Node
    plugin: Precision | None
    refused: str = ""

    @classmethod
    def of(cls, config: Node, device: torch.device, precision: str) -> Self:
        node = {**config["trainer"], "accelerator": device.type, "precision": precision}
        config = {**config, "trainer": node}
        try:
            check_device(node)
        except UserError as error:
            why = Problem.of(str(error)).what.removeprefix(f"trainer.precision={precision} ")
            return cls(precision, device, config, None, why)
        trainer = build.trainer(config, Path(), [], [], bar=False)
        return cls(precision, device, config, trainer.precision_plugin)


def _row(model: Node, ways: Sequence[Way]) -> dict[str, Any]:
    """What a cell does on a device: the backend that runs there, and an outcome a precision."""
    found: dict[str, Any] = {"backend": None, "precisions": {}}
    small = {**model, "hidden_size": 16, "embedding": {**model["embedding"], "size": 8}}
    equations = {**small, "backend": "reference"}
    try:
        want = _step(equations, ways[0]).numbers
    except Exception:  # the outcome in float32 will tell it
        want = None
    for way in ways:
        outcome, backend = _outcome(small, way, want)
        found["backend"] = found["backend"] or backend
        if backend == "native" and not outcome.works and _outcome(equations, way, want)[0].works:
            outcome = replace(outcome, why=f"{outcome.why}; model.backend=reference works")
        found["precisions"][way.precision] = asdict(outcome)
    return found


def _outcome(model: Node, way: Way, want: Tensor | None) -> tuple[Outcome, str | None]:
    """Whether it works, and what backend ran."""
    if way.plugin is None:
        return Outcome(False, way.refused, refused=True), None
    backend = None
    try:
        backend = build.network(model, SPEC).backend
        tried = _step(model, way)
    except UserError as error:
        return Outcome(False, str(error)), backend
    except Exception as error:  # whatever a kernel, or somebody's cell, makes of it
        return Outcome(False, one_line(error)), backend
    difference = None
    if want is not None:
        difference = float((tried.numbers - want).norm() / want.norm().clamp_min(1e-12))
    if not tried.numbers.isfinite().all():
        return Outcome(False, "the outputs or the gradient are not finite"), backend
    if not tried.ends:
        why = "weights or outputs are not finite after a step of the optimiser"
        return Outcome(False, why, difference), backend
    allowed = ROUNDED if "16" in way.precision else EXACT
    if difference is not None and difference > allowed:
        why = f"off by {difference:.1%} from float32 (allowed {allowed:.0%})"
        return Outcome(False, why, difference), backend
    return Outcome(True, None, difference), backend


def _step(model: Node, way: Way) -> Tried:
    """Forward, backward, a step of the default optimiser and forward again, as training does it.

    The weights and the batch are always the same.
    """
    plugin, device = way.plugin, way.device
    assert plugin is not None
    seed_all(0)
    network = cast(Network, plugin.convert_module(build.network(model, SPEC))).to(device)
    parts = [
        torch.randint(1, TOKENS, (ROWS, STEPS)),
        torch.tensor([STEPS, STEPS, STEPS // 2, 1]),
        torch.arange(ROWS) % CLASSES,
    ]
    batch: Batch = plugin.convert_input(Batch(*(part.to(device) for part in parts)))
    optimizer = build.optimizer(way.config)(network.parameters())
    # The scale that Lightning begins with may overflow at first, and is then lowered.
    scaled = way.precision == "16-mixed"
    scaler = torch.amp.GradScaler(device.type, init_scale=256.0, enabled=scaled)

    def outputs() -> tuple[Tensor, Tensor]:
        with plugin.forward_context():
            output = network(batch)
            total, count = network.head.nll(output.hidden, batch.targets)
            return network.head.predict(output.hidden), total / count

    logits, loss = outputs()
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    scaler.unscale_(optimizer)
    given = [p.grad if p.grad is not None else torch.zeros_like(p) for p in network.parameters()]
    numbers = torch.cat([part.detach().flatten().double().cpu() for part in (logits, *given)])
    scaler.step(optimizer)
    scaler.update()
    logits, loss = outputs()
    after = [*network.parameters(), logits, loss]
    return Tried(numbers, all(bool(part.isfinite().all()) for part in after))


def _problems(rows: Sequence[dict[str, Any]]) -> list[Problem]:
    """One for all cells that fail alike; of one that fails in float32 no more is told."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        failed = [
            (precision, outcome["why"])
            for precision, outcome in row["precisions"].items()
            if not (outcome["works"] or outcome["refused"]) and precision in ASKED
        ]
        plain = [each for each in failed if each[0] == "32-true"]
        for precision, why in plain or failed:
            alike.setdefault((row["device"], precision, why), []).append(row["cell"])
    found = []
    for (device, precision, why), cells in alike.items():
        what = f"{', '.join(cells)} with trainer.precision={precision} on {device}: {why}"
        if precision != "32-true":
            do = "use trainer.precision=32-true"
        else:
            do = "see seqbench.testing.check_cell, or report it with this"
        found.append(Problem(what, do))
    return found

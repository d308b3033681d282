"""Checkpoints: found by a run directory, read without running anything that stands in them."""

import pickle
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seqbench import build
from seqbench.config import Node, locate, validate_node
from seqbench.datamodules.base import TaskData
from seqbench.datamodules.raw import check_encoding
from seqbench.datamodules.texts.encoder import TextEncoder
from seqbench.datamodules.texts.tokens import Tokens
from seqbench.errors import UserError, place
from seqbench.models.module import SequenceModule
from seqbench.runs import Run
from seqbench.spec import WRITTEN, TaskSpec

SCHEMA_VERSION = 1
OWN = "seqbench"


def find(run: str | Path) -> Path:
    """The checkpoint of a run directory, of the one run below a directory, or the file itself.

    Below a directory finished runs count, and of the trainings of one run the last.
    """
    if not str(run):
        raise UserError("RUN is empty; give a run directory or a checkpoint")
    path = place(run)
    if not path.exists():
        raise UserError(f"{run}: no such run directory or checkpoint")
    if path.is_file():
        return path
    best = path / "checkpoints" / "best.ckpt"
    if best.exists():
        return best
    if (path / "status.json").exists():
        raise UserError(f"{run}: this run has no checkpoints/best.ckpt; train it to its end")
    below = [Run(found.parent) for found in sorted(path.rglob("status.json"))]
    finished = {each.base: each for each in below if each.status() == "ok"}
    if not finished:
        what = f"none of its {len(below)} runs is finished" if below else "no run directory"
        raise UserError(f"{run}: {what}; give a run directory that has checkpoints/best.ckpt")
    if len(finished) > 1:
        some = [str(each.path) for each in finished.values()][:3]
        rest = ", ..." if len(finished) > len(some) else ""
        raise UserError(
            f"{run}: there are {len(finished)} runs; name one of them: {', '.join(some)}{rest}"
        )
    (only,) = finished.values()
    return find(only.path)


def load(path: Path, trust: Collection[str] = ()) -> tuple[SequenceModule, dict[str, Any]]:
    """The trained module of a checkpoint, from nothing but that file, and what seqbench keeps
    there: ``config``, ``spec``, ``fingerprint``, and the ``epoch``, from 0, and ``step`` it is of.

    trust: packages whose classes may be built, beside seqbench's own.

    Raises UserError for a file that is damaged, not seqbench's, of another version, or that names
    classes which are not trusted.
    """
    weights, kept = _read(path)
    config = kept["config"]
    check_trust(config["model"], path, trust)
    try:
        validate_node(config["model"], "model", build.SUPPLIED)
        spec = _spec(kept)
        module = SequenceModule(build.network(config["model"], spec), spec, config=config)
        module.load_state_dict(weights, strict=True)
    except (UserError, TypeError, RuntimeError, KeyError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: does not fit this version of seqbench, or the code of its classes has "
            f"changed: {build.one_line(error)}"
        ) from error
    return module.eval(), kept


def _spec(kept: dict[str, Any]) -> TaskSpec:
    """The spec, if its parts are there and of the sizes that it names; ValueError if not."""
    spec = TaskSpec.from_dict(kept["spec"])
    named = (
        ("labels", () if spec.kind in WRITTEN else spec.labels, spec.output_size),
        ("vocabulary", spec.vocabulary, spec.input_size),
    )
    for name, words, size in named:
        if words and len(words) != size:
            raise ValueError(f"its spec has {len(words)} {name} for a size of {size}")
    check_encoding(spec)
    if spec.vocabulary:
        (Tokens if spec.kind in WRITTEN else TextEncoder).from_spec(spec)
    return spec


def require_whole(path: Path) -> None:
    """UserError for a checkpoint of which a byte is missing or changed.

    torch writes a checksum (CRC-32) of each record into the archive, and reads it without looking.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except Exception as error:  # zipfile raises half a dozen kinds for what is no archive
        raise UserError(
            f"{path}: damaged, or no checkpoint ({build.one_line(error)}); give a run directory "
            "or its best.ckpt, or train it anew"
        ) from error
    if damaged:
        raise UserError(f"{path}: damaged: the checksum of {damaged} is another; train it anew")


def content(path: Path) -> dict[str, Any]:
    """All that a checkpoint of seqbench's holds, as plain values.

    Raises UserError for a file that is damaged, not seqbench's, or of another version.
    """
    require_whole(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: holds other than weights and plain values; seqbench did not write it"
        ) from error
    except Exception as error:
        raise UserError(
            f"{path}: damaged, or no checkpoint ({build.one_line(error)}); give a run directory "
            "or its best.ckpt, or train it anew"
        ) from error
    kept = found.get("seqbench") if isinstance(found, dict) else None
    if not isinstance(kept, dict):
        raise UserError(f"{path}: a checkpoint, but not one that seqbench wrote")
    if kept.get("schema_version") != SCHEMA_VERSION:
        raise UserError(
            f"{path}: of version {kept.get('schema_version')}, this seqbench reads "
            f"{SCHEMA_VERSION}; use the version that wrote it"
        )
    return dict(found)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    found = content(path)
    kept = found["seqbench"]
    try:
        config = kept["config"]
        _ = config["model"], config["task"], config["trainer"], config["paths"]["cache_dir"]
        _ = kept["spec"], kept["fingerprint"]
        when = {"epoch": int(found["epoch"]), "step": int(found["global_step"])}
        return dict(found["state_dict"]), kept | when
    except KeyError as error:
        raise UserError(f"{path}: incomplete: it lacks {error}; train it anew") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: what it keeps is no config or weights; train it anew") from error


def named_packages(config: Node) -> set[str]:
    """The packages that a config's model and task come from."""
    nodes = (config["model"], config["task"])
    return {target.partition(".")[0] for node in nodes for target in _targets(node)}


def check_trust(node: Any, path: Path, trust: Collection[str]) -> None:
    """Refuse targets outside seqbench that nobody vouched for, before any of them is imported."""
    trusted = {OWN, *trust}
    for target in _targets(node):
        package = target.partition(".")[0]
        if not all(part.isidentifier() for part in target.split(".")):
            raise UserError(f"{path}: names {target!r} where a class should stand; train it anew")
        # A path through a trusted module may end in anything that it imports.
        if package in trusted:
            try:
                found = locate(target)
            except UserError as error:
                raise UserError(f"{path}: {error}; install what it was trained with") from error
            package = str(getattr(found, "__module__", "")).partition(".")[0] or target
            part = isinstance(found, type) and issubclass(found, nn.Module | TaskData)
            if package == OWN and not part:
                raise UserError(f"{path}: names {target}, which is no part of a network or task")
        if package not in trusted:
            raise UserError(
                f"{path}: names {target}, which is code outside seqbench; if you trust it, "
                f"add --trust {package}"
            )


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "_target_" in value:
            yield str(value["_target_"])
        for inner in value.values():
            yield from _targets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _targets(inner)

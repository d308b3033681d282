"""Checkpoints: found by a run directory, read without running anything that stands in them."""

import pickle
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field, TypeAdapter
from yaml import YAMLError

from seqbench import build
from seqbench.commands import MOST_THREADS
from seqbench.config import RunConfig, validate_node
from seqbench.datamodules.raw import check_encoding
from seqbench.datamodules.texts.encoder import TextEncoder
from seqbench.datamodules.texts.tokens import Tokens
from seqbench.errors import UserError, place, short
from seqbench.models.module import SequenceModule
from seqbench.runs import BASELINE, NETWORK, Run
from seqbench.spec import WRITTEN, TaskSpec
from seqbench.trust import HARMLESS, RUN_PARTS, check_trust

SCHEMA_VERSION = 1

ARCHIVE = b"PK\x03\x04"
"""What the file begins with. Others that hold an archive further on are read otherwise by torch."""

_THREADS: TypeAdapter[int | None] = TypeAdapter(
    Annotated[int, Field(ge=1, le=MOST_THREADS, strict=True)] | None
)


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
        require_network(Run(path))
        raise UserError(f"{run}: this run has no checkpoints/best.ckpt; train it to its end")
    below = [Run(found.parent) for found in sorted(path.rglob("status.json"))]
    networks = [each for each in below if each.kind == NETWORK]
    if below and not networks:
        require_network(below[0])
    below = networks
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


def require_network(run: Run) -> None:
    """UserError for the run of a baseline, where it takes a network's."""
    if run.kind == BASELINE:
        raise UserError(
            f"{run.path}: a baseline's run, of which its numbers are kept and no model; give the "
            "run of a network (python -m seqbench.train)"
        )


def load(path: Path, trust: Collection[str] = ()) -> tuple[SequenceModule, dict[str, Any]]:
    """The trained module of a checkpoint, from nothing but that file, and what seqbench keeps
    there: ``config``, ``spec``, ``fingerprint``, and the ``epoch``, from 0, and ``step`` it is of.

    trust: whose classes may be built beside seqbench's own, see ``seqbench.trust``.

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
    if not all(isinstance(word, str) for word in (*spec.labels, *spec.vocabulary)):
        raise ValueError("its spec has labels or a vocabulary that are no words")
    check_encoding(spec)
    if spec.vocabulary:
        (Tokens if spec.kind in WRITTEN else TextEncoder).from_spec(spec)
    return spec


def require_whole(path: Path) -> None:
    """UserError for a checkpoint of which a byte is missing or changed.

    torch writes a checksum (CRC-32) of each record into the archive, and reads it without looking.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(len(ARCHIVE)) == ARCHIVE
            with zipfile.ZipFile(file) as archive:
                damaged = archive.testzip()
    except Exception as error:  # zipfile raises half a dozen kinds for what is no archive
        raise UserError(
            f"{path}: damaged, or no checkpoint ({build.one_line(error)}); give a run directory "
            "or its best.ckpt, or train it anew"
        ) from error
    if not begins:
        raise UserError(f"{path}: no checkpoint: something stands before its archive")
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
    except Exception as error:  # torch's reader has as many kinds as an archive has parts
        raise UserError(
            f"{path}: damaged, or no checkpoint ({build.one_line(error)}); give a run directory "
            "or its best.ckpt, or train it anew"
        ) from error
    kept = found.get("seqbench") if isinstance(found, dict) else None
    if not isinstance(kept, dict):
        raise UserError(f"{path}: a checkpoint, but not one that seqbench wrote")
    require_version(path, kept, SCHEMA_VERSION)
    return dict(found)


def require_version(path: Path, kept: dict[str, Any], version: int) -> None:
    """UserError for a part of a checkpoint that another version of seqbench has written."""
    if kept.get("schema_version") != version:
        raise UserError(
            f"{path}: of version {kept.get('schema_version')}, this seqbench reads {version}; use "
            "the version that wrote it"
        )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    found = content(path)
    kept = found["seqbench"]
    try:
        config = kept["config"]
        _ = kept["spec"], kept["fingerprint"], Path(config["paths"]["cache_dir"])
        _ = config["task"]["_target_"], dict(config["trainer"]), config["model"]
        _THREADS.validate_python(config.get("threads"))
        when = {"epoch": int(found["epoch"]), "step": int(found["global_step"])}
        return dict(found["state_dict"]), kept | when
    except KeyError as error:
        raise UserError(f"{path}: incomplete: it lacks {error}; train it anew") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: what it keeps is no config or weights; train it anew") from error


def saved_config(run: Path, trust: Collection[str] = ()) -> dict[str, Any]:
    """The config that a run directory keeps, read without running anything that stands in it.

    Neither tags of YAML nor interpolations are resolved: a run's own has none. Its keys and values
    are still to be validated; ``paths`` are those of whoever wrote it.

    trust: beside seqbench's own, and what takes numbers alone of torch's and Lightning's, see
    ``seqbench.trust``.

    Raises UserError for a file that is missing or damaged, lacks a part, or names classes which
    are not trusted, and for a baseline's run.
    """
    require_network(Run(run))
    path = run / "config.yaml"
    try:
        loaded = OmegaConf.load(path)
        config = OmegaConf.to_container(loaded, resolve=False)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (YAMLError, OmegaConfBaseException, ValueError, RecursionError) as error:
        raise UserError(
            f"{path}: no config that seqbench wrote ({build.one_line(error)}); train it anew"
        ) from error
    if not isinstance(config, dict):
        raise UserError(f"{path}: holds no keys; train it anew")
    for field in fields(RunConfig):
        if field.name not in config and field.default is MISSING:
            raise UserError(f"{path}: incomplete: it lacks {field.name!r}; train it anew")
    check_trust(config, path, trust, RUN_PARTS, HARMLESS, "trust=[{}]")
    for key, text in _texts(config):
        if "${" in text and key != "command":
            raise UserError(
                f"{path}: {short(key)} is {short(text)!r}, but a run keeps values, not where to "
                "get them; write the value there"
            )
    names = config["names"]
    if not isinstance(names, dict) or not all(_is_name(name) for name in names.values()):
        raise UserError(f"{path}: its names are none that a run could have; train it anew")
    return {str(key): value for key, value in config.items()}


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text in plain containers, with its key's full name; of a key as well."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(str(name), key)
            yield from _texts(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, key)


def _is_name(value: Any) -> bool:
    """Whether folders can be named so, below the folder of all runs."""
    return (
        isinstance(value, str)
        and value.isprintable()
        and all(part.strip(" .") for part in value.replace("\\", "/").split("/"))
    )

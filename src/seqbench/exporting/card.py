"""What stands beside an ONNX file: all that one must know to use it, as JSON."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqbench.datamodules.texts.encoder import UNKNOWN_ID
from seqbench.exporting.compare import TOLERANCE, TRIALS, File
from seqbench.exporting.forms import Form
from seqbench.identity import without
from seqbench.trained import Trained

SCHEMA_VERSION = 1


def card(trained: Trained, form: Form, file: File, path: Path, difference: float) -> dict[str, Any]:
    """What ``FILE.json`` holds.

    A shape names the axes that may have any size. Of a state, ``next`` is the output that is the
    input of the next call, and ``start`` a row of it before the first step, or the one number that
    the row is made of. Digests are of the files' bytes; ``network`` is its config, less
    places on this machine.

    file: the network as a session. path: where it lies now. difference: from the network.
    """
    spec, config = trained.spec, trained.config
    inputs = {each.name: _described(each) for each in file.session.get_inputs()}
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": spec.kind,
        "labels": spec.labels,
        "vocabulary": spec.vocabulary,
        "encoding": spec.encoding,
        "padding_id": spec.padding_id,
        "unknown_id": UNKNOWN_ID if spec.vocabulary else None,
        "start_id": spec.start_id,
        "end_id": spec.end_id,
        "inputs": list(inputs.values()),
        "outputs": [_described(each) for each in file.session.get_outputs()],
        "states": [
            {**inputs[before], "next": after, "start": _start(part)}
            for before, after, part in form.states()
        ],
        "compared": {
            "rows_and_steps": TRIALS,
            "largest_difference": difference,
            "tolerance": TOLERANCE,
        },
        "run": {
            **config.get("names", {}),
            "seed": config.get("seed"),
            "data": trained.fingerprint,
            "checkpoint": _digest(trained.path),
            "network": without(config["model"], "embedding.path"),
        },
        "file": _digest(path),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("seqbench", "onnx", "onnxruntime", "onnxscript")},
            "torch": torch.__version__,
        },
    }


def _described(value: Any) -> dict[str, Any]:
    """Name, shape and type of an input or output; an axis of any size has a name."""
    kind = value.type.removeprefix("tensor(").removesuffix(")")
    names = {"float": "float32", "double": "float64"}
    return {"name": value.name, "shape": value.shape, "dtype": names.get(kind, kind)}


def _start(part: Tensor) -> Any:
    """One row of a state before the first step; a single number if all are the same."""
    values = part[0].detach().numpy()
    same = bool(np.all(values == values.flat[0]))
    return values.flat[0].item() if same else values.tolist()


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"

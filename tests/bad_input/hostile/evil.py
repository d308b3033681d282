"""What an attacker writes, and where."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Refused = Callable[..., str]
Accepted = Callable[..., tuple[str, str]]

VERBS = {
    "predict": ["ab"],
    "evaluate": [],
    "generate": ["--prompt", "a"],
    "inspect": ["--output", "a.svg"],
    "export": ["--output", "a.onnx"],
}


class Evil:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.command = f"touch '{marker}'"

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def put(config: dict[str, Any], key: str, value: Any) -> None:
    *folders, last = key.split(".")
    for folder in folders:
        config = config.setdefault(folder, {})
    config[last] = value


def archive(evil: Evil, whole: bytes) -> bytes:
    content = torch.load(io.BytesIO(whole), weights_only=True)
    content["seqbench"]["evil"] = evil
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


MINE = """
import os
from torch import nn
from torch.optim import Adam
from seqbench.models.cells.gru import GRU

class Mine(GRU):
    pass

class Lion(Adam):
    pass

def wipe(folder):
    os.rmdir(folder)
"""

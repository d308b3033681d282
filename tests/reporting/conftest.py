"""Run directories as training leaves them, without training."""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqbench.reporting.entries import Entry
from seqbench.reporting.reading import entries

MakeRun = Callable[..., Path]

Curve = Sequence[float]


def read(folders: Sequence[str]) -> list[Entry]:
    """All runs below the folders, of which each can be read."""
    found, unread = entries(folders)
    assert not unread
    return found


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes one below ``tmp_path / "outputs"`` and returns its path.

    Another ``group`` or ``fingerprint`` is another group or other data; ``metrics`` are by split;
    ``curve`` is the metric on validation, an epoch of ten steps and two seconds each.
    """

    def make(
        model: str = "lstm",
        seed: int = 0,
        accuracy: float | None = 0.5,
        *,
        task: str = "toy",
        status: str = "ok",
        group: str | None = None,
        fingerprint: str = "f0",
        lr: float = 0.01,
        metric: str = "accuracy",
        mode: str = "max",
        curve: Curve = (),
        baselines: Mapping[str, Any] | None = None,
        attempt: int = 1,
        config: Mapping[str, Any] | None = None,
        **result: Any,
    ) -> Path:
        group = group or f"{model}-{lr}-{fingerprint}"
        suffix = "" if attempt == 1 else f"-{attempt}"
        digest = f"{zlib.crc32(f'{group} {seed}'.encode()):010x}"
        path = tmp_path / "outputs" / task / model / f"seed-{seed}-{digest}{suffix}"
        path.mkdir(parents=True)
        words = [f"task={task}", f"model={model}", f"seed={seed}", "paths.output_dir=elsewhere"]
        content: dict[str, Any] = {
            "names": {"task": task, "model": model},
            "command": words,
            "seed": seed,
            "optimizer": {"_target_": "torch.optim.Adam", "lr": lr},
            **(config or {}),
        }
        error = None if status in ("ok", "running") else "RunError: it fell over"
        told = {"schema_version": 1, "status": status, "error": error, "group": group}
        (path / "status.json").write_text(json.dumps(told))
        (path / "config.yaml").write_text(yaml.safe_dump(content), "utf-8")
        if status != "ok":
            return path
        known = {} if accuracy is None else {"test": {metric: accuracy}, "val": {metric: accuracy}}
        made = {
            "schema_version": 1,
            "task": task,
            "model": model,
            "seed": seed,
            "identity": digest,
            "group": group,
            "config": content,
            "data": {"fingerprint": fingerprint},
            "parameters": 1000,
            "state_size": 8,
            "metric": metric,
            "mode": mode,
            "epochs": len(curve),
            "metrics": known,
            "baselines": baselines or {},
            "throughput": {"train_tokens_per_second": 5000.0 + seed},
            "seconds": {"fit": 10.0 + seed, "test": 1.0},
            "peak_memory_bytes": 2**20 * (seed + 1),
            "environment": {"device": "cpu", "processor": "abacus", "threads": 1},
            **result,
        }
        (path / "result.json").write_text(json.dumps(made))
        lines = ["step,epoch,seconds,split,name,value"]
        for epoch, value in enumerate(curve):
            lines.append(f"{10 * epoch},{epoch},{2.0 * epoch},val,{metric},{value}")
            lines.append(f"{10 * epoch},{epoch},{2.0 * epoch},time,epoch_seconds,2.0")
        (path / "metrics.csv").write_text("\n".join(lines) + "\n")
        return path

    return make

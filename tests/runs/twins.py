"""Whether a run that was ended and went on left what one that was never ended did."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

TIMES = ("throughput", "seconds", "peak_memory_bytes")
"""What of a result depends on the machine's mood; all else must be the same."""

TIMED = ("epoch_seconds", "tokens_per_second")


def run_below(folder: Path) -> Path:
    """The one run directory below a folder."""
    found = [path.parent for path in sorted(folder.rglob("status.json"))]
    assert len(found) == 1, f"{folder} holds {len(found)} runs: {[str(path) for path in found]}"
    return found[0]


def assert_twins(a: Path, b: Path) -> None:
    """Two finished runs, or folders that hold one each, are one in all but times and places."""
    first, second = run_below(a), run_below(b)
    for read in (result, metrics, weights, counters, events, beside):
        one, other = read(first), read(second)
        changed = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
        some = [f"{key}: {one.get(key)} | {other.get(key)}" for key in sorted(changed, key=str)[:8]]
        assert not changed, f"{read.__name__} of {first} | {second} differ: {'; '.join(some)}"


def result(run: Path) -> dict[str, Any]:
    """status.json's status, and all of result.json but times, by dotted key."""
    content = json.loads((run / "result.json").read_text("utf-8"))
    status = json.loads((run / "status.json").read_text("utf-8"))
    missing = [name for name in TIMES if name not in content]
    assert not missing, f"{run}/result.json lacks {missing}"
    tested = content["seconds"]["test"] is not None
    assert "paths" in content["config"], f"{run}/result.json: its config lacks its paths"
    for name in TIMES:
        del content[name]
    del content["config"]["paths"], content["config"]["command"]
    return {**dict(_flat(content, "")), "status": status["status"], "tested": tested}


def metrics(run: Path) -> dict[Any, int | str]:
    """How often each row of metrics.csv stands there, without times; and in which order."""
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert table, f"{run}/metrics.csv is empty"
    rows = []
    for row in table:
        seconds = row.pop("seconds")
        assert float(seconds) >= 0
        if row["name"] in TIMED:
            assert float(row.pop("value")) > 0, row
        rows.append(tuple(row.values()))
    return {**Counter(rows), "in order": _digest(repr(rows).encode())}


def weights(run: Path) -> dict[str, Any]:
    """Digests of all that was learned: weights, the optimiser's and the scheduler's state."""
    best = _read(run / "checkpoints" / "best.ckpt")
    last = _read(run / "checkpoints" / "last.ckpt")
    parts = {name: last[name] for name in ("state_dict", "optimizer_states", "lr_schedulers")}
    found = {**dict(_flat(parts, "last.")), **dict(_flat(best["state_dict"], "best."))}
    assert found, f"{run} has no weights"
    return found


def counters(run: Path) -> dict[str, Any]:
    """Steps and epochs, and where the random numbers stood at the end."""
    last = _read(run / "checkpoints" / "last.ckpt")
    kept = last["continuation"]
    parts = {
        "epoch": last["epoch"],
        "global_step": last["global_step"],
        "random": kept["random"],
        "watched": kept["watched"],
    }
    return dict(_flat(parts, ""))


def events(run: Path) -> dict[Any, Any]:
    """How often each tag of TensorBoard's stands at each step, with what value."""
    files = sorted(run.glob("events.out.tfevents.*"))
    if not files:
        return {}
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    found: Counter[Any] = Counter()
    for file in files:
        for raw in RawEventFileLoader(str(file)).Load():
            event = Event.FromString(raw)
            for value in event.summary.value:
                plugin = value.metadata.plugin_data
                if value.tag.startswith("_hparams_"):  # a map, in any order
                    parsed = HParamsPluginData.FromString(plugin.content)
                    plugin.content = parsed.SerializeToString(deterministic=True)
                timed = any(name in value.tag for name in (*TIMED, "z_config"))
                content = "" if timed else _digest(value.SerializeToString(deterministic=True))
                found[event.step, value.tag, content] += 1
    return dict(found)


def beside(run: Path) -> dict[str, str]:
    """The names of the run's files, and digests of those that hold no times."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if name.startswith("events.out.tfevents."):
            name = "events.out.tfevents"  # one a process
        if path.name.startswith(".resumed."):
            continue  # how often it was
        found[name] = _digest(path.read_bytes()) if path.name == "gradients.json" else ""
    return found


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every value by its dotted key; a tensor is its type, shape and digest."""
    if isinstance(value, Tensor):
        content = value.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        yield prefix, f"{value.dtype} {tuple(value.shape)} {_digest(content)}"
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}")
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{prefix}.{index}")
    else:
        yield prefix, repr(value)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]

"""Identity, locks and statuses of run directories."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seqbench import locks, runs
from seqbench.errors import UserError
from seqbench.identity import group, identity

CONFIG: dict[str, Any] = {
    "seed": 0,
    "model": {"hidden_size": 8, "cell": {"_target_": "x"}, "embedding": {"path": None}},
    "task": {"path": "/a", "batch_size": 2, "num_workers": 0},
    "trainer": {"max_epochs": 1, "log_every_n_steps": 5},
    "paths": {"output_dir": "outputs"},
    "test": True,
    "force": False,
    "progress": "auto",
    "logger": {},
}


def changed(name: str, value: Any) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(json.dumps(CONFIG))
    *parents, leaf = name.split(".")
    node = config
    for parent in parents:
        node = node[parent]
    node[leaf] = value
    return config


def test_what_decides_the_outcome_decides_the_identity() -> None:
    first = identity(CONFIG, "data", {"cell": "source"})
    for name, value in [("model.hidden_size", 9), ("seed", 1), ("trainer.max_epochs", 2)]:
        assert identity(changed(name, value), "data", {"cell": "source"}) != first
    assert identity(CONFIG, "other data", {"cell": "source"}) != first
    assert identity(CONFIG, "data", {"cell": "edited"}) != first


def test_what_only_places_or_shows_a_run_does_not() -> None:
    first = identity(CONFIG, "data", {})
    for name, value in [
        ("task.path", "/b"),
        ("task.num_workers", 2),
        ("model.embedding.path", "/b"),
        ("trainer.log_every_n_steps", 1),
        ("paths.output_dir", "elsewhere"),
        ("test", False),
        ("force", True),
        ("progress", "none"),
        ("logger", {"tensorboard": {}}),
    ]:
        assert identity(changed(name, value), "data", {}) == first
    assert json.loads(json.dumps(CONFIG)) == CONFIG


def test_a_group_is_the_identity_less_the_seed() -> None:
    assert group(CONFIG, "d", {}) == group(changed("seed", 5), "d", {})
    assert group(CONFIG, "d", {}) != group(changed("model.hidden_size", 5), "d", {})


def test_statuses(tmp_path: Path) -> None:
    base = tmp_path / "task" / "model" / "seed-0-abc"
    first = runs.following(base)
    assert first.path == base
    with first.record("a: 1\n"):
        assert first.status() == "running"
        assert first.live
        first.write_json("result.json", {"metrics": {}})
    assert first.status() == "ok"
    assert (base / "config.yaml").read_text() == "a: 1\n"

    second = runs.following(base)
    assert second.path.name == "seed-0-abc-2"
    with pytest.raises(ValueError, match="oh"), second.record(""):
        raise ValueError("oh")
    assert second.status() == "failed"
    status = json.loads((second.path / "status.json").read_text())
    assert status["error"] == "ValueError: oh"
    assert "test_runs.py" in status["traceback"]

    third = runs.following(base)
    with pytest.raises(KeyboardInterrupt), third.record(""):
        raise KeyboardInterrupt
    assert third.status() == "interrupted"
    assert [run.path.name[-2:] for run in runs.attempts(base)] == ["bc", "-2", "-3"]


@pytest.mark.parametrize("torn", ["", "{", "[]", "{}", None])
@pytest.mark.parametrize("name", ["result.json", "status.json"])
def test_a_damaged_run_is_not_finished(tmp_path: Path, name: str, torn: str | None) -> None:
    run = runs.following(tmp_path / "seed-0-abc")
    with run.record(""):
        run.write_json("result.json", {"metrics": {}})
    assert run.status() == "ok"
    if torn is None:
        (run.path / name).unlink()
    else:
        (run.path / name).write_text(torn)
    assert run.status() == "interrupted"


def test_a_whole_float_is_its_integer() -> None:
    first = identity(CONFIG, "data", {})
    assert identity(changed("model.hidden_size", 8.0), "data", {}) == first
    assert identity(changed("model.hidden_size", 8.5), "data", {}) != first


def test_one_batch_is_not_all_of_them() -> None:
    for key in ("limit_train_batches", "limit_val_batches", "val_check_interval"):
        one, whole = ({"trainer": {key: number}} for number in (1, 1.0))
        assert identity(one, "", {}) != identity(whole, "", {})


def test_running_without_a_live_process_is_interrupted(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, seqbench.runs as r\n"
        f"run = r.following(pathlib.Path({str(tmp_path)!r}) / 'seed-0-abc')\n"
        "with run.record(''):\n    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    (run,) = runs.attempts(tmp_path / "seed-0-abc")
    assert json.loads((run.path / "status.json").read_text())["status"] == "running"
    assert run.status() == "interrupted"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    base = tmp_path / "seed-0-abc"
    code = (
        "import pathlib, sys, seqbench.runs as r\n"
        f"run = r.following(pathlib.Path({str(base)!r}))\n"
        "with run.record(''):\n"
        "    print('ready', flush=True)\n    sys.stdin.readline()\n"
        "    run.write_json('result.json', {'metrics': {}})\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        assert runs.Run(base).status() == "running"
        status = json.loads((base / "status.json").read_text())
        assert (status["pid"], status["boot"]) == (other.pid, locks.boot())
        assert status["resumed"] == []
        said = f"process {other.pid} on {socket.gethostname()} since {status['started']}"
        with pytest.raises(UserError, match=f"is being trained by {re.escape(said)}$"):
            runs.following(base).record("").__enter__()
        assert not (tmp_path / "seed-0-abc-2").exists()
        other.communicate("done\n")
    assert runs.Run(base).status() == "ok"


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    run = runs.Run(tmp_path)
    run.write("a.json", "old")
    with pytest.raises(TypeError):
        run.write_json("a.json", {"x": object()})
    assert (tmp_path / "a.json").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_runs_need_no_torch() -> None:
    code = "import sys, seqbench, seqbench.runs, seqbench.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

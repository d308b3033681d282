"""seqbench from Python: run and load, without a trace in the process that calls them."""

import importlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

import seqbench
from seqbench.places import CONF
from seqbench.sources import _typed


class Broken(seqbench.Cell):
    """A cell that fails when it runs."""

    def initial_state(self, *arguments: Any) -> Any:
        return (torch.tensor(1 // 0),)

    def step(self, *arguments: Any) -> Any: ...


NOISY = ["model.embedding.word_dropout=0.2", "model=rnn", "seed=3"]


def comparable(content: dict[str, Any]) -> str:
    """A result less what differs from run to run: times, speed, memory."""
    volatile = ("seconds", "throughput", "peak_memory_bytes", "environment", "config")
    return json.dumps({k: v for k, v in content.items() if k not in volatile}, sort_keys=True)


def state() -> dict[str, Any]:
    logger = logging.getLogger("seqbench")
    return {
        "argv": list(sys.argv),
        "environment": dict(os.environ),
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "signals": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)],
        "handlers": [*logging.getLogger().handlers, *logger.handlers],
        "levels": [logging.getLogger(n).level for n in ("", "seqbench", "lightning.pytorch")],
        "warnings": list(warnings.filters),
        "hydra": [GlobalHydra.instance().is_initialized(), HydraConfig.initialized()],
    }


def test_run_gives_what_the_command_line_keeps(here: Path, tiny: list[str]) -> None:
    result = seqbench.run([*tiny, "model=gru"])
    kept = json.loads((result.path / "result.json").read_text("utf-8"))
    assert result.metrics == kept["metrics"]
    assert result.path.is_relative_to(here / "outputs" / "modular_sum" / "gru")
    assert "modular_sum / gru, seed 0" in str(result)
    (found,) = result.model.predict([[3, 1, 4]])
    assert found.tokens == 3
    again = seqbench.run([*tiny, "model=gru"])
    assert again.path == result.path, "the same run is not trained twice"


def test_no_trace_is_left(here: Path, tiny: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    torch.randn(3)
    before = state()
    result = seqbench.run([*tiny, "trainer.deterministic=true", "progress=none"])
    assert state() == before
    seqbench.load(result.path, threads=1).evaluate("val")
    result.model.predict(["1 2 3"])
    assert state() == before
    with pytest.raises(seqbench.UserError):
        seqbench.run(["task=nothing"])
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_twice_in_one_process_is_once_in_each_of_two(here: Path, tiny: list[str]) -> None:
    other = [*tiny, "model=lstm", "trainer.deterministic=true"]
    seqbench.run([*other, "paths.output_dir=first"])
    second = seqbench.run([*tiny, *NOISY, "paths.output_dir=here"])
    code = "import seqbench, sys; print(seqbench.run(sys.argv[1:]).path)"
    ended = subprocess.run(
        [sys.executable, "-c", code, *tiny, *NOISY, "paths.output_dir=there"],
        capture_output=True,
        text=True,
        check=True,
    )
    alone = Path(ended.stdout.strip())
    ours, theirs = (
        torch.load(path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for path in (second.path, alone)
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert comparable(second.content) == comparable(json.loads((alone / "result.json").read_text()))


def test_mistakes_are_exceptions(here: Path, tiny: list[str]) -> None:
    with pytest.raises(seqbench.UserError, match=r"task\.batchsize.*'task\.batch_size'"):
        seqbench.run([*tiny, "task.batchsize=5"])
    with pytest.raises(seqbench.UserError, match=r"a list of words.*\['task=pets'\]"):
        seqbench.run("task=pets")
    with pytest.raises(seqbench.UserError, match="one network"):
        seqbench.run(["-m", "seed=0,1"])
    with pytest.raises(seqbench.UserError, match="no such run"):
        seqbench.load("nowhere")
    assert list(here.iterdir()) == []


def test_a_cell_s_own_error_comes_through(here: Path, tiny: list[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        seqbench.run([*tiny, "~model.cell", f"+model.cell={{_target_:{__name__}.Broken}}"])
    (status,) = here.rglob("status.json")
    assert json.loads(status.read_text())["status"] == "failed"


def test_another_thread_may_train(here: Path, tiny: list[str]) -> None:
    results: list[seqbench.Result] = []
    thread = threading.Thread(target=lambda: results.append(seqbench.run(tiny)))
    thread.start()
    thread.join()
    assert results[0].metrics["test"]["accuracy"] > 0


def test_threads_wait_for_each_other(here: Path, tiny: list[str]) -> None:
    found: dict[int, int] = {}

    def one(seed: int) -> None:
        found[seed] = seqbench.run([*tiny, f"seed={seed}", "progress=none"]).content["seed"]

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: 0, 1: 1, 2: 2}


def test_the_caller_s_torch_changes_nothing(here: Path, tiny: list[str]) -> None:
    words = [*tiny, "progress=none", "trainer.max_epochs=1", "force=true"]
    want = seqbench.run(words).metrics
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True, warn_only=True)
        before = state()
        try:
            assert seqbench.run(words).metrics == want
            assert state() == before
        finally:
            torch.set_default_dtype(torch.float32)
            torch.use_deterministic_algorithms(False)


def test_within_an_application_of_hydra(here: Path, tiny: list[str]) -> None:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        assert seqbench.run([*tiny, "progress=none"]).path.exists()
        assert hydra.compose("train", ["seed=3"])["seed"] == 3


def test_an_edited_cell_runs_only_when_it_is_loaded_anew(
    here: Path, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = here / "edited_cell.py"
    file.write_text(CELL.format(start="1.0"))
    words = [*tiny, "progress=none", "model=base", "+model.cell._target_=edited_cell.Constant"]
    first = seqbench.run(words)
    file.write_text(CELL.format(start="30.0"))
    with pytest.raises(seqbench.UserError, match="edited after it was imported"):
        seqbench.run(words)
    importlib.reload(sys.modules["edited_cell"])
    assert seqbench.run(words).path != first.path


CELL = """
import torch
from seqbench import Cell
class Constant(Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weight = torch.nn.Parameter(torch.ones(hidden_size))
    def initial_state(self, batch_size, device, dtype):
        return (torch.full((batch_size, self.hidden_size), {start}, device=device, dtype=dtype),)
    def step(self, x, state):
        h = state[0] * self.weight
        return h, (h,)
"""


def test_a_class_typed_in_a_notebook_is_known_by_all_that_it_holds() -> None:
    def made(leak: float, factor: int) -> type:
        class Typed:
            rate = leak

            @staticmethod
            def twice(x: int) -> int:
                return x * 2

        if factor == 3:
            Typed.twice = staticmethod(lambda x: x * 3)  # type: ignore[method-assign]
        return Typed

    same, again, other, edited = (
        _typed(made(*values)) for values in ((0.5, 2), (0.5, 2), (0.1, 2), (0.5, 3))
    )
    assert same == again
    assert len({same, other, edited}) == 3

"""Many runs by one line: each ends with its word, and the same line does what is left to do."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runs.twins import assert_twins

from seqbench.runs import Run, held

Train = Callable[..., int]

Record = Callable[[], dict[str, dict[str, Any]]]
Statuses = Callable[[], dict[str, str]]

pytestmark = pytest.mark.usefixtures("composed_once")


def test_every_job_ends_with_its_word_and_none_stops_another(
    train: Train,
    tiny: list[str],
    here: Path,
    cells: Callable[..., str],
    record: Record,
    statuses: Statuses,
    capfd: pytest.CaptureFixture[str],
) -> None:
    line = ["-m", *tiny, "model=gru", cells("Raises", "Exits", "Killed", "Gone", "Good")]
    assert train(*line, "hydra/launcher=processes", "hydra.launcher.n_jobs=2") == 1
    wanted = {"Raises": "failed", "Exits": "failed", "Killed": "killed", "Gone": "killed"}
    assert statuses() == wanted | {"Good": "ok"}
    jobs = record()
    assert "ValueError: this cell cannot" in jobs["Raises"]["traceback"]
    assert "SIGKILL" in jobs["Killed"]["error"]
    assert "status 0" in jobs["Gone"]["error"]
    runs = {name: Path(job["base"]) for name, job in jobs.items()}
    assert all((run / "status.json").exists() for run in runs.values())
    assert json.loads((runs["Raises"] / "status.json").read_text())["status"] == "failed"
    out, err = capfd.readouterr()
    for name, status in (wanted | {"Good": "ok"}).items():
        assert any(f"sweepers.{name} " in row and status in row for row in out.splitlines()), name
    assert "5 runs: 2 failed, 2 killed, 1 ok" in out
    assert "about" in err
    assert "Raises: failed: ValueError: this cell cannot" in err

    (here / "mended").touch()
    assert train(*line) == 1
    again = statuses()
    assert again == {"Raises": "ok", "Exits": "failed", "Killed": "ok", "Gone": "killed"} | {
        "Good": "ok"
    }
    jobs = record()
    assert jobs["Good"]["before"]
    assert jobs["Good"]["tries"] == 0
    assert runs["Raises"].with_name(f"{runs['Raises'].name}-2").exists(), "failed: anew"
    assert not runs["Killed"].with_name(f"{runs['Killed'].name}-2").exists(), "killed: goes on"
    assert "5 runs: 3 ok, 1 failed, 1 killed (1 before)" in capfd.readouterr().out


def test_a_failure_may_stop_a_sweep_or_be_tried_again(
    train: Train,
    tiny: list[str],
    here: Path,
    cells: Callable[..., str],
    record: Record,
    statuses: Statuses,
) -> None:
    words = ["-m", *tiny, "model=gru", "on_failure=stop", cells("Once", "Raises", "Good")]
    assert train(*words, "retries=1") == 1
    assert statuses() == {"Once": "ok", "Raises": "failed", "Good": "waiting"}
    jobs = record()
    assert [jobs[name]["tries"] for name in ("Once", "Raises", "Good")] == [2, 2, 0]
    (here / "mended").touch()
    assert train(*words) == 0
    assert statuses() == {"Once": "ok", "Raises": "ok", "Good": "ok"}


def test_results_are_the_same_alone_serial_and_parallel(
    train: Train, tiny: list[str], here: Path
) -> None:
    line = ["-m", *tiny, "model=gru,lstm", "model.dropout=0.3", "model.num_layers=2"]
    line.append("trainer.max_epochs=1")
    assert train(*line, "hydra/launcher=processes", "paths.output_dir=parallel") == 0
    assert train(*line, "paths.output_dir=serial") == 0
    # In this process, behind a run that changes what is the whole process's.
    assert train(*line, "hydra/launcher=basic", "paths.output_dir=shared") == 0
    for model in ("gru", "lstm"):
        alone = [word for word in line if not word.startswith(("-m", "model=gru"))]
        assert train(*alone, f"model={model}", f"paths.output_dir=alone-{model}") == 0
        for how in ("parallel", "serial", "shared"):
            (run,) = (here / how / "modular_sum" / model).glob("seed-*")
            assert_twins(run, here / f"alone-{model}")


def test_a_mistake_in_the_last_job_is_told_before_the_first_begins(
    train: Train, tiny: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert train("-m", *tiny, "model=lstm,gru", "model.backend=auto,nativ") == 2
    assert "model=lstm model.backend=nativ: model.backend" in capfd.readouterr().err
    assert train("-m", *tiny, "model=gru,gru_v1", "model.backend=native") == 2
    assert "model=gru_v1: model.backend=native" in capfd.readouterr().err
    assert list(here.iterdir()) == []


def test_gpus_are_dealt_out_in_turn(
    train: Train,
    tiny: list[str],
    here: Path,
    cells: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-7")
    words = ["-m", *tiny, "model=gru", cells("Shows"), "seed=0,1", "trainer.max_epochs=1"]
    assert train(*words, "hydra/launcher=processes") == 0
    dealt = sorted(path.read_text() for path in here.glob("gpu-*"))
    assert dealt == ["3", "3,GPU-7", "GPU-7"], "one each, and the process that planned has all"


def test_a_run_that_another_process_is_at_is_waited_for(
    train: Train, tiny: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = ["-m", *tiny, "trainer.max_epochs=1", "hydra/launcher=basic"]
    assert train(*line, "paths.output_dir=known") == 0
    (known,) = (here / "known" / "modular_sum" / "lstm").glob("seed-*")
    run = Run(here / "outputs" / known.relative_to(here / "known"))
    run.path.parent.mkdir(parents=True)
    began = time.monotonic()

    def at_it() -> None:
        with held(run.lock):
            time.sleep(4)

    other = threading.Thread(target=at_it)
    other.start()
    until(run.lock.exists)
    assert train(*line) == 0
    other.join()
    assert time.monotonic() - began > 4
    assert "waiting for its end" in capfd.readouterr().err
    assert run.status() == "ok"


def test_words_mean_what_they_mean_alone(
    train: Train, tiny: list[str], here: Path, statuses: Statuses
) -> None:
    """A node that is taken away and put in again; a mapping whose keys are numbers."""
    cell = "+model.cell={_target_: seqbench.models.cells.lstm.LSTM}"
    times = "lightning.pytorch.callbacks.GradientAccumulationScheduler"
    words = ["~model.cell", cell, f"+callbacks.adds={{_target_: {times}, scheduling: {{0: 2}}}}"]
    assert train("-m", *tiny, *words, "seed=0,1") == 0
    assert train(*tiny, *words, "seed=1") == 0
    assert len([*here.glob("outputs/modular_sum/lstm/seed-*")]) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_sweep_needs_nobody_who_listens(tiny: list[str], here: Path, record: Record) -> None:
    line = ["-m", *tiny, "trainer.max_epochs=1", "seed=0,1"]
    command = [sys.executable, "-m", "seqbench.train", *line]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, check=False)
    assert done.returncode == 0
    assert b"2 runs: 2 ok" in done.stdout
    jobs = record()
    assert [job["status"] for job in jobs.values()] == ["ok", "ok"]
    assert all(job["metrics"]["test"]["accuracy"] >= 0 for job in jobs.values())


BUSY = [
    "task.train_lengths=[20,40]",
    "task.train_size=300",
    "callbacks.checkpoint.every_n_steps=5",
    "trainer.max_epochs=3",
]


def sweeping(line: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "seqbench.train", *line],
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_sweep_killed_with_its_jobs_goes_on_by_the_same_line(
    train: Train, tiny: list[str], here: Path, record: Record
) -> None:
    """A job is killed, then the parent; then all of the next are told to end."""
    line = ["-m", *tiny, *BUSY, "model=rnn,gru", "seed=0,1", "hydra/launcher=processes"]
    line.append("hydra.launcher.n_jobs=2")

    def trained(model: str) -> list[Path]:
        return [*here.glob(f"outputs/modular_sum/{model}/*/checkpoints/last.ckpt")]

    sweep = sweeping(line, here / "first.log")
    until(lambda: len(trained("rnn")) == 2)
    (folder,) = here.glob("outputs/sweeps/*")
    victim = json.loads((folder / "1.json").read_text())
    if victim["status"] == "running":
        os.kill(int(victim["process"].split()[0]), signal.SIGKILL)
    until(lambda: bool(trained("gru")))
    sweep.kill()
    assert sweep.wait() == -signal.SIGKILL

    sweep = sweeping(line, here / "second.log")
    second = here / "second.log"
    until(lambda: b"sweep of 4 runs" in second.read_bytes() or sweep.poll() is not None)
    until(lambda: len(trained("gru")) == 2 or sweep.poll() is not None)
    os.killpg(sweep.pid, signal.SIGTERM)
    assert sweep.wait() in (0, 143), second.read_text()
    assert ": killed" not in second.read_text(), "each has had its say"
    assert train(*line) == 0
    jobs = record()
    assert [job["status"] for job in jobs.values()] == ["ok"] * 4
    assert len([*here.glob("outputs/modular_sum/*/seed-*")]) == 4, "none was trained twice"

    serial = [word for word in line if not word.startswith("hydra")]
    assert train(*serial, "paths.output_dir=serial") == 0
    for run in here.glob("outputs/modular_sum/*/seed-*"):
        assert_twins(run, here / "serial" / run.relative_to(here / "outputs"))

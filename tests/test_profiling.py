"""debug=profile: a trace of a few training steps, and the dearest operators."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from tests.conftest import Clock

from seqbench.profiling import STEP, TABLE, TRACE, Operator, Trace, table

Train = Callable[..., int]


@pytest.fixture
def words(tiny: list[str], composed_once: None) -> list[str]:
    """As many batches as the preset asks for."""
    sizes = ["task.train_size=300", "logger=none"]
    return [*(word for word in tiny if "max_epochs" not in word), *sizes, "debug=profile"]


def spans(path: Path) -> list[dict[str, Any]]:
    """What has a beginning and an end, in order."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    found = [event for event in events if event["ph"] == "X"]
    for event in found:
        assert {"ts", "dur", "name", "pid", "tid"} <= event.keys()
        assert event["dur"] >= 0
    return sorted(found, key=lambda event: event["ts"])


def test_a_trace_and_a_table_of_five_steps(
    words: list[str],
    train: Train,
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert train(*words, "model=gru") == 0
    (path,) = here.rglob(TRACE)
    said = capfd.readouterr().err.splitlines()
    assert f"trace: {path.relative_to(here)}; open it at https://ui.perfetto.dev" in said
    assert json.loads((path.parent / "status.json").read_text())["status"] == "ok"
    assert result(here)["steps"] == 30
    assert path.stat().st_size < 2e7

    found = spans(path)
    names = Counter(event["name"] for event in found)
    assert names[STEP] == names["run_training_batch"] == 5
    assert not any("validation" in name for name in names)
    steps = [(each["ts"], each["ts"] + each["dur"]) for each in found if each["name"] == STEP]
    assert all(end <= begin for (_, end), (begin, _) in pairwise(steps))
    for begin, end in steps:
        within = {e["name"] for e in found if begin <= e["ts"] and e["ts"] + e["dur"] <= end}
        assert {"aten::gru", "aten::_fused_adamw_", "aten::cross_entropy_loss"} <= within
        assert "[_TrainingEpochLoop].train_dataloader_next" in within

    lines = (path.parent / TABLE).read_text("utf-8").splitlines()
    at = said.index(lines[0])
    assert said[at : at + len(lines)] == lines
    assert re.fullmatch(
        r"profile of steps 11 to 15: [\d.]+ ms a step, [\d.]+ ms when not recorded", lines[0]
    )
    assert len(lines) == 2 + 10 + 2
    assert max(map(len, lines)) < 80
    shares = [float(line.split()[-1].rstrip("%")) for line in lines[2:]]
    assert shares[:10] == sorted(shares[:10], reverse=True)
    assert sum(shares) == pytest.approx(100, abs=1)
    calls = {line.split()[0]: line.split()[1] for line in lines[2:]}
    assert calls["aten::mm"] == f"{names['aten::mm'] / 5:.4g}"


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (["+trainer.profiler.steps=4", "task.train_size=60"], "profile of steps 4 to 6: "),
        (["trainer.limit_train_batches=1", "trainer.precision=bf16-mixed"], "profile of step 1: "),
    ],
    ids=["few batches", "one batch"],
)
def test_steps_that_are_there(
    words: list[str], train: Train, here: Path, extra: list[str], told: str
) -> None:
    assert train(*words, *extra, "model.backend=reference") == 0
    (path,) = here.rglob(TRACE)
    names = Counter(event["name"] for event in spans(path))
    assert not any("validation" in name for name in names)
    lines = (path.parent / TABLE).read_text("utf-8").splitlines()
    assert lines[0].startswith(told)
    assert ("when not recorded" in lines[0]) == ("step 1:" not in told)
    first, last = re.findall(r"\d+", told)[0], re.findall(r"\d+", told)[-1]
    assert names[STEP] == int(last) - int(first) + 1


def recorder(folder: Path, **settings: int) -> Trace:
    """One whose epoch has nine batches."""
    made = Trace(str(folder), **settings)
    trainer = SimpleNamespace(num_training_batches=9, callbacks=[])
    made._lightning_module = SimpleNamespace(trainer=trainer)  # type: ignore[assignment]
    return made


def test_long_steps_are_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their many operators would take minutes to write."""
    clock = Clock()
    monkeypatch.setattr("seqbench.profiling.time", clock)
    trace = recorder(tmp_path, wait=2)
    for _ in range(5):
        trace.start("[Loop].train_dataloader_next")
        trace.stop("[Loop].train_dataloader_next")
        (torch.ones(2) + 1).sum()
        clock.now += 0.6
        trace.stop("[LightningModule]Module.on_train_batch_end")
    assert Counter(event["name"] for event in spans(tmp_path / TRACE))[STEP] == 2
    heading = "profile of steps 3 to 4: 600.00 ms a step, 600.00 ms when not recorded\n"
    assert (tmp_path / TABLE).read_text("utf-8").startswith(heading)


def test_a_training_that_fails_leaves_no_recording_behind(tmp_path: Path) -> None:
    trace = recorder(tmp_path, wait=0)
    trace.start("run_training_epoch")
    trace.start("[Loop].train_dataloader_next")
    autograd = cast(Any, torch.autograd)
    assert autograd._profiler_enabled()
    trace.stop("run_training_epoch")  # as it is called on the way out
    assert not autograd._profiler_enabled()
    assert [*tmp_path.iterdir()] == []


def test_the_table_has_ten_rows_the_others_and_the_rest() -> None:
    operators = [Operator(f"aten::op{n}", 2 * n, n / 1000) for n in range(1, 13)]
    operators[4] = Operator("autograd::engine::evaluate_function: " + "Long" * 20, 3, 0.005)
    lines = table([*operators, Operator("aten::view", 9, 0.0)], seconds=[0.06, 0.04])
    assert [line.split() for line in lines[1:3]] == [
        ["aten::op12", "12", "6.000", "12.0%"],
        ["aten::op11", "11", "5.500", "11.0%"],
    ]
    assert re.match(r"autograd: (Long)+\w*\.\.\. ", lines[8])
    assert lines[-2].split() == ["2", "others", "3", "1.500", "3.0%"]
    assert lines[-1].split()[-2:] == ["11.000", "22.0%"]
    assert {len(line) for line in lines} == {78}
    assert table([Operator("aten::mm", 2_000_000, 0.5)], [1.0])[1].split()[1] == "2,000,000"
    (heading, _, rest) = table(operators[:1], [0.004], on_gpu=True)
    assert "GPU ms a step" in heading
    assert rest.split() == ["the", "GPU", "waits", "3.000", "75.0%"]

"""Where the time of a training step goes: a trace to look at, and the dearest operators."""

import logging
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.profilers import Profiler
from pydantic import NonNegativeInt, PositiveInt
from torch.profiler import ProfilerActivity, profile, record_function

from seqbench.callbacks.throughput import clock_stopped

log = logging.getLogger(__name__)

TRACE, TABLE = "trace.json.gz", "profile.txt"
STEP = "training step"
ENOUGH = 1.0
"""Seconds of recorded steps behind which no more begins: a million operators take minutes to
write."""
DEAREST = 10
NAME = 44
"""Characters of an operator's name that are shown: a line has less than 80."""


class Operator(NamedTuple):
    """What one operator did in all steps: calls, and seconds of its own on the device."""

    name: str
    calls: int
    seconds: float


class Trace(Profiler):
    """Records a few training steps with ``torch.profiler``, behind those that warm up.

    Writes into the run directory ``trace.json.gz``, in Chrome's format, which has what Lightning
    calls and torch's operators on one line of time, and ``profile.txt``, the dearest operators,
    which the log has, too. A step is all from the reading of a batch to the last that is done at
    its end, its loggers and callbacks. Validation is never recorded: it ends the recording.

    wait: steps before; half of an epoch that is too short for both. steps: to be recorded;
    fewer of long ones: none begins when a second of them has been recorded.
    """

    # Lightning sets it, before anything is started.
    _lightning_module: L.LightningModule | None = None

    def __init__(
        self,
        dirpath: str,
        *,
        wait: NonNegativeInt = 10,
        steps: PositiveInt = 5,
    ) -> None:
        super().__init__(dirpath=dirpath)
        self.folder = Path(dirpath)
        self.wait, self.steps = wait, steps
        self.recording: profile | None = None
        self.spans: dict[str, ExitStack] = {}
        self.seconds: list[float] = []
        """Of each step so far."""
        self.began = 0.0
        self.first = 0
        """Steps before the recorded ones."""
        self.over = False

    def start(self, action_name: str) -> None:
        if self.over:
            return
        if action_name.endswith(".train_dataloader_next"):
            self._begin_step()
        elif ".on_validation_" in action_name:
            self._finish()
        self._open(action_name)

    def stop(self, action_name: str) -> None:
        if self.over:
            return
        self._close(action_name)
        if action_name.startswith("[LightningModule]") and action_name.endswith(
            ".on_train_batch_end"
        ):
            self._end_step()
        elif action_name == "run_training_epoch":  # it may have ended early, or with an error
            self._finish()
            if not self.over:
                log.warning(
                    "no step was recorded: %d were made before the epoch's end, and recording "
                    "begins behind %d; set +trainer.profiler.wait=0",
                    len(self.seconds),
                    self._waits(),
                )

    def describe(self) -> None:
        """All is written when the last step has been recorded."""

    def _open(self, name: str) -> None:
        if self.recording is not None:
            self.spans[name] = ExitStack()
            self.spans[name].enter_context(record_function(name))

    def _close(self, name: str) -> None:
        if name in self.spans:
            self.spans.pop(name).close()

    def _begin_step(self) -> None:
        if self.recording is None and len(self.seconds) >= self._waits():
            self.first = len(self.seconds)
            self.recording = _recording()
        self._open(STEP)
        self.began = time.perf_counter()

    def _waits(self) -> int:
        assert self._lightning_module is not None
        batches = self._lightning_module.trainer.num_training_batches
        return int(min(self.wait, max(batches - self.steps, batches // 2)))

    def _end_step(self) -> None:
        self.seconds.append(time.perf_counter() - self.began)
        self._close(STEP)
        recorded = self.seconds[self.first :]
        if self.recording and (len(recorded) == self.steps or sum(recorded) >= ENOUGH):
            self._finish()

    def _finish(self) -> None:
        """Write what has been recorded, if anything has; nothing is recorded any more."""
        if self.recording is None:
            return
        for name in [*self.spans][::-1]:
            self._close(name)
        assert self._lightning_module is not None
        with clock_stopped(self._lightning_module.trainer, self._lightning_module):
            self.recording.stop()
            if len(self.seconds) > self.first:
                self._write(self.recording, self.seconds[: self.first], self.seconds[self.first :])
        self.recording, self.over = None, True

    def _write(self, recording: profile, unrecorded: list[float], recorded: list[float]) -> None:
        recording.export_chrome_trace(str(self.folder / TRACE))
        lines = [_heading(unrecorded, recorded), *_body(recording, recorded)]
        (self.folder / TABLE).write_text("\n".join(lines) + "\n", "utf-8")
        for line in lines:
            log.info("%s", line)
        log.info("trace: %s; open it at https://ui.perfetto.dev", self.folder / TRACE)


def _recording() -> profile:
    """A profiler that has been started."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # it would tell begin and end on standard error
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    # Of one recording all events are kept either way; without this torch warns of others.
    recording = profile(activities=activities, acc_events=True)
    recording.start()
    return recording


def _heading(unrecorded: list[float], recorded: list[float]) -> str:
    first, count = len(unrecorded), len(recorded)
    which = f"step {first + 1}" if count == 1 else f"steps {first + 1} to {first + count}"
    line = f"profile of {which}: {1000 * _mean(recorded):.2f} ms a step"
    if warm := unrecorded[first // 2 :]:
        line += f", {1000 * _mean(warm):.2f} ms when not recorded"
    return line


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _body(recording: profile, seconds: list[float]) -> list[str]:
    averages: Any = recording.key_averages()
    # Beside the operators there are spans, and what runs on a GPU once more as its kernels.
    found = [e for e in averages if e.device_type.name == "CPU" and not e.is_user_annotation]
    on_gpu = any(e.self_device_time_total for e in found)
    operators = [
        Operator(
            e.key, e.count, (e.self_device_time_total if on_gpu else e.self_cpu_time_total) / 1e6
        )
        for e in found
    ]
    return table(operators, seconds, on_gpu)


def table(operators: Iterable[Operator], seconds: list[float], on_gpu: bool = False) -> list[str]:
    """The dearest operators a step, the others, and what is left of a step: lines below 80 columns.

    seconds: of each step. on_gpu: whether the operators' seconds are a GPU's.
    """
    ranked = sorted((o for o in operators if o.seconds > 0), key=lambda o: -o.seconds)
    shown, others = ranked[:DEAREST], ranked[DEAREST:]
    if others:
        calls, spent = sum(o.calls for o in others), sum(o.seconds for o in others)
        shown.append(Operator(f"{len(others)} others", calls, spent))
    whole, count = sum(seconds), len(seconds)
    rest = max(0.0, whole - sum(o.seconds for o in ranked))
    where = "GPU ms a step" if on_gpu else "ms a step"
    lines = [f"{'operator (self)':<{NAME}} {'calls':>9} {where:>14} {'share':>8}"]
    for name, calls, spent in shown:
        lines.append(
            f"{_plain(name):<{NAME}} {_calls(calls / count):>9} {1000 * spent / count:>14.3f} "
            f"{spent / whole:>8.1%}"
        )
    left = "the GPU waits" if on_gpu else "outside: Python, Lightning, waiting"
    lines.append(f"{left:<{NAME}} {'':>9} {1000 * rest / count:>14.3f} {rest / whole:>8.1%}")
    return lines


def _calls(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.4g}"


def _plain(name: str) -> str:
    """Short enough to tell one from another: autograd's own prefix is half a line."""
    name = name.replace("autograd::engine::evaluate_function: ", "autograd: ")
    return name if len(name) <= NAME else f"{name[: NAME - 3]}..."

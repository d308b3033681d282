"""A launcher for one machine: a process a run, so many at a time."""

import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig

from seqbench import processes
from seqbench.errors import UserError
from seqbench.signals import Signals
from seqbench.sweeps.work import Work

Live = dict[BaseProcess, tuple[int, str | None]]
"""Processes with their run's place in the launch, and the GPU dealt to it."""

BEAT = 0.2
"""Seconds between two looks for a signal."""


class Processes(Launcher):
    """Each run in a process of its own, forked from one that has torch loaded.

    A run that is killed loses itself alone. Unless a run's ``threads`` is set, each has its share
    of the cores; of several GPUs each run on one device gets the one that has fewest.

    n_jobs: runs at a time; None is one a GPU or, where there is none, one a core.
    """

    def __init__(self, n_jobs: int | None) -> None:
        if n_jobs is not None and (type(n_jobs) is not int or n_jobs < 1):
            raise UserError(f"hydra.launcher.n_jobs: should be a number from 1, not {n_jobs!r}")
        self.n_jobs = n_jobs

    def setup(self, *, hydra_context: HydraContext, task_function: Any, config: DictConfig) -> None:
        self.work = task_function

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        assert isinstance(self.work, Work)
        gpus = processes.gpus()
        most = self.n_jobs or len(gpus) or processes.cores()
        waiting = [*range(initial_job_idx, initial_job_idx + len(job_overrides))]
        live: Live = {}
        told: float | None = None
        try:
            with Signals() as signals:
                while live or (waiting and not signals.received):
                    while waiting and len(live) < most and not signals.received:
                        index = waiting.pop(0)
                        gpu = _freest(gpus, live) if self.work.on_one_device(index) else None
                        process = processes.start(
                            self.work.carry_out,
                            index,
                            "auto" if most == 1 else "none",
                            threads=max(1, processes.cores() // most),
                            gpu=gpu,
                        )
                        live[process] = index, gpu
                    wait([process.sentinel for process in live], BEAT)
                    if signals.received and told is None:
                        told = time.monotonic()
                        for process in live:
                            process.terminate()
                    if told is not None and time.monotonic() > told + processes.PATIENCE:
                        for process in live:
                            process.kill()
                    for process in [each for each in live if not each.is_alive()]:
                        index, _ = live.pop(process)
                        self.work.ended(index, processes.end_of(process.exitcode))
        finally:
            for process, (index, _) in live.items():
                process.kill()
                process.join()
                self.work.ended(index, processes.end_of(process.exitcode))
        return []


def _freest(gpus: Sequence[str], live: Live) -> str | None:
    held = [gpu for _, gpu in live.values()]
    return min(gpus, key=held.count, default=None)

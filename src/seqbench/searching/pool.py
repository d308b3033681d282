"""The trials of a search under way, each in a process of its own, and what becomes of them."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from seqbench import processes
from seqbench.errors import UserError
from seqbench.files import NoRoomError
from seqbench.searching.messages import Begun, Ended, Message, Validated, Waits
from seqbench.searching.study import Study, Trial
from seqbench.searching.worker import work
from seqbench.signals import Signals

Config = dict[str, Any]

LOOK = 0.2
"""Seconds after which a signal is heeded, at most."""

LAGS = "at validation {} its best {} is worse than the median of the trials before"
"""Why a trial is given up."""

DEATHS = 2
"""Processes of one trial that may die before the trial has failed."""


@dataclass
class Attempt:
    """A trial under way."""

    trial: Trial
    process: BaseProcess
    line: "Connection[Any, Any]"
    began: float
    ended: Ended | None = None


class Pool:
    """Runs trials until there are ``count`` in all.

    compose: from a trial's values to its validated config, or UserError. prunes: give up what lags
    behind. show: gets each trial that has ended, the seconds that it took now, and whether
    its run was found trained; tell: each other line; traceback: those of trials that have failed.
    """

    def __init__(
        self,
        study: Study,
        compose: Callable[[Trial], Config],
        *,
        count: int,
        workers: int,
        threads: int | None,
        prunes: bool,
        show: Callable[[Trial, float, bool], None],
        tell: Callable[[str], None],
        traceback: Callable[[str], None],
    ) -> None:
        self.study, self.compose = study, compose
        self.count, self.workers, self.threads, self.prunes = count, workers, threads, prunes
        self.show, self.tell, self.traceback = show, tell, traceback
        self.running: dict[int, Attempt] = {}
        """By slot: of so many workers the first, the second."""
        self.deaths: Counter[int] = Counter()
        self.told: float | None = None
        """When the processes were told to end."""
        self.gpus = processes.gpus()
        self.waiting = [trial for trial in study.trials() if trial.state is None]
        """Taken up again: their process has died, or was told to end."""

    def run(self) -> None:
        """Until all is done. Raises Stopped when a signal has come and all processes have ended,
        each with a checkpoint; KeyboardInterrupt at a second Ctrl-C, and they are killed.
        """
        with Signals() as signals:
            try:
                while self._fill(signals) or self.running:
                    self._hear(signals)
                    if signals.received and self.told is None:
                        self.told = time.monotonic()
                        for attempt in self.running.values():
                            attempt.process.terminate()
                    if self.told is not None and time.monotonic() > self.told + processes.PATIENCE:
                        for attempt in self.running.values():
                            attempt.process.kill()
            except BaseException as error:
                self._end(at_once=isinstance(error, KeyboardInterrupt))
                raise

    def _fill(self, signals: Signals) -> bool:
        """Begin trials while there are some and a worker is free; False: none is to be begun."""
        while signals.received is None:
            if len(self.running) == self.workers:
                return True
            trial = self._next()
            if trial is None:
                return False
            self._begin(trial)
        return False

    def _next(self) -> Trial | None:
        done = sum(trial.state is not None for trial in self.study.trials())
        if done + len(self.running) >= self.count:
            return None
        return self.waiting.pop(0) if self.waiting else self.study.ask()

    def _begin(self, trial: Trial) -> None:
        began = time.monotonic()
        try:
            config = self.compose(trial)
        except UserError as error:
            self._told(trial, Ended("failed", " ".join(str(error).split())), began)
            return
        slot = next(i for i in range(self.workers) if i not in self.running)
        ours, theirs = Pipe()
        process = processes.start(
            work,
            theirs,
            config,
            self.study.about.metric,
            threads=self.threads,
            gpu=self.gpus[slot % len(self.gpus)] if len(self.gpus) > 1 else None,
        )
        theirs.close()  # or its end would not be seen here
        self.running[slot] = Attempt(trial, process, ours, began)

    def _hear(self, signals: Signals) -> None:
        """Wait a moment for what the processes tell, and for their ends."""
        told: dict[Any, Attempt] = {a.line: a for a in self.running.values() if not a.line.closed}
        ends = {attempt.process.sentinel: slot for slot, attempt in self.running.items()}
        ready = wait([*told, *ends], LOOK)
        for attempt in [told[line] for line in ready if line in told]:
            self._read(attempt, prunes=self.prunes and signals.received is None)
        for slot in [ends[end] for end in ready if end in ends]:
            attempt = self.running[slot]
            while not attempt.line.closed and attempt.line.poll():
                self._read(attempt, prunes=False)
            attempt.process.join()
            attempt.line.close()
            del self.running[slot]
            self._conclude(attempt, asked=signals.received is not None)

    def _read(self, attempt: Attempt, prunes: bool) -> None:
        """One message, and its answer."""
        number, about = attempt.trial.number, self.study.about
        try:
            message: Message = attempt.line.recv()
            match message:
                case Begun():
                    for step, value in enumerate(message.earlier, start=1):
                        self.study.report(number, step, value)
                case Validated():
                    self.study.report(number, message.number, message.value)
                    lags = prunes and self.study.lags(number, message.share)
                    attempt.line.send(LAGS.format(message.number, about.metric) if lags else None)
                case Waits():
                    self.tell(f"trial {number + 1}: {message.line}; it waits")
                case Ended():
                    attempt.ended = message
        except (EOFError, OSError):  # it is dying
            attempt.line.close()

    def _conclude(self, attempt: Attempt, asked: bool) -> None:
        """What becomes of a trial whose process has ended. asked: because it was told to."""
        trial, ended = attempt.trial, attempt.ended
        if ended is None and asked:
            return
        if ended is None:
            self.deaths[trial.number] += 1
            how = processes.end_of(attempt.process.exitcode)
            if self.deaths[trial.number] < DEATHS:
                self.tell(f"trial {trial.number + 1}: {how}; it is taken up again")
                self.waiting.insert(0, trial)
                return
            ended = Ended("failed", f"{how}, for the second time")
        if ended.full:
            raise NoRoomError(ended.line)
        self._told(trial, ended, attempt.began)

    def _told(self, trial: Trial, ended: Ended, began: float) -> None:
        """Keep how a trial has ended."""
        for step, validated in enumerate(ended.earlier, start=1):
            self.study.report(trial.number, step, validated)
        state, value, error = ended.state, ended.value, ended.line
        if value is not None and not math.isfinite(value):
            state, value = "failed", None
            error = f"its best {self.study.about.metric} on validation is {ended.value}"
        spent = time.monotonic() - began
        told = self.study.tell(
            trial.number,
            state,
            value,
            run=ended.run,
            error=error,
            seconds=round(spent if ended.seconds is None else ended.seconds, 3),
        )
        if ended.traceback:
            self.traceback(ended.traceback)
        self.show(told, spent, ended.found)

    def _end(self, at_once: bool) -> None:
        """End all processes, with checkpoints unless at once."""
        for attempt in self.running.values():
            (attempt.process.kill if at_once else attempt.process.terminate)()
        until = time.monotonic() + processes.PATIENCE
        for attempt in self.running.values():
            attempt.line.close()  # whoever waits for an answer gets none
            attempt.process.join(max(0.0, until - time.monotonic()))
            attempt.process.kill()

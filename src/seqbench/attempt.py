"""What becomes of a training: which run directory it takes, begins in, goes on with or shows."""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback
from omegaconf import OmegaConf

from seqbench import build, checkpoint, continuing, joint, processes, runs, seats, showing
from seqbench.callbacks.checkpoint import BEST
from seqbench.callbacks.continuation import LAST, Continuation, Rewindable
from seqbench.callbacks.gradients import GradientCurves
from seqbench.callbacks.loggers import MetricsFile
from seqbench.callbacks.lookup import one, watchers
from seqbench.callbacks.progress import shown
from seqbench.checks import require_startable, threads
from seqbench.config import Node, locate
from seqbench.continuing import Now, Point
from seqbench.errors import RunError, ToldError, UserError, place
from seqbench.files import NoRoomError, require_no_links, room
from seqbench.following import Plan, follow
from seqbench.isolation import isolated, keep_freed_memory
from seqbench.logs import console, run_log
from seqbench.runs import BusyError, Run
from seqbench.seats import Seat
from seqbench.signals import Pruned, Signals, ends, requeued
from seqbench.terminal import tell
from seqbench.training import Training, boards

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at a run that another process is at."""


def train(config: Node, run: Run | None = None, also: Sequence[Callback] = ()) -> Run:
    """Train, test and keep one run, or find the finished one.

    config: resolved and validated. run: to go on with, which keeps this config; None finds the one
    of this config, or makes it. also: callbacks that watch it. Raises UserError before anything is
    written, SystemExit 143 when it is told to end, and what a cell or task raises.

    Of several processes of one training the first does this; the others follow it, and come to the
    same run.
    """
    seat = seats.find(config["trainer"])
    require_startable(config, seat)
    return seated(config, seat, run, also=also)


def seated(
    config: Node,
    seat: Seat,
    run: Run | None = None,
    path: str = "",
    also: Sequence[Callback] = (),
) -> Run:
    """What ``train`` does, from one seat of its processes. path: where the first is found."""
    keep_freed_memory()
    device = build.accelerator(config["trainer"])
    backend = "gloo" if device == "cpu" else "nccl"
    start = partial(start_another, config)
    with (
        isolated(threads(config, seat), seat.rank),
        console(shown(config["progress"]), silent=not seat.leads),
        joint.joined(seat, backend, start, path) as world,
    ):
        training = Training(config, world, also=also)
        if not seat.leads:
            return follow(training)
        done = go(training) if run is None else go_on(training, run)
        world.dismiss(done)
        return done


def start_another(config: Node, seat: Seat, path: str) -> BaseProcess:
    return processes.start(serve, config, seat, path)


def serve(config: Node, seat: Seat, path: str) -> None:
    """A process that the first of a training has started."""
    try:
        seated(config, seat, path=path)
    except ToldError as error:
        sys.exit(error.status)


def train_in_turn(
    config: Node,
    also: Sequence[Callback] = (),
    waits: Callable[[BusyError], None] = lambda busy: tell(f"{busy}; waiting for its end"),
) -> Run:
    """As ``train``; where another process is at the run, wait for its end, and see what is left.

    waits: is told so.
    """
    while True:
        try:
            return train(config, also=also)
        except BusyError as busy:
            waits(busy)
            with Signals() as signals:
                time.sleep(LOOK)
                while busy.run.live:
                    signals.check()
                    time.sleep(LOOK)


def go(training: Training) -> Run:
    """Find, test or train, as the earlier runs of this identity demand."""
    base = first(training)
    before = runs.attempts(base)
    finished = [run for run in before if run.status() == "ok"]
    if finished and not training.config["force"]:
        return again(training, finished[-1])
    run = runs.following(base)
    if before and before[-1].live:
        raise runs.busy(base)
    anew = training.config["force"] and not requeued()
    if before and before[-1].status() == "interrupted" and not anew:
        try:
            return carry_out(training, before[-1], where(training, before[-1]))
        except continuing.UnusableError as error:
            log.warning("%s; training anew in %s", error, run.path)
    elif before:
        log.info("%s: %s; training anew in %s", before[-1].path, before[-1].status(), run.path)
    return carry_out(training, run)


def first(training: Training) -> Path:
    """The directory of the first run of this identity."""
    names = training.config["names"]
    outputs = place(training.config["paths"]["output_dir"])
    folder = outputs / str(names["task"]) / str(names["model"])
    return folder / f"seed-{training.config['seed']}-{training.identity}"


def go_on(training: Training, run: Run) -> Run:
    """Go on with this run, even if it failed; UserError where that cannot be."""
    status = run.status()
    if status == "ok":
        return again(training, run)
    if status == "unknown":
        raise UserError(f"{run.path}: a newer version of seqbench wrote it; use that")
    if run.live:
        raise runs.busy(run.base)
    return carry_out(training, run, where(training, run))


def where(training: Training, run: Run) -> Point:
    """Where an unfinished run goes on."""
    if not training.goes_on:
        raise continuing.UnusableError(
            f"{run.path}: {type(training.data).__name__} gives batches that cannot go on within an "
            "epoch: let their sampler be an Order (seqbench.datamodules.sampling)"
        )
    return continuing.find(run, now(training))


def now(training: Training) -> Now:
    return Now(training.identity, training.data.fingerprint, training.data.spec)


def again(training: Training, run: Run) -> Run:
    """A finished run; it is tested if that was left out."""
    result = run.result()
    if training.config["test"] and result["seconds"]["test"] is None:
        if not (run.checkpoints / BEST).exists():
            raise UserError(f"{run.path} has no {BEST} to test; force=true trains it anew")
        require_no_links(run.path)
        checkpoint.content(run.checkpoints / BEST)
        with (
            ends(),
            Signals() as signals,
            runs.held(run.lock),
            room(run.path),
            run_log(run.path / "train.log"),
            training.world.explained(),
        ):
            log.info("%s: trained already, testing it", run.path)
            training.world.assemble()
            training.world.broadcast(Plan(run, None, result, test=True))
            trainer = training.trainer(run, signals)
            sizes = continuing.trained_sizes(run, now(training))
            for logger in trainer.loggers:
                if isinstance(logger, MetricsFile) and sizes is not None:
                    logger.rewind(sizes, 0.0)  # a test that was ended had begun to write
            training.test(trainer, run, result)
            run.write_json("result.json", result)
            showing.add(training, trainer, run, result, training.data.tests)
    else:
        lacks = "".join(f", without {name}" for name in absent(training, run))
        log.warning("%s: trained already%s; force=true trains it anew", run.path, lacks)
    return run


def carry_out(training: Training, run: Run, point: Point | None = None) -> Run:
    """Train, and leave a result in the run directory or a status that tells why not.

    point: where an interrupted run goes on; None makes a new one.
    """
    if point:
        require_no_links(run.path)
    with ends(), Signals() as signals, way_on(run):
        trainer = training.trainer(run, signals)
        config_yaml = OmegaConf.to_yaml(OmegaConf.create(training.config))
        with (
            run.record(config_yaml, None if point is None else point.resumed, training.group),
            run_log(run.path / "train.log"),
            telling(run, point, trainer, training.config["force"]),
            training.world.explained(),
        ):
            earlier = point.result if point else None
            test = training.config["test"] or (
                earlier is not None and earlier["seconds"]["test"] is not None
            )
            start = None if earlier else point or Point(resumed=0)
            training.world.assemble()
            training.world.broadcast(Plan(run, start, earlier, test))
            last = one(watchers(trainer), Continuation)
            if point:
                rewind(trainer, point)
            if earlier:
                result = earlier
            else:
                assert start is not None
                if start.checkpoint is None:
                    for board in boards(trainer):
                        board.describe(config_yaml)
                result = training.fit(trainer, start)
                last.finish(trainer)
                run.write_json("result.json", result)
            last.settle()
            for profile in run.path.glob("fit-profile.*"):
                log.info("profile: %s", profile)
            if test:
                training.test(trainer, run, result)
                run.write_json("result.json", result)
            showing.conclude(training, trainer, run, result)
    return run


def absent(training: Training, run: Run) -> list[str]:
    """What this config's callbacks would have written, and another's did not."""
    nodes = [node for node in training.config["callbacks"].values() if node]
    targets = [locate(node["_target_"]) for node in nodes]
    files = [each.file for each in targets if each is GradientCurves]
    return [file for file in files if not (run.path / file).exists()]


@contextmanager
def way_on(run: Run) -> Iterator[None]:
    """Say how to go on with a run for which the disk was too small."""
    try:
        yield
    except NoRoomError as error:
        if (run.checkpoints / LAST).exists():
            told = f"{error}; resume={run.path} goes on from its last checkpoint"
            raise NoRoomError(told) from error
        raise


@contextmanager
def telling(run: Run, point: Point | None, trainer: L.Trainer, anew: bool) -> Iterator[None]:
    """Log a run's begin, and its end where that comes early."""
    if point is None:
        log.info("training in %s", run.path)
    elif point.result:
        log.info("%s: trained already, testing it", run.path)
    elif point.checkpoint is None:
        log.info("%s: interrupted at its beginning, training it from there", run.path)
    else:
        where = f"step {point.step}, in epoch {point.epoch + 1}"
        log.info("%s: interrupted, going on from %s", run.path, where)
    try:
        yield
    except Pruned as pruned:
        log.info("%s: pruned: %s; resume=%s goes on with it", run.path, pruned, run.path)
        raise
    except (KeyboardInterrupt, SystemExit):
        last = one(watchers(trainer), Continuation)
        how = f"resume={run.path}" if anew else "the same command"
        if step := last.saved_step or (point.step if point else 0):
            way = f"{how} goes on from step {step}"
        else:
            way = f"before its first checkpoint; {how} begins it again"
        if (run.path / "result.json").exists():
            way = f"trained, but not tested; {how} tests it"
        log.info("%s: interrupted; %s", run.path, way)
        raise
    except RunError as error:
        log.info("%s: failed: %s", run.path, error, extra={"shown": ()})
        raise
    except Exception:  # a cell's or a task's own; told, and raised again
        log.exception("%s: failed", run.path, extra={"shown": ()})  # the caller shows it
        raise


def rewind(trainer: L.Trainer, point: Point) -> None:
    """Cut the loggers' files to what stood there when the run was at this point."""
    for logger in trainer.loggers:
        if isinstance(logger, Rewindable) and point.sizes is not None:
            logger.rewind(point.sizes, point.seconds)

"""One run from its validated config to its result."""

import logging
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import lightning as L
from lightning.pytorch.callbacks import Callback
from omegaconf import OmegaConf

from seqbench import build, continuing, runs
from seqbench.callbacks.checkpoint import BestCheckpoint
from seqbench.callbacks.continuation import Continuation, Rewindable
from seqbench.callbacks.gradients import GradientCurves
from seqbench.callbacks.loggers import MetricsFile, TensorBoard
from seqbench.callbacks.progress import Bar, Lines, shown
from seqbench.callbacks.throughput import Throughput
from seqbench.checkpoint import content
from seqbench.checks import check_intervals, check_trainer
from seqbench.config import Node, locate
from seqbench.continuing import Now, Point
from seqbench.datamodules.raw import check_encoding
from seqbench.environment import PeakMemory, environment
from seqbench.errors import RunError, UserError, place
from seqbench.files import require_no_links, room
from seqbench.isolation import interrupts, isolated, keep_freed_memory, seed_all
from seqbench.logs import console, run_log
from seqbench.models.module import SequenceModule
from seqbench.signals import Signals, Stopped
from seqbench.sources import sources
from seqbench.trouble import explained

log = logging.getLogger(__name__)

C = TypeVar("C", bound=Callback)


def train(config: Node, run: runs.Run | None = None) -> runs.Run:
    """Train, test and keep one run, or find the finished one.

    config: resolved and validated. run: to go on with, which keeps this config; None finds the one
    of this config, or makes it. Raises UserError before anything is written, SystemExit 143
    when it is told to end, and what a cell or task raises.
    """
    keep_freed_memory()
    with isolated(config["threads"]), console(shown(config["progress"])):
        training = Training(config)
        return training.go() if run is None else training.go_on(run)


class Training:
    """The steps of one run, and what they share.

    Making one reads the data and builds the network; nothing is written but the data's cache.
    """

    def __init__(self, config: Node) -> None:
        started = time.perf_counter()
        check_trainer(config["trainer"])
        self.config = config
        seed_all(config["seed"])
        self.data = build.data(config)
        with enough_memory():
            self.data.prepare_data()
            self.data.setup()
        spec = self.data.spec
        try:
            check_encoding(spec)
        except (TypeError, ValueError) as error:
            raise UserError(f"the task cannot be used: {error}") from error
        train, val = self.data.loader("train", training=True), self.data.loader("val")
        check_intervals(config["trainer"], len(train), len(val))
        build.check_optimisation(config, spec)
        self.module = SequenceModule(
            build.network(config["model"], spec),
            spec,
            tests=self.data.tests,
            optimizer=build.optimizer(config),
            scheduler=build.scheduler(config, spec),
            config=config,
            fingerprint=self.data.fingerprint,
            characters=self.data.characters,
        )
        self.pretrained = self.module.network.embedding.start(spec.vocabulary)
        texts = sources(config)
        if self.pretrained:
            texts["model.embedding.path"] = self.pretrained.digest
        self.identity = runs.identity(config, self.data.fingerprint, texts)
        self.group = runs.group(config, self.data.fingerprint, texts)
        self.setup_seconds = time.perf_counter() - started

    def go(self) -> runs.Run:
        """Find, test or train, as the earlier runs of this identity demand."""
        names = self.config["names"]
        outputs = place(self.config["paths"]["output_dir"])
        folder = outputs / names["task"] / names["model"]
        base = folder / f"seed-{self.config['seed']}-{self.identity}"
        before = runs.attempts(base)
        finished = [run for run in before if run.status() == "ok"]
        if finished and not self.config["force"]:
            return self.again(finished[-1])
        run = runs.following(base)
        if before and before[-1].live:
            raise runs.busy(base)
        if before and before[-1].status() == "interrupted" and not self.config["force"]:
            try:
                return self.first(before[-1], self.point(before[-1]))
            except continuing.UnusableError as error:
                log.warning("%s; training anew in %s", error, run.path)
        elif before:
            log.info("%s: %s; training anew in %s", before[-1].path, before[-1].status(), run.path)
        return self.first(run)

    def go_on(self, run: runs.Run) -> runs.Run:
        """Go on with this run, even if it failed; UserError where that cannot be."""
        status = run.status()
        if status == "ok":
            return self.again(run)
        if status == "unknown":
            raise UserError(f"{run.path}: a newer version of seqbench wrote it; use that")
        if run.live:
            raise runs.busy(run.base)
        return self.first(run, self.point(run))

    def point(self, run: runs.Run) -> Point:
        """Where an interrupted run goes on."""
        return continuing.find(run, Now(self.identity, self.data.fingerprint, self.data.spec))

    def again(self, run: runs.Run) -> runs.Run:
        """A finished run; it is tested if that was left out."""
        result = run.result()
        if self.config["test"] and result["seconds"]["test"] is None:
            if not (run.checkpoints / "best.ckpt").exists():
                raise UserError(f"{run.path} has no best.ckpt to test; force=true trains it anew")
            require_no_links(run.path)
            content(run.checkpoints / "best.ckpt")
            with (
                ends(),
                Signals() as signals,
                runs.held(run.lock),
                room(run.path),
                run_log(run.path / "train.log"),
            ):
                log.info("%s: trained already, testing it", run.path)
                trainer = self.trainer(run, signals)
                self.test(trainer, run, result)
                run.write_json("result.json", result)
                for board in boards(trainer):
                    board.finals(
                        {split: result["metrics"][split] for split in self.data.tests},
                        {split: result["reports"][split] for split in self.data.tests},
                    )
        else:
            lacks = "".join(f", without {name}" for name in self.absent(run))
            log.warning("%s: trained already%s; force=true trains it anew", run.path, lacks)
        return run

    def first(self, run: runs.Run, point: Point | None = None) -> runs.Run:
        """Train, and leave a result in the run directory or a status that tells why not.

        point: where an interrupted run goes on; None makes a new one.
        """
        if point:
            require_no_links(run.path)
        with ends(), Signals() as signals:
            trainer = self.trainer(run, signals)
            config_yaml = OmegaConf.to_yaml(OmegaConf.create(self.config))
            with (
                run.record(config_yaml, None if point is None else point.resumed),
                run_log(run.path / "train.log"),
                telling(run, point),
            ):
                if point and point.result:
                    result = point.result
                else:
                    result = self.fit(trainer, config_yaml, point)
                    run.write_json("result.json", result)
                    one(watchers(trainer), Continuation).finish(trainer)
                for profile in run.path.glob("fit-profile.*"):
                    log.info("profile: %s", profile)
                if self.config["test"]:
                    self.test(trainer, run, result)
                    run.write_json("result.json", result)
                for board in boards(trainer):
                    board.conclude(self.config, result["metrics"], result["reports"])
        return run

    def absent(self, run: runs.Run) -> list[str]:
        """What this config's callbacks would have written, and another's did not."""
        nodes = [node for node in self.config["callbacks"].values() if node]
        targets = [locate(node["_target_"]) for node in nodes]
        files = [each.file for each in targets if each is GradientCurves]
        return [file for file in files if not (run.path / file).exists()]

    def trainer(self, run: runs.Run, signals: Signals) -> L.Trainer:
        bar = shown(self.config["progress"]) == "bar"
        spec, network = self.module.spec, self.module.network
        others = [*build.callbacks(self.config, spec, network, run.checkpoints), Throughput()]
        others += [Lines(), *([Bar()] if bar else [])]
        best = one(others, BestCheckpoint)
        intervals = best.every_n_steps, best.every_minutes
        last = Continuation(run.checkpoints, self.identity, signals, *intervals)
        loggers = [*build.loggers(self.config, run.path), MetricsFile(run.path / "metrics.csv")]
        return build.trainer(self.config, run.path, [last, *others], loggers, bar)

    def fit(self, trainer: L.Trainer, config_yaml: str, point: Point | None) -> dict[str, Any]:
        """Evaluate, train, and tell all but the test."""
        if point:
            for logger in trainer.loggers:
                if isinstance(logger, Rewindable):
                    logger.rewind(point.sizes, point.seconds)
        point = point or Point(resumed=0)
        memory = PeakMemory(trainer.strategy.root_device)
        started = time.perf_counter() - point.seconds
        with interrupts(), explained(trainer, self.module, self.config):
            if point.checkpoint is None:
                for note in self.data.notes:
                    log.info(note)
                if self.pretrained:
                    log.info(self.pretrained.note(self.data.token_counts()))
                for board in boards(trainer):
                    board.describe(config_yaml)
                trainer.validate(self.module, self.data, verbose=False)
            trainer.fit(
                self.module,
                self.data,
                ckpt_path=point.checkpoint,
                weights_only=True if point.checkpoint else None,
            )
            checkpoint, network = one(watchers(trainer), BestCheckpoint), self.module.network
            throughput = one(watchers(trainer), Throughput).tokens_per_second
            writing = checkpoint.spent + one(watchers(trainer), Continuation).spent
            epochs, steps = max(1, trainer.current_epoch), trainer.global_step
            if not checkpoint.best:  # ended before the first validation
                trainer.validate(self.module, self.data, verbose=False)
                checkpoint.consider(trainer, self.module, epochs - 1)
                checkpoint.complete(self.module, epochs - 1)
        seconds = time.perf_counter() - started
        best = checkpoint.best
        return {
            "schema_version": runs.SCHEMA_VERSION,
            **self.config["names"],
            "backend": network.backend,
            "seed": self.config["seed"],
            "identity": self.identity,
            "group": self.group,
            "config": self.config,
            "data": {
                "fingerprint": self.data.fingerprint,
                "sizes": {split: len(rows) for split, rows in self.data.splits.items()},
                **self.data.facts,
            },
            **self.embedding(),
            "parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
            "state_size": network.state_size,
            "best_epoch": best["epoch"],
            "best_step": best["step"],
            "epochs": epochs,
            "steps": steps,
            "metrics": best["metrics"],
            "slices": best["slices"],
            "reports": best["reports"],
            "baselines": self.data.baselines,
            "throughput": {"train_tokens_per_second": throughput},
            "seconds": {
                "setup": round(self.setup_seconds, 3),
                "fit": round(seconds, 3),
                "checkpoints": round(writing, 3),
                "test": None,
            },
            "peak_memory_bytes": memory.bytes(),
            "environment": environment(trainer),
        }

    def embedding(self) -> dict[str, Any]:
        """What the result keeps of the vectors that the network began with, if there are any."""
        if self.pretrained is None:
            return {}
        return {"embedding": self.pretrained.facts(self.data.token_counts())}

    def test(self, trainer: L.Trainer, run: runs.Run, result: dict[str, Any]) -> None:
        """Read the test splits once, with the best checkpoint, and add them to the result."""
        started = time.perf_counter()
        log.info("testing the best checkpoint")
        self.module.tested_at = result["best_epoch"], result["best_step"]
        with interrupts(), explained(trainer, self.module, self.config):
            trainer.test(
                self.module,
                self.data,
                ckpt_path=run.checkpoints / "best.ckpt",
                verbose=False,
                weights_only=True,
            )
        result["seconds"]["test"] = round(time.perf_counter() - started, 3)
        for split in self.data.tests:
            result["metrics"][split] = self.module.results[split]
            result["slices"][split] = self.module.slices[split]
            result.setdefault("reports", {})[split] = self.module.reports[split]


@contextmanager
def enough_memory() -> Iterator[None]:
    """More memory asked for than there is, is a mistake in some size."""
    try:
        yield
    except MemoryError as error:
        raise UserError(f"not enough memory for the data: {error}") from error


@contextmanager
def ends() -> Iterator[None]:
    """A Ctrl-C that waited for a checkpoint is the KeyboardInterrupt that it was to be."""
    try:
        yield
    except Stopped as stopped:
        if stopped.number == signal.SIGINT:
            raise KeyboardInterrupt from stopped
        raise


@contextmanager
def telling(run: runs.Run, point: Point | None) -> Iterator[None]:
    """Log a run's begin, and its end where that comes early."""
    if point is None:
        log.info("training in %s", run.path)
    elif point.result:
        log.info("%s: trained already, testing it", run.path)
    elif point.checkpoint is None:
        log.info("%s: interrupted at its beginning, training it from there", run.path)
    else:
        log.info("%s: interrupted, going on from step %d", run.path, point.step)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        log.info("%s: interrupted; the same command goes on with it", run.path)
        raise
    except RunError as error:
        log.info("%s: failed: %s", run.path, error, extra={"shown": ()})
        raise
    except Exception:
        log.exception("%s: failed", run.path, extra={"shown": ()})  # the caller shows it
        raise


def boards(trainer: L.Trainer) -> list[TensorBoard]:
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoard)]


def watchers(trainer: L.Trainer) -> list[Callback]:
    return trainer.callbacks  # type: ignore[attr-defined,no-any-return]


def one(callbacks: Iterable[Callback], kind: type[C]) -> C:
    """The callback of a kind."""
    for callback in callbacks:
        if isinstance(callback, kind):
            return callback
    raise UserError(f"callbacks: a run needs a {kind.__name__}; choose callbacks=default")

"""One run from its validated config to its result."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, GradientAccumulationScheduler
from lightning.pytorch.loggers import Logger

from seqbench import build, runs
from seqbench.budget import asked, check_budget, ending, width_key
from seqbench.callbacks.checkpoint import BestCheckpoint
from seqbench.callbacks.continuation import Continuation
from seqbench.callbacks.ending import Ending
from seqbench.callbacks.loggers import MetricsFile, TensorBoard
from seqbench.callbacks.lookup import one, watchers
from seqbench.callbacks.progress import Bar, Lines, shown
from seqbench.callbacks.throughput import Throughput
from seqbench.checks import check_intervals, check_trainer
from seqbench.config import Node
from seqbench.continuing import Point
from seqbench.datamodules.base import TaskData
from seqbench.datamodules.raw import check_encoding
from seqbench.datamodules.sampling import Order
from seqbench.environment import PeakMemory, environment
from seqbench.errors import UserError
from seqbench.identity import group, identity
from seqbench.isolation import interrupts, seed_all
from seqbench.models.module import SequenceModule
from seqbench.signals import Signals
from seqbench.sources import sources
from seqbench.trouble import explained
from seqbench.widths import fitted, fitting, trainable
from seqbench.world import World

log = logging.getLogger(__name__)


class Training:
    """The steps of one run, and what they share.

    Making one reads the data and builds the network; nothing is written but the data's cache.

    data: those of the task, where another run has set them up. also: callbacks beside those of the
    config, which change nothing of what is trained.
    """

    def __init__(
        self,
        config: Node,
        world: World | None = None,
        data: TaskData | None = None,
        also: Sequence[Callback] = (),
    ) -> None:
        started = time.perf_counter()
        check_trainer(config["trainer"])
        check_budget(config)
        self.world, self.also = world or World(), also
        seed_all(config["seed"])
        self.data = data or ready(config, self.world)
        spec = self.data.spec
        try:
            check_encoding(spec)
        except (TypeError, ValueError) as error:
            raise UserError(f"the task cannot be used: {error}") from error
        train, val = self.data.loader("train", training=True), self.data.loader("val")
        self.goes_on = isinstance(train.sampler, Order)
        require_shared(self.data, self.world)
        check_intervals(config["trainer"], len(train), len(val))
        build.check_optimisation(config, spec)
        self.batches = len(train)
        before, config = config, fitted(config, spec)
        self.config = config
        network = build.network(config["model"], spec, width_key(config))
        self.fitting = fitting(before, config, network)
        self.module = SequenceModule(
            network,
            spec,
            tests=self.data.tests,
            optimizer=build.optimizer(config),
            scheduler=build.scheduler(config, spec),
            config=config,
            fingerprint=self.data.fingerprint,
            characters=self.data.characters,
            world=self.world,
        )
        self.pretrained = self.module.network.embedding.start(spec.vocabulary)
        texts = sources(config)
        if self.pretrained:
            texts["model.embedding.path"] = self.pretrained.digest
        self.identity = identity(config, self.data.fingerprint, texts)
        self.group = group(config, self.data.fingerprint, texts)
        if not self.world.leads:  # the weights are those of all, dropout is each one's own
            seed_all(config["seed"], self.world.rank)
        self.setup_seconds = time.perf_counter() - started

    def trainer(self, run: runs.Run, signals: Signals) -> L.Trainer:
        bar = shown(self.config["progress"]) == "bar" and self.world.leads
        spec, network = self.module.spec, self.module.network
        others = build.callbacks(self.config, spec, network, run.checkpoints)
        others += [Ending(asked(self.config)), Lines(), *self.also, Throughput()]
        others += [Bar()] if bar else []
        best = one(others, BestCheckpoint)
        intervals = best.every_n_steps, best.every_minutes
        last = Continuation(run.checkpoints, self.identity, signals, *intervals, self.world)
        loggers: list[Logger] = []
        if self.world.leads:
            loggers = build.loggers(self.config, spec, run.path)
            loggers.append(MetricsFile(run.path / "metrics.csv"))
        schedules = (each for each in others if isinstance(each, GradientAccumulationScheduler))
        factors = {0: self.config["trainer"].get("accumulate_grad_batches") or 1}
        factors = next((each.scheduling for each in schedules), factors)
        config = self.config | {"trainer": ending(self.config, self.batches, factors)}
        return build.trainer(config, run.path, [last, *others], loggers, bar, self.world)

    def fit(self, trainer: L.Trainer, point: Point) -> dict[str, Any]:
        """Evaluate, train from this point, and tell all but the test."""
        memory = PeakMemory(trainer.strategy.root_device)
        started = time.perf_counter() - point.seconds
        with interrupts(), explained(trainer, self.module, self.config):
            if point.checkpoint is None:
                for note in (*self.data.notes, *self.fitting):
                    log.info(note)
                if self.pretrained:
                    log.info(self.pretrained.note(self.data.token_counts()))
                trainer.validate(self.module, self.data, verbose=False)
            # Lightning reads a checkpoint first: in float32 it would round a float64 network's.
            trainer.precision_plugin.convert_module(self.module)
            trainer.fit(
                self.module,
                self.data,
                ckpt_path=point.checkpoint,
                weights_only=True if point.checkpoint else None,
            )
            checkpoint, network = one(watchers(trainer), BestCheckpoint), self.module.network
            clock = one(watchers(trainer), Throughput)
            writing = checkpoint.spent + one(watchers(trainer), Continuation).spent
            epochs, steps = max(1, trainer.current_epoch), trainer.global_step
            over = one(watchers(trainer), Ending).over
            # It ended before the first validation, or in an epoch that has none.
            if not checkpoint.best or (over and checkpoint.step < steps):
                trainer.validate(self.module, self.data, verbose=False)
                checkpoint.consider(trainer, self.module, epochs - 1)
                checkpoint.complete(self.module, epochs - 1)
            counts = self.world.gather((int(clock.tokens), memory.bytes()))
        throughput = clock.tokens_per_second(sum(tokens for tokens, _ in counts))
        peaks = [peak for _, peak in counts if peak is not None]
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
            "data": self.data.about(),
            **self.embedding(),
            "parameters": trainable(network),
            "state_size": network.state_size,
            "metric": self.module.spec.metric,
            "mode": self.module.spec.mode,
            **self.budget(steps, one(watchers(trainer), Ending).spent(trainer)),
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
            "peak_memory_bytes": max(peaks, default=None),
            "environment": environment(
                trainer.strategy.root_device, trainer.world_size, str(trainer.precision)
            ),
        }

    def budget(self, steps: int, seconds: float) -> dict[str, Any]:
        """What the result keeps of the budgets asked for, if there are any, and what became."""
        wanted = {key: value for key, value in asdict(asked(self.config)).items() if value}
        became = {
            "parameters": trainable(self.module.network),
            "state": self.module.network.state_size,
            "steps": steps,
            "seconds": round(seconds, 3),
        }
        width = {"hidden_size": self.config["model"]["hidden_size"]} if self.fitting else {}
        kept = {key: became[key] for key in wanted if key in became}
        return {"budget": {"asked": wanted, **width, **kept}} if wanted else {}

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
        seed_all(
            self.config["seed"], self.world.rank
        )  # whether it comes with the training or later
        trainer.precision_plugin.convert_module(self.module)
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


def ready(config: Node, world: World) -> TaskData:
    """The task's data, set up for one of the processes of a training."""
    data = build.data(config)
    data.rank, data.world_size = world.rank, world.size
    with enough_memory():
        data.prepare_data()
        data.setup()
    return data


def require_shared(data: TaskData, world: World) -> None:
    """UserError for a task that gives all of its rows to each of several processes."""
    for split in data.splits if world.size > 1 else ():
        sampler = data.loader(split, training=split == "train").sampler
        if not isinstance(sampler, Order) or sampler.world_size != world.size:
            raise UserError(
                f"trainer=ddp: {type(data).__name__} gives all rows of {split} to each process: "
                "let the sampler be a BucketSampler with the data's rank and world_size "
                "(seqbench.datamodules.sampling)"
            )


@contextmanager
def enough_memory() -> Iterator[None]:
    """More memory asked for than there is, is a mistake in some size."""
    try:
        yield
    except MemoryError as error:
        raise UserError(f"not enough memory for the data: {error}") from error


def boards(trainer: L.Trainer) -> list[TensorBoard]:
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoard)]

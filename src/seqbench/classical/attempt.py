"""One baseline from its config to its run directory."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from threadpoolctl import threadpool_limits

from seqbench import runs
from seqbench.callbacks.loggers import MetricsFile
from seqbench.callbacks.progress import shown
from seqbench.classical.base import Choice
from seqbench.classical.kinds import kind_for
from seqbench.config import Node
from seqbench.environment import PeakMemory, environment
from seqbench.errors import RunError, place
from seqbench.files import require_no_links
from seqbench.identity import group, identity
from seqbench.isolation import isolated
from seqbench.logs import console, run_log
from seqbench.runs import BASELINE, Run
from seqbench.signals import AtOnce
from seqbench.sources import sources
from seqbench.training import ready
from seqbench.world import World

log = logging.getLogger(__name__)

KEPT = ("command", "seed", "threads", "progress", "test", "force", "paths", "task")
"""Of a composed config, what a baseline is decided by or was told."""

METRICS = "metrics.csv"


def fit(config: Node) -> Run:
    """Fit, test and keep the baseline of a task, or find the finished one.

    config: resolved and validated, as of a training. Raises UserError before anything is written,
    KeyboardInterrupt or SystemExit when it is told to end.
    """
    with (
        isolated(config["threads"]),
        threadpool_limits(config["threads"]),
        console(shown(config["progress"])),
    ):
        return go(Fitting(config))


class Fitting:
    """A baseline to be fitted. Making it reads the data; nothing is written but their cache."""

    def __init__(self, config: Node) -> None:
        started = time.perf_counter()
        self.data = ready(config, World())
        kind = kind_for(self.data.spec)
        self.model = kind(self.data)
        target = f"{kind.__module__}.{kind.__qualname__}"
        self.config = {
            "names": config["names"] | {"model": kind.name},
            **{key: config[key] for key in KEPT},
            "baseline": {"_target_": target},
        }
        texts = sources(self.config, ("task", "baseline"))
        own = Path(__file__).parent.glob("*.py")  # a model is made of several files
        texts |= {f"classical/{file.name}": file.read_text("utf-8") for file in sorted(own)}
        self.identity = identity(self.config, self.data.fingerprint, texts)
        self.group = group(self.config, self.data.fingerprint, texts)
        self.setup_seconds = time.perf_counter() - started

    @property
    def base(self) -> Path:
        """The directory of the first run of this identity."""
        names = self.config["names"]
        folder = place(self.config["paths"]["output_dir"]) / names["task"] / names["model"]
        return Path(folder / f"seed-{self.config['seed']}-{self.identity}")

    def result(self) -> dict[str, Any]:
        """Fit to train, choose on validation, and read the test once, if it is to be."""
        memory, started = PeakMemory(torch.device("cpu")), time.perf_counter()
        for note in self.data.notes:
            log.info(note)
        choice, spec = Choice(self.data), self.data.spec
        self.model.fit(choice)
        trial, fitted, on_val = choice.found()
        scores = {"train": fitted.scores("train", detailed=False), "val": on_val}
        fit_seconds = time.perf_counter() - started
        tested = None
        if self.config["test"]:
            scores |= {split: fitted.scores(split) for split in self.data.tests}
            tested = round(time.perf_counter() - started - fit_seconds, 3)
        libraries = {name: version(name) for name in ("scikit-learn", "scipy", "numpy")}
        return {
            "schema_version": runs.SCHEMA_VERSION,
            "kind": BASELINE,
            "deterministic": True,
            **self.config["names"],
            "backend": None,
            "seed": self.config["seed"],
            "identity": self.identity,
            "group": self.group,
            "config": self.config,
            "data": self.data.about(),
            "parameters": fitted.parameters,
            "state_size": None,
            "metric": spec.metric,
            "mode": spec.mode,
            "best_epoch": None,
            "best_step": None,
            "epochs": None,
            "steps": None,
            "metrics": {split: each.compute() for split, each in scores.items()},
            "slices": {split: each.slices() for split, each in scores.items()},
            "reports": {split: each.report() for split, each in scores.items()},
            "baselines": self.data.baselines,
            "baseline": {
                "chosen": trial.settings,
                "tried": [
                    {**each.settings, spec.metric: each.value, "loss": each.loss}
                    for each in choice.tried
                ],
            },
            "throughput": {"train_tokens_per_second": None},
            "seconds": {
                "setup": round(self.setup_seconds, 3),
                "fit": round(fit_seconds, 3),
                "checkpoints": 0.0,
                "test": tested,
            },
            "peak_memory_bytes": memory.bytes(),
            "environment": environment(torch.device("cpu"), 1, self.model.precision) | libraries,
        }


def go(fitting: Fitting) -> Run:
    """Find or fit, as the earlier runs of this identity demand."""
    before = runs.attempts(fitting.base)
    run = runs.following(fitting.base)
    finished = [each for each in before if each.status() == "ok"]
    if finished and not fitting.config["force"]:
        last = finished[-1]
        if not fitting.config["test"] or last.result()["seconds"]["test"] is not None:
            log.warning("%s: fitted already; force=true fits it anew", last.path)
            return last
        log.info("%s: fitted without its test; fitting anew in %s", last.path, run.path)
    elif before and before[-1].live:
        raise runs.busy(fitting.base)
    elif before and before[-1].status() == "interrupted" and not fitting.config["force"]:
        last = before[-1]
        require_no_links(last.path)
        log.info("%s: interrupted; fitting it anew there", last.path)
        return carry_out(fitting, last, last.resumed)
    elif before:
        log.info("%s: %s; fitting anew in %s", before[-1].path, before[-1].status(), run.path)
    return carry_out(fitting, run, None)


def carry_out(fitting: Fitting, run: Run, resumed: int | None) -> Run:
    """Fit, and leave a result in the run directory or a status that tells why not.

    resumed: how often an interrupted run has been taken up; None makes a new one.
    """
    config_yaml = OmegaConf.to_yaml(OmegaConf.create(fitting.config))
    with (
        AtOnce(),
        run.record(config_yaml, resumed, fitting.group, BASELINE),
        run_log(run.path / "train.log"),
        telling(run),
    ):
        (run.path / METRICS).unlink(missing_ok=True)
        file = MetricsFile(run.path / METRICS)
        result = fitting.result()
        for split, values in result["metrics"].items():
            file.log_metrics({f"{split}/{name}": value for name, value in values.items()}, 0)
        run.write_json("result.json", result)
    return run


@contextmanager
def telling(run: Run) -> Iterator[None]:
    """Log a run's begin, and its end where that comes early."""
    log.info("fitting in %s", run.path)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        log.info("%s: interrupted; the same command fits it anew", run.path)
        raise
    except MemoryError as error:
        told = f"not enough memory to fit {run.path.parent.name} to these data ({error})"
        log.info("%s: failed: %s", run.path, told, extra={"shown": ()})
        raise RunError(f"{told}; give fewer, or use a larger machine") from error
    except RunError as error:
        log.info("%s: failed: %s", run.path, error, extra={"shown": ()})
        raise
    except Exception:  # of a task's own; told, and raised again
        log.exception("%s: failed", run.path, extra={"shown": ()})  # the caller shows it
        raise

"""What a person sees while a run trains, and what should make one look twice."""

import logging
import math
import sys
import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Checkpoint, TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm

from seqbench.batch import Batch
from seqbench.callbacks.lookup import one, watchers
from seqbench.callbacks.throughput import Throughput
from seqbench.models.module import SequenceModule
from seqbench.spec import WRITTEN

log = logging.getLogger(__name__)

BEAT = 30.0
"""Seconds after which a long epoch gives a sign of life."""

GLANCE = 0.1
"""Seconds between two states of a bar: drawing one can take as long as a small step."""


def shown(progress: str) -> str:
    """``bar``, ``lines`` or ``none``; what ``auto`` stands for depends on the terminal."""
    return progress if progress != "auto" else "bar" if sys.stderr.isatty() else "lines"


class Bar(TQDMProgressBar):
    """Lightning's bar for training alone, short enough for 80 columns.

    ``tok/s``: tokens a second of this epoch so far, as Throughput counts them; of several
    processes as if all had as many as this one. ``val``: the task's metric as last validated.
    """

    BAR_FORMAT = "{desc}|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"

    def __init__(self) -> None:
        super().__init__()
        self.drawn = 0.0
        self.pace: float | None = None
        """The last one known: there is none between two epochs."""

    def get_metrics(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        assert isinstance(pl_module, SequenceModule)
        shown: dict[str, Any] = {}
        self.pace = one(watchers(trainer), Throughput).pace() or self.pace
        if self.pace:
            shown["tok/s"] = Tqdm.format_sizeof(self.pace * trainer.world_size)
        for name, value in super().get_metrics(trainer, pl_module).items():
            if name != "v_num":
                shown["val" if name == f"val/{pl_module.spec.metric}" else name] = value
        return shown

    def on_train_batch_end(self, trainer: L.Trainer, *arguments: Any) -> None:
        now = time.monotonic()
        if now - self.drawn >= GLANCE or trainer.is_last_batch or trainer.should_stop:
            self.drawn = now
            super().on_train_batch_end(trainer, *arguments)

    def init_train_tqdm(self) -> Tqdm:
        bar = super().init_train_tqdm()
        bar.leave = False
        return bar

    def init_validation_tqdm(self) -> Tqdm:
        return Tqdm(disable=True)

    def init_test_tqdm(self) -> Tqdm:
        return Tqdm(disable=True)

    def on_train_epoch_start(self, trainer: L.Trainer, *arguments: Any) -> None:
        super().on_train_epoch_start(trainer, *arguments)
        self.train_progress_bar.set_description(epoch(trainer))


class Lines(Checkpoint):
    """One log line an epoch, and one each half minute within it; warns of suspect numbers.

    It saves nothing: Lightning calls the end-of-epoch hooks of Checkpoint callbacks after the
    module's own, which has the epoch's numbers by then; those of all others before.
    """

    def __init__(self) -> None:
        self.epoch_started = self.spoken = 0.0
        self.validated = self.warned = False
        self.before = 0.0
        """Seconds of this epoch that an earlier process has spent."""

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": time.monotonic() - self.epoch_started, "validated": self.validated}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.before, self.validated = state_dict["seconds"], state_dict["validated"]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.spoken = time.monotonic()
        self.epoch_started, self.before = self.spoken - self.before, 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.epoch_started = self.spoken = time.monotonic()
        self.validated = False

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.validated = True
        assert isinstance(pl_module, SequenceModule)
        loss = pl_module.results["val"]["loss"]
        if not math.isfinite(loss) and not self.warned:
            self.warned = True
            log.warning(
                "the validation loss is %s after step %d; training goes on, and this is not told "
                "again",
                loss,
                trainer.global_step,
            )

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        now = time.monotonic()
        if now - self.spoken >= BEAT:
            self.spoken = now
            assert isinstance(pl_module, SequenceModule)
            log.info(
                "%s  step %d of %d  loss %.4f",
                epoch(trainer),
                batch_idx + 1,
                trainer.num_training_batches,
                pl_module.shown_loss(outputs),
                extra={"shown": ("lines",)},
            )

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, SequenceModule)
        # Loss, perplexity and bits a character are one number in three ways; one is enough.
        told = [pl_module.spec.metric] if pl_module.spec.kind in WRITTEN else None
        parts = [
            f"{split} " + " ".join(f"{name} {values[name]:.4f}" for name in told or values)
            for split, values in pl_module.results.items()
            if split == "train" or (split == "val" and self.validated)
        ]
        seconds = time.monotonic() - self.epoch_started
        line = f"{epoch(trainer)}  {'  '.join(sorted(parts))}  ({seconds:.1f} s)"
        log.info(line, extra={"shown": ("lines", "bar")})
        self._check(trainer, pl_module)

    def _check(self, trainer: L.Trainer, module: SequenceModule) -> None:
        accuracy = module.results.get("val", {}).get("accuracy", 0.0)
        if trainer.current_epoch == 0 and accuracy >= 0.999 and not module.spec.synthetic:
            log.warning(
                "validation accuracy is %.4f after one epoch: on real data that nearly always "
                "means wrong labels; look at them before you believe it",
                accuracy,
            )


def epoch(trainer: L.Trainer) -> str:
    """Which one it is, and of how many where that is known."""
    of = f"/{trainer.max_epochs}" if trainer.max_epochs != -1 else ""
    return f"epoch {trainer.current_epoch + 1}{of}"

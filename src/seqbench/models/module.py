"""The one LightningModule: it sums losses, divides by counts and keeps the scores."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from lightning.pytorch.plugins import MixedPrecision
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer

from seqbench.batch import Batch
from seqbench.errors import RunError
from seqbench.metrics import Report, Scores, scores_of
from seqbench.models.finite import Taken, Watch
from seqbench.models.network import Network
from seqbench.models.stack import StackState
from seqbench.spec import TaskSpec
from seqbench.world import ElsewhereError, World

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
MakeScheduler = Callable[[Optimizer, int, int], dict[str, Any]]


class SequenceModule(L.LightningModule):
    """Trains any network on any task; knows neither by name.

    tests: names of the test splits, in the order of their loaders.
    optimizer: from parameters to an optimiser. scheduler: from an optimiser and the steps
    and epochs in all to a Lightning scheduler config. config, fingerprint: the run's and its
    data's, to be kept in checkpoints. characters: that a token stands for, by split. world: the
    processes that train it together; its loss and scores are those of all their rows.

    Where batches say which rows start a stream (``reset``), the others go on from the state that
    the batch before of the same split has left, cut from its gradient.

    ``results`` holds each split's metrics as last computed, ``slices`` the same by slice,
    ``reports`` by class. ``at`` is the split and batch that it is at.

    Raises NotFiniteError for a loss or gradient that is NaN or infinite, before the step that it
    would spoil.
    """

    def __init__(
        self,
        network: Network,
        spec: TaskSpec,
        tests: Sequence[str] = (),
        optimizer: MakeOptimizer | None = None,
        scheduler: MakeScheduler | None = None,
        config: dict[str, Any] | None = None,
        fingerprint: str = "",
        characters: Mapping[str, float] | None = None,
        world: World | None = None,
    ) -> None:
        super().__init__()
        self.world = world or World()
        self.network = network
        self.spec = spec
        self.tests = list(tests)
        self.config, self.fingerprint = config, fingerprint
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.splits = ["train", "val", *tests]
        self.scores = nn.ModuleList(
            scores_of(spec, detailed=split != "train", characters=(characters or {}).get(split))
            for split in self.splits
        )
        self.results: dict[str, dict[str, float]] = {}
        self.slices: dict[str, dict[str, Any]] = {}
        self.reports: dict[str, Report] = {}
        self.carried: dict[str, StackState] = {}
        self.at: tuple[str, Batch] | None = None
        self.watch = Watch()
        self.gradient_norm = torch.tensor(math.nan)
        self.learning_rate = math.nan
        self.logged_step = 0
        self.tested_at: tuple[int, int] | None = None
        self.gathered: dict[str, Any] = {}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Plain containers only, so that the file loads with ``weights_only=True``."""
        checkpoint["seqbench"] = {
            "schema_version": 1,
            "config": self.config,
            "fingerprint": self.fingerprint,
            "spec": self.spec.to_dict(),
            "carried": self.carried,
            "gathered": self.gathered_now(),
            "logged_step": self.logged_step,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.tested_at and self.tested_at[1] != checkpoint["global_step"]:
            raise RunError(
                f"best.ckpt is of step {checkpoint['global_step']}, but the best was step "
                f"{self.tested_at[1]}: the run went on, and what it did again came out otherwise; "
                "train it anew with trainer.deterministic=true force=true"
            )
        kept = checkpoint["seqbench"]
        self.carried = kept.get("carried", {})
        self.logged_step = kept.get("logged_step", 0)
        self.gathered = kept.get("gathered", {})

    def gathered_now(self) -> dict[str, Any]:
        """What the training scores have taken in of this epoch."""
        return self._scores("train").gathered()

    def forward(self, batch: Batch) -> Tensor:
        """What the network says: logits (B, C) or (B, T, C), or numbers (B, O)."""
        return self.network.predict(batch, self.network(batch))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | dict[str, Tensor]:
        state = self.carried.get("train")
        nll, count = self._score("train", batch)
        if self.world.size > 1:
            return self._share(nll, count, Taken(batch_idx, batch, state, nll.detach()))
        loss = nll / count
        self.watch.taken.append(Taken(batch_idx, batch, state, loss.detach()))
        return loss

    def _share(self, nll: Tensor, count: Tensor, taken: Taken) -> dict[str, Tensor]:
        """This process's part of the loss of all rows; the parts, and their gradients, are summed.

        ``whole`` is that loss.
        """
        sums = self.world.add(torch.stack([nll.detach().double(), count.double()]))
        own, whole = nll.detach() / count.clamp(min=1), (sums[0] / sums[1]).to(nll.dtype)
        self.watch.taken.append(taken._replace(loss=own, whole=whole))
        return {"loss": nll / sums[1].to(nll.dtype), "whole": whole}

    def shown_loss(self, outputs: Any) -> float:
        """The loss of a training step, a label, from what Lightning makes of its outputs."""
        if "whole" in outputs:
            return float(outputs["whole"])
        # Lightning divides the loss by the number of batches whose gradients it adds up.
        return float(outputs["loss"]) * self.trainer.accumulate_grad_batches

    def on_after_backward(self) -> None:
        # Of several batches in one step, the norms tell at which the gradient went astray.
        if self.trainer.accumulate_grad_batches > 1:
            gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
            self.watch.norms.append(get_total_norm(gradients))
        if self.world.size > 1 and not self.trainer.fit_loop._should_accumulate():
            self.world.add_gradients([*self.network.parameters()])

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._score("val", batch)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._score(self.tests[dataloader_idx], batch)

    def _score(self, split: str, batch: Batch) -> tuple[Tensor, Tensor]:
        """Summed loss and number of labels; the split's scores take the batch in."""
        self.at = split, batch
        output = self.network(batch, self.carried.get(split))
        if batch.reset is not None:
            self.carried[split] = tuple(tuple(x.detach() for x in parts) for parts in output.state)
        scores, head = self._scores(split), self.network.head
        logits = head.predict(output.hidden) if scores.predicts else None
        nll, count = head.nll(output.hidden, batch.targets, logits)
        if batch.stand_in is not None:
            return 0 * nll, 0 * count
        with torch.no_grad():
            predict = partial(self.network.predict, batch, output, logits)
            scores.update(nll, count, predict, batch)
        return nll, count

    def on_train_start(self) -> None:
        if self.gathered:  # by the first part of an epoch that goes on
            self._scores("train").restore(move_data_to_device(self.gathered, self.device))
            self.carried = move_data_to_device(self.carried, self.device)
            self.gathered = {}
        # An epoch shorter than the interval would else leave no point.
        wanted: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        batches = int(self.trainer.num_training_batches)
        self.every_n_steps = max(1, min(wanted, batches // self.trainer.accumulate_grad_batches))

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        self.at = None
        if self.global_step % self.every_n_steps or self.global_step == self.logged_step:
            return
        self.logged_step = self.global_step
        loss = self.shown_loss(outputs)
        self.log("loss", loss, prog_bar=True, logger=False, batch_size=1)
        self.write(
            {
                "train/loss_step": loss,
                "grad/norm": float(self.gradient_norm),
                "train/learning_rate": self.learning_rate,
            }
        )

    def write(self, values: dict[str, float]) -> None:
        """Send values to all loggers at the present step, past Lightning's bookkeeping.

        In a test that is the epoch and step of the checkpoint tested, ``tested_at``.
        """
        epoch, step = self.tested_at or (self.current_epoch, self.global_step)
        for logger in self.trainer.loggers:
            logger.log_metrics(values | {"epoch": epoch}, step=step)

    # Scores start anew in the loop's own mode: what validate() made under inference mode may not
    # be changed in fit().
    def on_train_epoch_start(self) -> None:
        self._start("train")

    def on_validation_epoch_start(self) -> None:
        self._start("val")

    def on_test_epoch_start(self) -> None:
        self._start(*self.tests)

    def on_train_epoch_end(self) -> None:
        self._conclude("train")

    def on_validation_epoch_end(self) -> None:
        self._conclude("val")

    def on_test_epoch_end(self) -> None:
        for split in self.tests:
            self._conclude(split)

    def _scores(self, split: str) -> Scores:
        scores = self.scores[self.splits.index(split)]
        assert isinstance(scores, Scores)
        return scores

    def _start(self, *splits: str) -> None:
        for split in splits:
            self._scores(split).reset()
            self.carried.pop(split, None)
            self.at = None

    def _conclude(self, split: str) -> None:
        scores = self._scores(split)
        if self.world.size > 1:
            parts = self.world.gather(move_data_to_device(scores.gathered(), torch.device("cpu")))
            scores.combine(move_data_to_device(parts, self.device))
        self.carried.pop(split, None)
        self.results[split] = scores.compute()
        self.slices[split] = scores.slices()
        self.reports[split] = scores.report()
        for name, value in self.results[split].items():
            shown = (split, name) == ("val", self.spec.metric)
            self.log(f"{split}/{name}", value, prog_bar=shown, logger=False, batch_size=1)
        self.write({f"{split}/{name}": value for name, value in self.results[split].items()})

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Look at the numbers of the step to come, clip, and keep the norm before it and the rate.

        Lightning's own clipping refuses fused optimisers under mixed precision, although bfloat16
        scales no gradients; float16 does, and there build.py gives an optimiser that is not fused.
        """
        self.learning_rate = float(optimizer.param_groups[0]["lr"])
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
        own = self._astray if self.world.size > 1 else None
        self.gradient_norm = norm = self.watch.check(norm, self.network, self.scaled, own)
        if gradient_clip_val and gradient_clip_algorithm == "value":
            clip_grad_value_(parameters, gradient_clip_val)
        elif gradient_clip_val:
            clip_grads_with_norm_(parameters, gradient_clip_val, norm)

    def _astray(self, taken: list[Taken]) -> int:
        """The first of this process's batches whose gradient is not finite, if no process before
        this one has any; ElsewhereError if one has, or another has one and this has not."""
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        own = None
        for number, each in enumerate(taken):
            if each.batch.stand_in is not None:
                continue
            with self.trainer.precision_plugin.forward_context():
                output = self.network(each.batch, each.state)
                nll, _ = self.network.head.nll(output.hidden, each.batch.targets)
            gradients = torch.autograd.grad(nll, parameters, allow_unused=True)
            if not all(g is None or bool(g.isfinite().all()) for g in gradients):
                own = number
                break
        found = self.world.gather(own)
        first = next((rank for rank, number in enumerate(found) if number is not None), 0)
        if first != self.world.rank:
            raise ElsewhereError
        return -1 if own is None else own

    @property
    def scaled(self) -> bool:
        """Whether a float16 scaler leaves out the steps whose gradients are not finite."""
        precision = self.trainer.precision_plugin
        return isinstance(precision, MixedPrecision) and precision.scaler is not None

    def configure_optimizers(self) -> OptimizerLRScheduler:
        assert self.make_optimizer is not None
        optimizer = self.make_optimizer(self.network.parameters())
        if self.make_scheduler is None:
            return optimizer
        endless = self.trainer.max_epochs == -1 == self.trainer.max_steps
        steps = 0 if endless else int(self.trainer.estimated_stepping_batches)
        scheduler = self.make_scheduler(optimizer, steps, self.trainer.max_epochs or 1)
        config: Any = {"optimizer": optimizer, "lr_scheduler": scheduler}
        return config  # type: ignore[no-any-return]

"""The state that a language model carries from chunk to chunk, split by split."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

import seqbench
from seqbench.batch import Batch
from seqbench.callbacks.checkpoint import BestCheckpoint
from seqbench.models.module import SequenceModule

WORDS = [
    "task=char_lm",
    "task.path=text.txt",
    "task.batch_size=4",
    "task.sequence_length=20",
    "model.hidden_size=8",
    "model.embedding.size=4",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.log_every_n_steps=1",
    "callbacks.samples=null",
    "logger=none",
    "progress=none",
    "threads=1",
]


@pytest.fixture
def text(here: Path) -> Path:
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 5, (1200,), generator=draw).tolist()
    (here / "text.txt").write_text("".join("abcd "[i] for i in ids), "utf-8")
    return here


def curve(result: seqbench.Result, split: str, name: str) -> list[tuple[int, str]]:
    rows = [r.split(",") for r in (result.path / "metrics.csv").read_text("utf-8").splitlines()]
    return [(int(r[0]), r[5]) for r in rows if r[3:5] == [split, name]]


def test_the_split_is_measured_as_one_text(text: Path) -> None:
    """However it is cut into chunks: the loss is that of one pass from its first token on."""
    result = seqbench.run(WORDS)
    model = result.model
    losses = []
    for steps in (1, 7, 20, 1000):
        chunked = seqbench.load(result.path)
        chunked.config["task"] |= {"sequence_length": steps, "batch_size": 1}
        losses.append(chunked.evaluate("val").metrics["loss"])
    whole = (text / "text.txt").read_text("utf-8")
    val = (whole + "\n")[-240:-120]
    ids = torch.tensor([[model.spec.vocabulary.index(letter) for letter in val]])
    network = model.module.network
    with torch.inference_mode():
        hidden, _ = network.advance(ids[:, :-1], None, torch.tensor([ids.shape[1] - 1]))
        loss = torch.nn.functional.cross_entropy(network.head.predict(hidden)[0], ids[0, 1:])
    assert losses == pytest.approx([float(loss)] * 4, rel=1e-5)


def test_validation_leaves_the_training_s_state_alone(text: Path) -> None:
    quiet = seqbench.run(WORDS)
    often = seqbench.run([*WORDS, "trainer.val_check_interval=1"])
    assert len(curve(often, "val", "loss")) > len(curve(quiet, "val", "loss"))
    assert curve(often, "train", "loss_step") == curve(quiet, "train", "loss_step")
    assert curve(often, "train", "loss") == curve(quiet, "train", "loss")


class Watch(BestCheckpoint):
    """Keeps what each training step began with and what was left of it."""

    before: list[Any]
    begun: list[bool]
    attached: bool

    def on_train_start(self, *_: Any) -> None:
        self.before, self.begun, self.attached = [], [], False

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, SequenceModule)
        assert batch.reset is not None
        self.before.append(pl_module.carried.get("train"))
        self.begun.append(bool(batch.reset.all()))

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, SequenceModule)
        state = pl_module.carried["train"]
        self.attached |= any(part.requires_grad for parts in state for part in parts)


def test_state_goes_on_within_an_epoch_and_its_gradient_does_not(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Watch] = []
    original = Watch.__init__

    def keeping(self: Watch, *arguments: Any, **settings: Any) -> None:
        original(self, *arguments, **settings)
        kept.append(self)

    monkeypatch.setattr(Watch, "__init__", keeping)
    monkeypatch.setattr("seqbench.callbacks.checkpoint.BestCheckpoint", Watch)
    seqbench.run(WORDS)
    watch = kept[-1]
    chunks = len(watch.begun) // 2
    assert chunks > 5
    assert watch.begun == ([True] + [False] * (chunks - 1)) * 2
    assert [state is None for state in watch.before] == watch.begun
    assert not watch.attached


def test_a_checkpoint_within_an_epoch_holds_the_state(text: Path) -> None:
    result = seqbench.run([*WORDS, "trainer.val_check_interval=5", "trainer.max_epochs=1"])
    content = torch.load(result.path / "checkpoints" / "best.ckpt", weights_only=True)
    (state,) = content["seqbench"]["carried"]["train"]
    assert [tuple(part.shape) for part in state] == [(4, 8), (4, 8)]
    assert all(part.abs().sum() > 0 for part in state)
    last = torch.load(result.path / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["seqbench"]["carried"] == {}
    module = SequenceModule(result.model.module.network, result.model.spec)
    module.on_load_checkpoint(content)
    assert module.carried == content["seqbench"]["carried"]


def test_batches_without_streams_carry_nothing(sums_run: Path) -> None:
    model = seqbench.load(sums_run)
    model.evaluate("val")
    assert model.module.carried == {}

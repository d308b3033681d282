"""What every task's data module has: splits, a spec, a fingerprint, loaders."""

import os
from abc import abstractmethod
from collections.abc import Sized
from typing import Annotated, Any

import lightning as L
import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from torch.utils.data import DataLoader, Dataset, Sampler

from seqbench.batch import Batch
from seqbench.datamodules.sampling import BucketSampler, Order, Shared
from seqbench.datamodules.texts.files import Whereabouts
from seqbench.errors import UserError
from seqbench.signals import outlive
from seqbench.spec import TaskSpec

Fraction = Annotated[float, Field(gt=0, lt=1)]
BLOCK = 1 << 22
"""Tokens counted at a time, lest a file's be held as a whole."""


class TaskData(L.LightningDataModule):
    """Base of all data modules.

    After ``setup``: ``splits`` maps ``train``, ``val`` and the tests' names, in that order, to
    data sets; ``spec`` says what the task is; ``fingerprint`` is a digest of the data's content;
    ``baselines`` maps a baseline's name and a split to its metrics; ``facts`` are counts worth
    keeping in a run's result; ``notes`` are lines worth reading before it trains; ``characters``
    are how many a token of a text stands for, by split, where the task is to write.

    data_seed: draws and splits the data, whatever the seed of the run.
    seed: orders the training batches.
    shuffle: training batches in another order each epoch; else sorted by length, always the same.
    """

    splits: dict[str, Any]
    spec: TaskSpec
    fingerprint: str
    baselines: dict[str, dict[str, dict[str, float]]]
    facts: dict[str, Any]
    notes: list[str]
    characters: dict[str, float]
    unit: str = "sequences"
    """What a split's length counts."""

    def __init__(
        self,
        *,
        seed: int = 0,
        data_seed: NonNegativeInt = 0,
        batch_size: PositiveInt = 64,
        eval_batch_size: PositiveInt = 256,
        num_workers: NonNegativeInt = 0,
        shuffle: bool = True,
    ) -> None:
        super().__init__()
        most = max(8, os.cpu_count() or 1)
        if num_workers > most:  # each is a process that holds a few hundred megabytes
            raise UserError(f"task.num_workers={num_workers}: should be at most {most} here")
        self.seed = seed
        self.data_seed = data_seed
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.shuffle = shuffle
        self.rank, self.world_size = 0, 1
        """Which of how many processes reads: its loaders give its share of each batch alone."""
        self.cursor = (0, 0)
        """Where training begins: the epoch, and how many of its batches have been trained on."""
        self.baselines = {}
        self.facts = {}
        self.notes = []
        self.characters = {}

    @abstractmethod
    def setup(self, stage: str | None = None) -> None: ...

    def about(self) -> dict[str, Any]:
        """What a run's result keeps of its data."""
        sizes = {split: len(rows) for split, rows in self.splits.items()}
        return {"fingerprint": self.fingerprint, "sizes": sizes, **self.facts}

    def whereabouts(self) -> Whereabouts | None:
        """Where ``setup`` would read the data, found without reading them and without a network.

        None for a task that makes its data, and where they are nowhere. Raises UserError for files
        that are there, but by their names cannot be what the task reads.
        """
        return None

    def from_file(self, path: str, spec: TaskSpec) -> Sized:
        """The data at ``path``, encoded as ``spec`` says, whatever the task's own data.

        By the file's name ``facts["unknown_rate"]`` gets an entry and, where the task is to write,
        ``characters``. Raises ``UserError`` where the task reads no files, or cannot read this one.
        """
        raise UserError("this task reads no data from a file; leave --data out")

    def asked(self, path: str, spec: TaskSpec) -> list[tuple[str, list[float]]]:
        """What to predict on in the file at ``path``, if it is of the task's own form: what to call
        each sequence in a message, and the sequence as ``predict`` takes it.

        Raises ``UserError`` where the task has no such form, or the file cannot be read.
        """
        raise UserError(
            "this task has no files to predict on but texts, a sequence a line; use --input FILE"
        )

    def token_counts(self) -> npt.NDArray[np.int64] | None:
        """How often train has each token, ``(V,)`` by id; None where nobody has counted."""
        return None

    def probe(self, split: str, rows: int) -> Batch:
        """At most ``rows`` sequences of a split, always the same: its longest, in their order.

        A few that are shorter than most of these are left out: what is common to all steps of all
        rows goes no further than the shortest.
        """
        data = self.splits[split]
        lengths = np.asarray(data.lengths)
        longest = np.argsort(-lengths, kind="stable")[:rows]
        long = longest[lengths[longest] >= np.median(lengths[longest])]
        chosen: Batch = data[np.sort(long)]
        return chosen

    @property
    def tests(self) -> list[str]:
        """Names of the test splits, in the order of their loaders."""
        return [name for name in self.splits if name not in ("train", "val")]

    def train_dataloader(self) -> DataLoader[Batch]:
        loader = self.loader("train", training=True)
        if self.cursor != (0, 0):
            assert isinstance(loader.sampler, Order)
            # A loader with workers asks for its first batches before Lightning tells the epoch.
            loader.sampler.epoch, loader.sampler.start = self.cursor
        return loader

    def val_dataloader(self) -> DataLoader[Batch]:
        return self.loader("val")

    def test_dataloader(self) -> list[DataLoader[Batch]]:
        return [self.loader(name) for name in self.tests]

    def loader(self, split: str, training: bool = False) -> DataLoader[Batch]:
        """A loader over one split; each has its own generator, so none draws from another's."""
        sampler = BucketSampler(
            self.splits[split].lengths,
            self.batch_size if training else self.eval_batch_size,
            shuffle=training and self.shuffle,
            seed=self.seed,
            rank=self.rank,
            world_size=self.world_size,
        )
        return self.batches(self.splits[split], sampler)

    def batches(self, data: Dataset[Batch], sampler: Sampler[Any]) -> DataLoader[Batch]:
        """A loader of ``data[i]`` for each ``i`` of the sampler."""
        if self.world_size > 1:
            data = Shared(data)
        return DataLoader(
            data,
            sampler=sampler,
            batch_size=None,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=outlive,
            generator=torch.Generator().manual_seed(self.seed),
        )


def counted(tokens: npt.NDArray[np.integer], size: int) -> npt.NDArray[np.int64]:
    """How often each of the ids below ``size`` stands in ``tokens (N,)``, which may be a map."""
    counts = np.zeros(size, np.int64)
    for first in range(0, len(tokens), BLOCK):
        counts += np.bincount(tokens[first : first + BLOCK], minlength=size)
    return counts

"""A word to be turned into another, letter by letter: the smallest task there is."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from seqbench.datamodules.base import TaskData
from seqbench.datamodules.cache import digest
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.texts.encoder import PADDING, PADDING_ID, UNKNOWN, TextEncoder, plain
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

Word = Annotated[str, Field(min_length=1)]


class Hello(TaskData):
    """Each letter of one word gets the letter of another: ``h e l l o -> o h l o l``.

    Where a letter of the source has two answers, as the l has here, the network must keep count
    of what came before. The one pair is train, val and test at once, so that scores tell nothing
    but whether it was learnt by heart.

    source, target: the words, of equal length. Labels are the letters of both, sorted.

    Raises ``UserError`` where the words differ in length.
    """

    unit = "words"

    def __init__(self, *, source: Word = "hello", target: Word = "ohlol", **settings: Any) -> None:
        super().__init__(**settings)
        if not source or len(source) != len(target):
            raise UserError(
                f"task.source={source!r} has {len(source)} letters, task.target={target!r} "
                f"{len(target)}; give words of the same length, at least one letter each"
            )
        if source != source.strip():
            raise UserError(f"task.source={source!r}: has white space around it; leave it out")
        self.source, self.target = source, target

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "spec"):
            return
        labels = tuple(sorted({*self.source, *self.target}))
        vocabulary = (PADDING, UNKNOWN, *sorted({*self.source}))
        self.spec = TaskSpec(
            kind="tag",
            input_size=len(vocabulary),
            output_size=len(labels),
            padding_id=PADDING_ID,
            labels=labels,
            vocabulary=vocabulary,
            encoding=plain("char"),
            synthetic=True,
        )
        (tokens,) = TextEncoder.from_spec(self.spec).encode([self.source])
        targets = np.array([labels.index(letter) for letter in self.target])
        offsets = np.array([0, len(tokens)])
        pair = Ragged(np.array(tokens), offsets, targets, padding_id=PADDING_ID, per_step=True)
        self.splits = dict.fromkeys(("train", "val", "test"), pair)
        self.fingerprint = digest(["hello", self.source, self.target])
        commonest = int(np.bincount(targets).argmax())
        right = targets == commonest
        scores = {"accuracy": float(right.mean()), "sequence_accuracy": float(right.all())}
        self.facts = {"majority": labels[commonest]}
        self.baselines = {"majority": {"val": scores, "test": scores}}
        self.notes = [
            f"{self.source} -> {self.target} is train, val and test at once: the scores tell "
            "whether it was learnt by heart, no more"
        ]

"""Labelled names turned around: a label is given, and its names are to be written."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from seqbench.batch import Batch
from seqbench.datamodules.ngrams import Rows, add_one
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.text_classification import TextClassification
from seqbench.datamodules.texts.encoder import PADDING_ID
from seqbench.datamodules.texts.tokens import END, START, with_marks
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

MARKS = 2
"""Ids that the two marks take; those of the letters move up by as many."""


class Written(Ragged):
    """N labels with a token sequence each, which is the target.

    tokens: ``(S,)`` of all sequences end to end. offsets: ``(N + 1,)``. labels: ``(N,)``.
    """

    def __init__(
        self,
        tokens: npt.NDArray[np.integer],
        offsets: npt.NDArray[np.int64],
        labels: npt.NDArray[np.integer],
    ) -> None:
        super().__init__(tokens, offsets, tokens, padding_id=PADDING_ID, per_step=True)
        self.labels = labels

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Batch:
        labels = torch.from_numpy(self.labels[rows].astype(np.int64))
        return super().__getitem__(rows)._replace(inputs=labels)


class WriteNames(TextClassification):
    """Write a name of a class, letter by letter: ``Italian -> R o s s i <eos>``.

    The data and their settings are those of ``TextClassification``, so that the names of one
    split are the same ones in both tasks. ``level`` must be char, and ``max_length`` null: names
    are written whole. In ``bits_per_character`` the end mark counts as one character.

    ``baselines``: add-one n-grams of letters, ``trigram`` unless the vocabulary is too large for
    it, and the same counted for each label by itself, ``trigram_by_label``.
    """

    unit = "names"

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if self.settings.level != "char":
            raise UserError("task.level=word: names are written letter by letter; use char")
        if self.max_length is not None:
            raise UserError("task.max_length: names are written whole; leave it null")

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "splits"):
            return
        super().setup(stage)
        vocabulary = with_marks(self.spec.vocabulary)
        self.spec = replace(
            self.spec,
            kind="write",
            input_size=len(vocabulary),
            output_size=len(vocabulary),
            metric="bits_per_character",
            mode="min",
            vocabulary=vocabulary,
            start_id=vocabulary.index(START),
            end_id=vocabulary.index(END),
            length_bounds=(),
        )
        self.splits = {split: self._turned(data) for split, data in self.splits.items()}
        self.characters = dict.fromkeys(self.splits, 1.0)
        for fact in ("majority", "cut"):
            del self.facts[fact]
        self.baselines = self._counted()

    def from_file(self, path: str, spec: TaskSpec) -> Written:
        """The labels and names at ``path``, by the spec's vocabulary and classes."""
        data = super().from_file(path, spec)
        self.characters[Path(path).name] = 1.0
        return _ended(data.tokens, data, spec)

    def _turned(self, data: Ragged) -> Written:
        """The data as ``TextClassification`` has them, by the vocabulary with marks."""
        tokens = data.tokens.astype(np.int64)
        return _ended(np.where(tokens > 1, tokens + MARKS, tokens), data, self.spec)

    def _counted(self) -> dict[str, dict[str, dict[str, float]]]:
        found = {}
        for name in ("", "_by_label"):
            rows = {}
            for split, data in self.splits.items():
                begun = _before(data, self.spec)
                rows[split] = Rows(begun, data.targets, data.offsets, data.labels if name else None)
            size = len(self.spec.vocabulary)
            train = rows.pop("train")
            counted = add_one(train, rows, order=3, ids=size, outcomes=size - 2)
            found[counted.name + name] = counted.metrics(self.characters)
        return found


def _ended(tokens: npt.NDArray[np.integer], data: Ragged, spec: TaskSpec) -> Written:
    """``tokens (S,)`` with the end mark behind each sequence; offsets and labels are data's."""
    ended = np.insert(tokens.astype(np.int64), data.offsets[1:], spec.end_id or 0)
    return Written(ended, data.offsets + np.arange(len(data.offsets)), data.targets)


def _before(data: Written, spec: TaskSpec) -> npt.NDArray[np.int64]:
    """``(S,)`` the token before each: the start mark, then the sequence less its end."""
    tokens = np.roll(data.targets, 1)
    tokens[data.offsets[:-1]] = spec.start_id or 0
    return tokens

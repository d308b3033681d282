"""The label of each step by the steps around it."""

from typing import ClassVar

import numpy as np
from scipy import sparse

from seqbench.batch import Batch
from seqbench.classical.base import Choice, Classical, grow
from seqbench.classical.logistic import Logistic, require_labels, strongest
from seqbench.classical.reading import Flat, Ints, flat
from seqbench.classical.scoring import measured
from seqbench.datamodules.base import TaskData
from seqbench.datamodules.texts.encoder import UNKNOWN_ID
from seqbench.errors import UserError
from seqbench.metrics import Scores

STEPS = 200_000
"""Of train that are fitted to, about; of more sequences some, evenly spread."""

WIDTHS = (0, 1, 2, 3, 4, 6, 8, 12, 16)
"""Steps before the one that is named; or so many on either side."""

AFFIX = 3
"""Letters of a word's beginning and end at most."""


class Window(Classical):
    """Logistic regression on which token stands at each place of a window, one-hot.

    The window is the step that is named and k before it, or k on either side; both are tried, and
    k grows as long as validation gets better. A place beyond a sequence's end is a token, too. Of
    the step itself count also the first and last one to three letters of its word, whether it
    begins with a capital, is one all over, and has a digit. Words that train has once are read as
    unknown, so that the weights of the unknown word are learnt.
    """

    name: ClassVar[str] = "window"
    precision: ClassVar[str] = "32-true"

    def __init__(self, data: TaskData) -> None:
        super().__init__(data)
        if self.spec.features:
            raise UserError("no baseline names the steps of sequences of numbers as yet")
        words = self.spec.vocabulary if self.spec.encoding.get("level") != "char" else ()
        train = flat(data.splits["train"], per_step=True)
        self.all_steps = len(train.inputs)
        self.known = np.arange(self.spec.input_size)
        if words:
            times = np.bincount(train.inputs, minlength=len(words))
            self.known[times < 2] = UNKNOWN_ID
        self.train = train.spread(STEPS)
        require_labels(self.train.targets)
        self.affixes = _affixes(words, self.known)

    def fit(self, choice: Choice) -> None:
        used = len(self.train.inputs)
        part = {"steps of train": used} if used < self.all_steps else {}
        val = flat(self.data.splits["val"], per_step=True)
        for sides in (1, 2):
            start = 1.0

            def loss(width: int, sides: int = sides) -> float:
                nonlocal start
                after = width if sides == 2 else 0
                features = self.features(self.train, width, after)
                read = {"val": self.features(val, width, after)}
                found: dict[float, float] = {}

                def one(strength: float) -> float:
                    classes = self.spec.output_size
                    model = Logistic(features, self.train.targets, classes, strength)
                    settings = {"before": width, "after": after, "C": strength}
                    fitted = _Fitted(self, width, after, model, read)
                    found[strength] = choice.offer(settings | model.unfinished | part, fitted).loss
                    return found[strength]

                start = strongest(one, start)
                return found[start]

            grow(WIDTHS[sides - 1 :], loss)

    def features(self, data: Flat, before: int, after: int) -> sparse.csr_matrix:
        """``(S, K)`` ones, as many in each row."""
        tokens, rows = self.known[data.inputs], data.rows
        places, edge = np.arange(len(tokens)), self.spec.input_size
        columns = []
        for slot, shift in enumerate(range(-before, after + 1)):
            there = np.clip(places + shift, 0, len(tokens) - 1)
            inside = (places + shift == there) & (rows[there] == rows)
            columns.append(np.where(inside, tokens[there], edge) + slot * (edge + 1))
        size = len(columns) * (edge + 1)
        if self.affixes is not None:
            columns += list(self.affixes[tokens].T + size)
            size += int(self.affixes.max()) + 1
        ones = np.ones(len(tokens) * len(columns), np.float32)
        starts = np.arange(len(tokens) + 1) * len(columns)
        return sparse.csr_matrix((ones, np.stack(columns, 1).ravel(), starts), (len(tokens), size))


class _Fitted:
    """One window and one strength. read: features that have been made, by split."""

    def __init__(
        self,
        of: Window,
        before: int,
        after: int,
        model: Logistic,
        read: dict[str, sparse.csr_matrix],
    ) -> None:
        self.of, self.before, self.after, self.model, self.read = of, before, after, model, read

    @property
    def parameters(self) -> int:
        return self.model.parameters

    def scores(self, split: str, *, detailed: bool = True) -> Scores:
        data = self.of.data.splits[split]
        features = self.read.get(split)
        if features is None:
            features = self.of.features(flat(data, per_step=True), self.before, self.after)
        logits = self.model.log_probabilities(features)
        offsets = np.cumsum([0, *np.asarray(data.lengths)])

        def said(rows: Ints, batch: Batch) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            steps = np.arange(batch.targets.shape[1])
            valid = steps < batch.lengths.numpy()[:, None]
            places = np.where(valid, offsets[rows][:, None] + steps, 0)
            return logits[places]

        return measured(self.of.spec, data, said, detailed=detailed)


def _affixes(words: tuple[str, ...], known: Ints) -> Ints | None:
    """``(V, F)`` the numbers of what is seen of each word's letters; of unknown ones nothing."""
    if not words:
        return None
    numbers: dict[tuple[object, ...], int] = {}
    table = np.zeros((len(words), 2 * AFFIX + 3), np.int64)
    for place, word in enumerate(words):
        read = "" if known[place] == UNKNOWN_ID else word
        seen: list[tuple[object, ...]] = []
        for length in range(1, AFFIX + 1):
            seen += [("begins", length, read[:length]), ("ends", length, read[-length:])]
        seen += [("capital", read[:1].isupper()), ("capitals", read.isupper())]
        seen.append(("digit", any(letter.isdigit() for letter in read)))
        table[place] = [numbers.setdefault(each, len(numbers)) for each in seen]
    return table

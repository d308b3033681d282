"""The next token by the n-grams that end in it."""

from typing import ClassVar

import numpy as np

from seqbench.classical.base import Choice, Classical, grow
from seqbench.classical.kneser_ney import ABSENT, Counts, KneserNey
from seqbench.classical.reading import Ints, Text, written
from seqbench.classical.scoring import measured_text
from seqbench.metrics import Scores
from seqbench.spec import TaskSpec

LONGEST = 12
"""Order of n-grams at most."""

PLACES = (0, 1, 2)
"""Where, among the tokens of a context from the last back, a text's label may stand."""


class NGramLM(Classical):
    """An n-gram language model with modified Kneser-Ney smoothing, see ``KneserNey``.

    The order n is chosen: it grows as long as validation gets better. Where a label is given of
    which a text is to be written, it is one element of the context, and its place is chosen: with
    ``label`` 0 all n-grams are counted for each label by itself, with 1 or 2 the shortest so many
    are shared by all labels. Tokens, unknown ones and end marks are those of the task.
    """

    name: ClassVar[str] = "ngram_lm"

    def fit(self, choice: Choice) -> None:
        train = written(self.data.splits["train"], self.spec)
        val = written(self.data.splits["val"], self.spec)
        for place in (None,) if train.labels is None else PLACES:
            self._fit(train, val, place, choice)

    def _fit(self, train: Text, val: Text, place: int | None, choice: Choice) -> None:
        """All orders that are worth it, with the label in one place."""
        counts, outcomes = Counts(train.targets, self.spec.output_size), _outcomes(self.spec)
        label = {} if place is None else {"label": place}
        read: list[Ints] = []

        def loss(order: int) -> float:
            if order > 1:
                counts.grow(_element(train, order - 2, place))
                read.append(_element(val, order - 2, place))
            fitted = _Fitted(self, KneserNey(counts, outcomes), order, place, {"val": [*read]})
            return choice.offer({"order": order, **label}, fitted).loss

        grow(range(1, LONGEST + 1), loss)


class _Fitted:
    """One order. read: elements of contexts that have been made, by split."""

    def __init__(
        self,
        of: NGramLM,
        model: KneserNey,
        order: int,
        place: int | None,
        read: dict[str, list[Ints]],
    ) -> None:
        self.of, self.model, self.order, self.place = of, model, order, place
        self.read = read

    @property
    def parameters(self) -> int:
        return self.model.parameters

    def scores(self, split: str, *, detailed: bool = True) -> Scores:
        data = self.of.data
        rows = written(data.splits[split], data.spec)
        elements = self.read.get(split)
        if elements is None:
            elements = [_element(rows, number, self.place) for number in range(self.order - 1)]
        found = self.model.probabilities(rows.targets, elements)
        return measured_text(found, data.characters.get(split))


def _outcomes(spec: TaskSpec) -> Ints:
    """The ids that can come: neither padding nor the start."""
    none = [spec.padding_id, *([] if spec.start_id is None else [spec.start_id])]
    return np.setdiff1d(np.arange(spec.output_size), none)


def _element(rows: Text, number: int, place: int | None) -> Ints:
    """``(S,)`` what makes each token's context longer, as the ``number``-th from 0: a token one
    further back or, at ``place``, the label; one is added to either."""
    lengths = np.diff(rows.offsets)
    if number == place:
        assert rows.labels is not None
        return np.repeat(rows.labels, lengths) + 1
    back = number - (place is not None and number > place)
    places = np.arange(len(rows.targets)) - back
    there = places >= np.repeat(rows.offsets[:-1], lengths)
    return np.where(there, rows.inputs[np.maximum(places, 0)] + 1, ABSENT)

"""Sequences, and what each is to become: another sequence, of another length."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from seqbench.batch import IGNORE, Batch
from seqbench.datamodules.ragged import Ragged

END = "<eos>"

Ints = npt.NDArray[np.int64]


class Pairs(Dataset[Batch]):
    """N token sequences and N that they become; ``pairs[rows]`` is the Batch of these rows.

    padding_id: of the sources. end_id: what is put behind each target.
    """

    def __init__(
        self,
        sources: Iterable[Sequence[int] | Ints],
        targets: Iterable[Sequence[int] | Ints],
        *,
        padding_id: int,
        end_id: int,
    ) -> None:
        self.sources = _ragged(sources, padding_id)
        self.targets = _ragged(([*row, end_id] for row in targets), IGNORE)
        self.lengths: Ints = self.sources.lengths

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, rows: Ints) -> Batch:
        source, target = self.sources[rows], self.targets[rows]
        return Batch(source.inputs, source.lengths, target.inputs, target.lengths)


def _ragged(rows: Iterable[Sequence[int] | Ints], padding_id: int) -> Ragged:
    arrays = [np.asarray(row, np.int64) for row in rows]
    offsets = np.cumsum([0, *map(len, arrays)])
    nothing = np.zeros(len(arrays), np.int64)
    return Ragged(np.concatenate(arrays), offsets, nothing, padding_id=padding_id)


def fingerprint(splits: Mapping[str, Pairs]) -> str:
    """Digest of all pairs, split by split."""
    content = hashlib.sha256()
    for name, pairs in splits.items():
        content.update(name.encode())
        for part in (pairs.sources, pairs.targets):
            content.update(part.offsets.tobytes() + part.tokens.tobytes())
    return content.hexdigest()


def commonest(splits: Mapping[str, Pairs]) -> dict[str, dict[str, float]]:
    """The scores of training's commonest token at each place, split by split.

    Behind the longest training target an end mark, the commonest there, is answered.
    """
    train = splits["train"].targets
    end = int(train.tokens[-1])
    places = _places(train)
    counts = np.zeros((int(places.max()) + 1, end + 1), np.int64)
    np.add.at(counts, (places, train.tokens), 1)
    answers = counts.argmax(1)
    scores = {}
    for name, pairs in splits.items():
        if name != "train":
            targets = pairs.targets
            known = np.append(answers, end)[np.minimum(_places(targets), len(answers))]
            right = targets.tokens == known
            whole = np.logical_and.reduceat(right, targets.offsets[:-1])
            scores[name] = {"accuracy": float(right.mean()), "exact_match": float(whole.mean())}
    return scores


def _places(rows: Ragged) -> Ints:
    """Of each token its place in its sequence."""
    return np.arange(len(rows.tokens)) - np.repeat(rows.offsets[:-1], rows.lengths)

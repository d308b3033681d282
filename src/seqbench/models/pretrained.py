"""What an embedding takes from a file of word vectors: which tokens, and how many of all."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqbench.errors import UserError, short
from seqbench.models.vectors import KEY, Floats, read

MARKS = {"<unk>": ("unk",), "<s>": (), "<eos>": ("</s>",)}
"""Tokens that are no words, and what else files call them."""


class Vectors(NamedTuple):
    """ids: ``(N,)`` of the tokens found, ascending. values: ``(N, E)``."""

    ids: npt.NDArray[np.int64]
    values: Floats

    @property
    def scale(self) -> float:
        """Root of the mean square of all numbers; 1 where all are 0."""
        return float(np.sqrt(np.square(self.values, dtype=np.float64).mean())) or 1.0

    @property
    def digest(self) -> str:
        content = hashlib.sha256(self.ids.tobytes())
        content.update(self.values.tobytes())
        return content.hexdigest()


@dataclass(frozen=True)
class Pretrained:
    """What an embedding took from a file.

    path: as the user gave it. size: E. found: words of the vocabulary that have a vector there,
    ``by_lower_case`` of them by their lower case alone. vocabulary: its words, padding and other
    marks aside. ids: ``(found,)`` of the words found. digest: of all that was taken, marks among
    it, for the identity of the run.
    """

    path: str
    size: int
    found: int
    by_lower_case: int
    vocabulary: int
    ids: npt.NDArray[np.int64]
    digest: str

    def facts(self, counts: npt.NDArray[np.int64] | None) -> dict[str, Any]:
        """Plain values to be kept; ``counts (V,)``: how often train has each token, if known."""
        kept = {key: value for key, value in asdict(self).items() if key not in ("ids", "digest")}
        return kept | {"train_share": self._share(counts)}

    def note(self, counts: npt.NDArray[np.int64] | None) -> str:
        """A line for the log."""
        share = self._share(counts)
        told = f"{self.path}: {self.found} of {self.vocabulary} words of the vocabulary "
        told += f"({self.found / self.vocabulary:.1%})"
        if share is not None:
            told += f", {share:.1%} of the training tokens"
        return told + f"; {self.by_lower_case} by their lower case" * bool(self.by_lower_case)

    def _share(self, counts: npt.NDArray[np.int64] | None) -> float | None:
        return None if counts is None else float(counts[self.ids].sum() / counts.sum())


def find(path: str, size: int, tokens: Mapping[int, str]) -> tuple[Vectors, Pretrained]:
    """The vectors of ``size`` numbers that a file has for tokens, by id, and how many those are.

    A token is looked up as it is, then by its lower case. Raises UserError where the file cannot
    be read, holds something else or vectors of another size, or none for these words.
    """
    names = {token: _names(token) for token in tokens.values()}
    there = read(path, size, {name.encode() for them in names.values() for name in them})
    taken = {
        i: (token, name.encode())
        for i, token in sorted(tokens.items())
        if (name := next((name for name in names[token] if name.encode() in there), None))
    }
    words = {i: found for i, found in taken.items() if found[0] not in MARKS}
    total = sum(token not in MARKS for token in tokens.values())
    if not words:
        some = ", ".join(repr(token) for token in names if token not in MARKS)
        raise UserError(
            f"{KEY}={path}: it has none of the {total} words of the vocabulary ({short(some, 60)}):"
            " is it of another language, in another encoding than UTF-8, or are the task's tokens "
            "no words (task.level)?"
        )
    vectors = Vectors(
        np.array([*taken], np.int64),
        np.stack([there[name] for _, name in taken.values()]),
    )
    lower = sum(token.encode() != name for token, name in words.values())
    ids = np.array([*words], np.int64)
    return vectors, Pretrained(path, size, len(words), lower, total, ids, vectors.digest)


def _names(token: str) -> list[str]:
    """What a token may be called in a file, the best name first."""
    return list(dict.fromkeys([token, *MARKS.get(token, (token.lower(),))]))

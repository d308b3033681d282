"""Digits reversed: the smallest task for an encoder and a decoder."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import PositiveInt

from seqbench.datamodules.base import TaskData
from seqbench.datamodules.modular_sum import DIGITS, SUMS, TEST_SUMS, draw_digits
from seqbench.datamodules.pairs import END, Ints, Pairs, commonest, fingerprint
from seqbench.datamodules.raw import encode_tokens
from seqbench.datamodules.texts.lines import filled_lines
from seqbench.errors import UserError
from seqbench.spec import TaskSpec


class Reverse(TaskData):
    """Digits in, the same digits from the last to the first out: ``3 1 4 -> 4 1 3``.

    All of the sequence has to stand in the state that the encoder leaves behind.

    Splits have no sequence in common: the sum of a sequence's digits modulo 10 is 0 to 7 in
    train, 8 in val and 9 in the tests. The last digit is chosen so; the others are independent
    and uniform.

    min_length, max_length: of the sequences of train, val and ``test``, the same number of each
    length.
    train_size, val_size, test_size: sequences in all.
    long_length: of split ``test_length_N``, ``test_size`` sequences too.
    """

    splits: dict[str, Pairs]

    def __init__(
        self,
        *,
        min_length: PositiveInt = 2,
        max_length: PositiveInt = 10,
        long_length: PositiveInt = 15,
        train_size: PositiveInt = 50000,
        val_size: PositiveInt = 1000,
        test_size: PositiveInt = 2000,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        if min_length > max_length:
            raise UserError(
                f"task.min_length={min_length} is more than task.max_length={max_length}"
            )
        lengths = range(min_length, max_length + 1)
        sizes = {"train": train_size, "val": val_size, "test": test_size}
        self.sizes = {split: _shared(size, lengths) for split, size in sizes.items()}
        self.sizes[f"test_length_{long_length}"] = {long_length: test_size}

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "spec"):
            return
        self.splits = {split: self._draw(split) for split in self.sizes}
        self.fingerprint = fingerprint(self.splits)
        lengths = {length for sizes in self.sizes.values() for length in sizes}
        self.spec = TaskSpec(
            kind="transduce",
            input_size=DIGITS + 1,
            output_size=DIGITS + 1,
            padding_id=DIGITS,
            metric="exact_match",
            labels=(*map(str, range(DIGITS)), END),
            encoding={"longest_output": max(lengths) + 1},
            start_id=DIGITS + 1,
            end_id=DIGITS,
            length_bounds=tuple(sorted(lengths)),
            synthetic=True,
        )
        self.baselines = {"commonest": commonest(self.splits)}

    def _draw(self, split: str) -> Pairs:
        random = np.random.default_rng([self.data_seed, list(self.sizes).index(split)])
        sums = SUMS.get(split, TEST_SUMS)
        return _reversed(
            row
            for length, size in self.sizes[split].items()
            for row in draw_digits(random, size, length, sums)
        )

    def from_file(self, path: str, spec: TaskSpec) -> Pairs:
        """Lines of digits with spaces between."""
        digits = encode_tokens(spec, filled_lines(Path(path).expanduser(), "digits"))
        return _reversed(np.split(digits.tokens, digits.offsets[1:-1]))


def _reversed(rows: Iterable[Ints]) -> Pairs:
    rows = list(rows)
    return Pairs(rows, (row[::-1] for row in rows), padding_id=DIGITS, end_id=DIGITS)


def _shared(size: int, lengths: range) -> dict[int, int]:
    """Sequences of each length, together ``size``; the first lengths have one more."""
    each, more = divmod(size, len(lengths))
    return {length: each + (i < more) for i, length in enumerate(lengths) if each or i < more}

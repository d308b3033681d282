"""The modular sum: add the first digit to every digit."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt

from seqbench.datamodules.base import TaskData
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.raw import encode_tokens
from seqbench.datamodules.texts.lines import filled_lines
from seqbench.spec import TaskSpec

DIGITS = 10
SUMS = {"train": (0, 8), "val": (8, 9)}
"""A split's digit sums modulo 10, from and below; those of every test are ``TEST_SUMS``."""
TEST_SUMS = (9, 10)


class ModularSum(TaskData):
    """Digits in, digits out: ``y_0 = x_0``, ``y_t = (x_t + x_0) mod 10``.

    ``3 1 4 1 5 9 -> 3 4 7 4 8 2``

    The network has to carry the first digit unchanged to the last step, and to add modulo 10.

    Splits have no sequence in common: the sum of a sequence's digits modulo 10 is 0 to 7 in
    train, 8 in val and 9 in the tests. The last digit is chosen so; all digits but one of a
    sequence are independent and uniform.

    train_lengths: lengths of the training and validation sequences, the same number of each.
    train_size, val_size: sequences of each of these lengths.
    test_length, test_size: of split ``test``.
    long_length: of split ``test_length_N``, ``test_size`` sequences too.
    """

    def __init__(
        self,
        *,
        train_lengths: Annotated[Sequence[PositiveInt], Field(min_length=1)] = (25, 75, 125),
        train_size: PositiveInt = 5000,
        val_size: PositiveInt = 500,
        test_length: PositiveInt = 100,
        long_length: PositiveInt = 1000,
        test_size: PositiveInt = 1000,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.sizes = {
            "train": dict.fromkeys(train_lengths, train_size),
            "val": dict.fromkeys(train_lengths, val_size),
            "test": {test_length: test_size},
            f"test_length_{long_length}": {long_length: test_size},
        }

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "spec"):
            return
        self.splits = {split: self._draw(split) for split in self.sizes}
        lengths = {length for sizes in self.sizes.values() for length in sizes}
        self.spec = TaskSpec(
            kind="tag",
            input_size=DIGITS + 1,
            output_size=DIGITS,
            padding_id=DIGITS,
            labels=tuple(str(digit) for digit in range(DIGITS)),
            length_bounds=tuple(sorted(lengths)),
            synthetic=True,
        )
        content = hashlib.sha256()
        for name, data in self.splits.items():
            content.update(name.encode() + data.tokens.tobytes() + data.offsets.tobytes())
        self.fingerprint = content.hexdigest()
        digit = int(np.bincount(self.splits["train"].targets).argmax())
        self.facts = {"majority": str(digit)}
        self.baselines = {"majority": self._majority(digit)}

    def _draw(self, split: str) -> Ragged:
        random = np.random.default_rng([self.data_seed, list(self.sizes).index(split)])
        sums = SUMS.get(split, TEST_SUMS)
        rows: list[npt.NDArray[np.uint8]] = []
        for length, size in self.sizes[split].items():
            rows += list(draw_digits(random, size, length, sums))
        tokens = np.concatenate(rows)
        offsets = np.cumsum([0, *map(len, rows)])
        return _answered(tokens, offsets)

    def from_file(self, path: str, spec: TaskSpec) -> Ragged:
        """Lines of digits with spaces between; the sums are what they are."""
        digits = encode_tokens(spec, filled_lines(Path(path).expanduser(), "digits"))
        return _answered(digits.tokens, digits.offsets)

    def _majority(self, digit: int) -> dict[str, dict[str, float]]:
        """The scores of one digit at every step."""
        result = {}
        for name, data in self.splits.items():
            if name != "train":
                right = data.targets == digit
                whole = np.logical_and.reduceat(right, data.offsets[:-1])
                result[name] = {
                    "accuracy": float(right.mean()),
                    "sequence_accuracy": float(whole.mean()),
                }
        return result


def draw_digits(
    random: np.random.Generator, size: int, length: int, sums: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """``(size, length)`` digits, uniform but for the last, which makes a row's sum modulo 10.

    sums: the least of these sums, and the first that is too large.
    """
    digits = random.integers(0, DIGITS, (size, length), dtype=np.uint8)
    wanted = random.integers(*sums, size)
    digits[:, -1] = (wanted - digits[:, :-1].sum(1, dtype=np.int64)) % DIGITS
    return digits


def _answered(tokens: npt.NDArray[np.integer], offsets: npt.NDArray[np.int64]) -> Ragged:
    """The sequences of digits with their modular sums."""
    starts, lengths = offsets[:-1], np.diff(offsets)
    targets = (tokens + np.repeat(tokens[starts], lengths)) % DIGITS
    targets[starts] = tokens[starts]
    return Ragged(tokens, offsets, targets, padding_id=DIGITS, per_step=True)

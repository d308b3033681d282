"""What a running text is cut into, numbered as it comes and kept in files."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.cutting import Ints, interning_table
from seqbench.datamodules.texts.tokens import END, Level, Tokens
from seqbench.errors import UserError

CHUNK = 1 << 20
"""Pieces mapped to ids at a time."""

LONGEST = 1 << 20
"""Characters that a word may have."""

Numbers = npt.NDArray[np.integer]
Piece = np.dtype(np.int32)


@dataclass(frozen=True)
class TextSettings:
    """What decides how a text is encoded; see ``LanguageModel``."""

    level: Level
    lowercase: bool
    end_of_line: bool
    vocabulary_size: int | None
    min_count: int
    val_fraction: float
    test_fraction: float

    def splitting(self) -> dict[str, Any]:
        """How a text is cut into tokens."""
        names = ("level", "lowercase", "end_of_line")
        return {name: asdict(self)[name] for name in names}

    def deciding(self) -> dict[str, Any]:
        """What decides, beside the text, which part of it is learnt from."""
        return {name: asdict(self)[name] for name in ("val_fraction", "test_fraction")}


@dataclass(frozen=True)
class Part:
    """The pieces from ``start`` to ``end`` of a file."""

    file: Path
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def chunks(self) -> Iterator[Numbers]:
        """Read, not mapped: what is mapped counts as the process's memory."""
        for i in range(self.start, self.end, CHUNK):
            count = min(CHUNK, self.end - i)
            yield np.fromfile(self.file, Piece, count, offset=i * Piece.itemsize)

    def counts(self, size: int) -> Ints:
        """``(size,)`` how often each piece occurs."""
        counts = np.zeros(size, np.int64)
        for numbers in self.chunks():
            counts += np.bincount(numbers, minlength=size)
        return counts


class Pieces:
    """Numbers what a text is cut into: characters, by their code point, or its words as they come.

    A word at level ``word`` may be several tokens; a piece is cut into them once.
    """

    def __init__(self, settings: TextSettings) -> None:
        self.level, self.lowercase = settings.level, settings.lowercase
        self.end_of_line = settings.end_of_line
        self.tokens = Tokens((), **settings.splitting())
        self.table = interning_table()

    def numbers(self, text: Iterator[str], where: str) -> Iterator[Numbers]:
        """The pieces of each block of a text; ``where`` is what to call it in a message."""
        piece: Callable[[str], int] = self.table.__getitem__
        for block in self._whole_words(text, where):
            block = block.lower() if self.lowercase else block
            if self.level == "char":
                yield np.frombuffer(block.encode("utf-32-le"), np.uint32)
                continue
            words = (block.replace("\n", f" {END}\n") if self.end_of_line else block).split()
            yield np.fromiter(map(piece, words), np.int32, len(words))

    def _whole_words(self, text: Iterator[str], where: str) -> Iterator[str]:
        """The same text in blocks that end at white space; how a letter is lower-cased depends on
        the word, too."""
        rest = ""
        for block in text:
            block = rest + block
            rest = "" if block[-1:].isspace() else "".join(block.rsplit(None, 1)[-1:])
            if len(rest) > LONGEST:
                if self.level != "char":
                    raise UserError(
                        f"{where}: no white space within {LONGEST} characters; set task.level=char"
                    )
                rest = ""
            yield block[: len(block) - len(rest)]

    def flat(self) -> tuple[list[str], Ints, Ints]:
        """All tokens, those of each piece end to end, and how many each piece has.

        Of characters those up to the largest code point; so a piece's number is its place.
        """
        if self.level == "char":
            return [], np.arange(0x110000), np.ones(0x110000, np.int64)
        table = interning_table()
        flat: list[int] = []
        widths: list[int] = []
        for word in self.table:
            cut = self.tokens.split(word)
            flat.extend(map(table.__getitem__, cut))
            widths.append(len(cut))
        return list(table), np.array(flat, np.int64), np.array(widths, np.int64)

    def characters(self) -> Ints:
        """``(P,)`` of each piece, with one of the white space behind a word; 0 of an end mark."""
        if self.level == "char":
            return np.ones(0x110000, np.int64)
        mark = END if self.end_of_line else None
        return np.array([0 if word == mark else len(word) + 1 for word in self.table], np.int64)

"""Many texts cut into numbered pieces at once: no word of them becomes a string of Python."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.encoder import TextSplitter

CHUNK = 1 << 23
"""Characters of texts that are cut at a time: each of their words is looked up once."""

BLOCK = 1 << 16
"""Pieces that are cut into tokens at a time."""

ASCII_TOKENS = re.compile(r"\n|\w+|[^\w\s]+", re.ASCII)
"""Of words with a line's end behind each."""
END = "\n"

BLANKS = " \t\n\v\f\r"

Ints = npt.NDArray[np.int64]


def interning_table() -> defaultdict[Any, int]:
    """A table that numbers its keys in the order in which they are first asked for."""
    table: defaultdict[Any, int] = defaultdict()
    table.default_factory = table.__len__
    return table


def chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts in lists of about ``CHUNK`` characters."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text) + 1
        if characters >= CHUNK:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def spans(starts: Ints, lengths: Ints) -> Ints:
    """The positions ``start, ..., start + length - 1`` of each span, end to end."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1])


def cut(
    texts: Sequence[str], splitter: TextSplitter, table: defaultdict[str, int]
) -> tuple[Ints, npt.NDArray[np.int32]]:
    """``(N,)`` how many pieces each text has, and the numbers of all of them end to end.

    They are what ``splitter.pieces`` gives; ``table`` numbers them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if splitter.level == "char":
        letters = list(map(splitter.pieces, texts))
        lengths = np.fromiter(map(len, letters), np.int64, len(letters))
        pieces = pa.array(chain.from_iterable(letters), pa.large_string())
    else:
        words = splitter.level == "word"
        blanks = None if words else BLANKS
        stripped = pa.array([splitter.cleaned(t).strip(blanks) for t in texts], pa.large_string())
        # Arrow knows the white space of Unicode as Python does.
        lists = (pc.utf8_split_whitespace if words else pc.ascii_split_whitespace)(stripped)
        lengths, pieces = np.diff(lists.offsets).astype(np.int64), lists.flatten()
    encoded = pieces.dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    numbers = np.fromiter(map(table.__getitem__, distinct), np.int32, len(distinct))
    return lengths, numbers[encoded.indices]


def cut_pieces(pieces: Sequence[str], splitter: TextSplitter) -> tuple[list[str], Ints, Ints]:
    """All tokens; the numbers of each piece's tokens, end to end; ``(P,)`` how many a piece has.

    They are what ``splitter.tokens`` gives.
    """
    table = interning_table()
    blocks = (pieces[i : i + BLOCK] for i in range(0, len(pieces), BLOCK))
    parts = [_cut_block(block, splitter, table) for block in blocks]
    numbers, widths = map(np.concatenate, zip(*parts, strict=True))
    return list(table), numbers, widths


def _cut_block(
    pieces: Sequence[str], splitter: TextSplitter, table: defaultdict[str, int]
) -> tuple[Ints, Ints]:
    number: Callable[[str], int] = table.__getitem__
    # Asking about each piece takes longer than to find the tokens of all that are ASCII at once.
    words = splitter.level == "word"
    easy = [i for i, piece in enumerate(pieces) if words and piece and piece.isascii()]
    found = ASCII_TOKENS.findall("\n".join([*(pieces[i] for i in easy), ""]))
    numbers = np.fromiter(map(number, found), np.int64, len(found))
    ends = np.flatnonzero(numbers == number(END))
    hard = sorted({*range(len(pieces))}.difference(easy))
    tokens = [splitter.tokens(pieces[i]) for i in hard]
    more = np.fromiter(map(number, chain.from_iterable(tokens)), np.int64)
    order = np.array(easy + hard)
    widths = np.empty(len(pieces), np.int64)
    starts = np.empty_like(widths)
    widths[order] = np.concatenate([np.diff(ends, prepend=-1) - 1, [len(each) for each in tokens]])
    starts[order] = np.cumsum(widths[order]) - widths[order]
    return np.concatenate([np.delete(numbers, ends), more])[spans(starts, widths)], widths

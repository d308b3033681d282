"""Many texts cut into numbered pieces at once: no word of them becomes a string of Python."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.encoder import TextSplitter

CHUNK = 1 << 23
"""Characters of texts that are cut at a time: each of their words is looked up once."""

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

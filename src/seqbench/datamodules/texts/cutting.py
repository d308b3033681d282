"""Many texts cut into numbered pieces at once: no word of them becomes a string of Python."""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, compress
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.encoder import TextSplitter

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK, LETTERS = 1 << 24, 1 << 21
"""Characters of texts that are cut at a time, into words and into letters: each of these is looked
up once."""

BLOCK = 1 << 16
"""Pieces that are cut into tokens at a time."""

ASCII_TOKENS = re.compile(r"\n|\w+|[^\w\s]+", re.ASCII)
"""Of words with a line's end behind each."""
END = "\n"

BLANKS = " \t\n\v\f\r"

Ints = npt.NDArray[np.int64]
Cut = tuple[Ints, "pa.DictionaryArray"]


def interning_table() -> defaultdict[Any, int]:
    """A table that numbers its keys in the order in which they are first asked for."""
    table: defaultdict[Any, int] = defaultdict()
    table.default_factory = table.__len__
    return table


def _chunks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """The texts in lists of about ``size`` characters."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text) + 1
        if characters >= size:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def spans(starts: Ints, lengths: Ints) -> Ints:
    """The positions ``start, ..., start + length - 1`` of each span, end to end."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1])


def cut(
    texts: Iterable[str], splitter: TextSplitter, table: defaultdict[str, int]
) -> Iterator[tuple[Ints, npt.NDArray[np.int32]]]:
    """Of N texts at a time: ``(N,)`` pieces of each, and the numbers of all of them end to end.

    They are what ``splitter.pieces`` gives; ``table`` numbers them. While some texts are numbered
    and the next are read, another thread cuts: that is no work of Python's.
    """
    if splitter.level == "char":
        for chunk in _chunks(texts, LETTERS):
            yield _letters([splitter.cleaned(text).strip() for text in chunk], table)
        return
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[Cut]] = deque()
        for chunk in _chunks(texts, CHUNK):
            words = splitter.level == "word"
            blanks = None if words else BLANKS
            bare = [splitter.cleaned(text).strip(blanks) for text in chunk]
            waiting.append(pool.submit(_words, bare, words))
            if len(waiting) > 1:
                yield _numbered(waiting.popleft().result(), table)
        for last in waiting:
            yield _numbered(last.result(), table)


def _letters(
    texts: Sequence[str], table: defaultdict[str, int]
) -> tuple[Ints, npt.NDArray[np.int32]]:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if not lengths.all():  # an empty text is one empty piece
        pieces = chain.from_iterable(text or [""] for text in texts)
        numbers = np.fromiter(map(table.__getitem__, pieces), np.int32)
        return np.maximum(lengths, 1), numbers
    joined = "".join(texts)
    distinct = dict.fromkeys(joined)
    by_letter = np.zeros(max(map(ord, distinct)) + 1, np.int32)
    by_letter[[*map(ord, distinct)]] = [*map(table.__getitem__, distinct)]
    return lengths, by_letter[np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)]


def _words(texts: Sequence[str], unicode: bool) -> Cut:
    """unicode: the white space is Unicode's, which Arrow knows as Python does; else ASCII's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    split = pc.utf8_split_whitespace if unicode else pc.ascii_split_whitespace
    lists = split(pa.array(texts, pa.large_string()))
    return np.diff(lists.offsets).astype(np.int64), lists.values.dictionary_encode()


def _numbered(cut: Cut, table: defaultdict[str, int]) -> tuple[Ints, npt.NDArray[np.int32]]:
    lengths, encoded = cut
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
    is_easy = [splitter.level == "word" and piece != "" and piece.isascii() for piece in pieces]
    found = ASCII_TOKENS.findall("\n".join([*compress(pieces, is_easy), ""]))
    numbers = np.fromiter(map(number, found), np.int64, len(found))
    ends = np.flatnonzero(numbers == number(END))
    easy, hard = np.flatnonzero(is_easy), np.flatnonzero(np.logical_not(is_easy))
    tokens = [splitter.tokens(pieces[i]) for i in hard.tolist()]
    more = np.fromiter(map(number, chain.from_iterable(tokens)), np.int64)
    order = np.concatenate([easy, hard])
    widths = np.empty(len(pieces), np.int64)
    starts = np.empty_like(widths)
    widths[order] = np.concatenate([np.diff(ends, prepend=-1) - 1, [len(each) for each in tokens]])
    starts[order] = np.cumsum(widths[order]) - widths[order]
    return np.concatenate([np.delete(numbers, ends), more])[spans(starts, widths)], widths

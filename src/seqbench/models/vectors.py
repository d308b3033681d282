"""Word vectors from a text file, as GloVe, word2vec and fastText write them; read as a stream.

cat 0.12 -0.7 0.3          a line a word; before them word2vec and fastText (.vec) have a line
dog 0.08 -0.6 0.4          ``COUNT SIZE``; the whole may be packed by gzip
"""

import gzip
import io
import math
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqbench.errors import UserError, place, short

Floats = npt.NDArray[np.float32]

KEY = "model.embedding.path"
LONGEST = 1 << 20
"""Bytes of a line; a file without line ends is not held in memory."""

HEADER = re.compile(rb"(\d{1,18}) (\d{1,9})[ \r]*(?:\n|$)")
DECIMAL = re.compile(rb"[-+]?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)
BYTE_ORDER_MARK, GZIP, ZIP = b"\xef\xbb\xbf", b"\x1f\x8b", b"PK\x03\x04"


def read(path: str, size: int, wanted: Collection[bytes]) -> dict[bytes, Floats]:
    """The vector of each wanted word that the file has; of a word that it has twice the first.

    The numbers of other words are counted, not read: memory does not grow with the file. Words
    are compared as UTF-8; bytes that are none match no word. Raises UserError where the file
    cannot be read, holds something else, or vectors of another size.
    """
    file = place(path)
    if not file.exists():
        raise UserError(f"{KEY}={path}: no such file")
    if file.is_dir():
        raise UserError(f"{KEY}={path}: a folder; give the file of vectors in it")
    try:
        with _opened(file) as opened:
            _check_text(opened.peek(), path)
            return _read(opened, path, size, wanted)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path}: damaged, or only a part of it ({error}); fetch it anew"
        ) from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


@contextmanager
def _opened(file: Path) -> Iterator["io.BufferedReader[Any]"]:
    with file.open("rb") as opened:
        if opened.peek(2)[:2] == GZIP:
            with gzip.GzipFile(fileobj=opened) as unpacked, io.BufferedReader(unpacked) as lines:
                yield lines
        else:
            yield opened


def _check_text(start: bytes, path: str) -> None:
    if not start:
        raise UserError(f"{path}: empty; give a file of vectors")
    if start.startswith(ZIP):
        raise UserError(f"{path}: a zip archive; unpack it and give one file of it")
    if b"\0" in start:
        what = "binary word2vec" if HEADER.match(start) else "binary, or no UTF-8"
        raise UserError(
            f"{path}: {what}; give the vectors as text, a word and its numbers a line "
            "(.vec of fastText; gensim's save_word2vec_format writes it)"
        )


def _read(
    opened: "io.BufferedReader[Any]", path: str, size: int, wanted: Collection[bytes]
) -> dict[bytes, Floats]:
    taken: dict[bytes, Floats] = {}
    announced, rows = 0, 0
    for number, line in enumerate(iter(lambda: opened.readline(LONGEST), b""), start=1):
        if len(line) == LONGEST:
            raise UserError(f"{path}: line {number} has no end: this is no text of vectors")
        line = line.rstrip()
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
            if header := HEADER.fullmatch(line):
                announced = int(header[1])
                _check_size(path, size, int(header[2]))
                continue
            _check_size(path, size, _numbers(line, path))
        if line.count(b" ") == size:
            word = line[: line.index(b" ")]
        elif line:
            word = _with_spaces(line, size, f"{path}: line {number}")
        else:
            continue
        rows += 1
        if word in wanted and word not in taken:
            taken[word] = _vector(line.rsplit(b" ", size)[1:], word, f"{path}: line {number}")
    if rows < announced:
        raise UserError(
            f"{path}: its first line says {announced} vectors, but there are {rows}: only a part "
            "of it? fetch it anew, or mend that line"
        )
    return taken


def _numbers(line: bytes, path: str) -> int:
    """How many numbers stand behind the word of the first line."""
    fields = line.split(b" ")[1:]
    count = next((i for i, f in enumerate(reversed(fields)) if _number(f) is None), len(fields))
    if not count:
        raise UserError(
            f"{path}: line 1 should be a word and its numbers with spaces between, not "
            f"{short(line.decode(errors='replace'), 60)!r}"
        )
    return count


def _check_size(path: str, size: int, there: int) -> None:
    if there != size:
        raise UserError(
            f"{path}: its vectors have {there} numbers, but model.embedding.size is {size}; set "
            f"model.embedding.size={there}"
        )


def _with_spaces(line: bytes, size: int, where: str) -> bytes:
    """The word of a line with another number of spaces: GloVe's of 840B hold some (``. . .``)."""
    word, *rest = line.rsplit(b" ", size)
    if len(rest) < size:
        raise UserError(f"{where}: {len(rest)} numbers behind its word, where others have {size}")
    if DECIMAL.fullmatch(word.rpartition(b" ")[2]):
        raise UserError(f"{where}: more than the {size} numbers that others have")
    return word


def _vector(fields: list[bytes], word: bytes, where: str) -> Floats:
    numbers = [_number(field) for field in fields]
    with np.errstate(over="ignore"):
        vector = np.array([math.nan if n is None else n for n in numbers]).astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(vector))
    if len(wrong):
        field = short(fields[wrong[0]].decode(errors="replace"), 40)
        raise UserError(f"{where}: {field!r}, in the vector of {word.decode()!r}, is no number")
    return vector


def _number(field: bytes) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None

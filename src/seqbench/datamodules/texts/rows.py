"""Rows of a split, read in chunks: texts as interned pieces, labels, and what was left out."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqbench.datamodules import arrays
from seqbench.datamodules.texts.cutting import Ints, cut, interning_table
from seqbench.datamodules.texts.encoder import TextSplitter
from seqbench.datamodules.texts.tables import Table
from seqbench.errors import UserError


@dataclass
class Rows:
    """N rows of a split that have a text and a label.

    pieces: ``(S,)`` ids of the texts' pieces end to end, mapped from a file.
    lengths: ``(N,)`` pieces of each text.
    keys: ``(N,)`` hashes of the texts' pieces, equal where two texts differ in nothing kept.
    mended: ``(N,)`` words whose look-alike letters were mended.
    labels: ``(N,)`` indices into ``label_values``, the labels as they were read.
    first_rows: the row, counted from 1, where each label value is first met.
    class_names: by index, where the data themselves name the classes.
    read, dropped: rows there were, and rows left out for an empty text or label.
    dropped_classes: rows left out for their label, by its name.
    """

    pieces: npt.NDArray[np.int32]
    lengths: Ints
    keys: Ints
    mended: Ints
    labels: Ints
    label_values: list[str | int]
    first_rows: list[int]
    class_names: list[str] | None
    read: int
    dropped: int
    dropped_classes: dict[str, int]

    def __post_init__(self) -> None:
        self.starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)


def read_rows(
    data: Table,
    where: str,
    columns: Sequence[str],
    splitter: TextSplitter,
    table: defaultdict[str, int],
    file: Path,
    drop: Sequence[str] = (),
) -> Rows:
    """Reads a split; ``table`` numbers the pieces of all splits, ``file`` receives the numbers.

    Rows whose label is named in ``drop`` are left out. Raises ``UserError`` where a column is of a
    wrong type or no row is left.
    """
    check_types(data, where, columns)
    class_names = data.class_names(columns[1])
    labels = interning_table()
    first_rows: list[int] = []
    codes, mended = array("q"), array("q")
    parts: list[tuple[Ints, ...]] = []
    dropped_classes: Counter[str] = Counter()
    row = dropped = 0

    def kept() -> Iterator[str]:
        """The texts of the rows that have a text and a label."""
        nonlocal row, dropped
        for batch in data.batches(columns):
            for text, value in zip(*(batch[name].to_pylist() for name in columns), strict=True):
                row += 1
                if _empty(text) or _empty(value):
                    dropped += 1
                elif drop and (name := _name(value, class_names)) in drop:
                    dropped_classes[name] += 1
                else:
                    codes.append(labels[value])
                    if len(first_rows) < len(labels):
                        first_rows.append(row)
                    mended.append(splitter.mended(text))
                    yield text

    with file.open("wb") as out:
        for lengths, numbers in cut(kept(), splitter, table):
            arrays.write(out, numbers)
            parts.append((lengths, _keys(lengths, numbers)))
    if not parts:
        raise UserError(f"{where}: no row with a text and a label")
    lengths, keys = map(np.concatenate, zip(*parts, strict=True))
    return Rows(
        np.memmap(file, np.int32, mode="r"),
        lengths,
        keys,
        np.array(mended),
        np.array(codes),
        label_values=list(labels),
        first_rows=first_rows,
        class_names=class_names,
        read=row,
        dropped=dropped,
        dropped_classes={name: dropped_classes[name] for name in drop},
    )


def _keys(lengths: Ints, numbers: npt.NDArray[np.int32]) -> Ints:
    content, width = numbers.tobytes(), numbers.itemsize
    ends = [0, *(width * np.cumsum(lengths)).tolist()]
    return np.fromiter((hash(content[i:j]) for i, j in pairwise(ends)), np.int64, len(lengths))


def check_types(data: Table, where: str, columns: Sequence[str]) -> None:
    """Raises ``UserError`` unless texts are strings and labels are strings or integers."""
    import pyarrow as pa

    for name, integers in zip(columns, (False, True), strict=True):
        kind = data.schema.field(name).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if not (text or (integers and pa.types.is_integer(kind))):
            wanted = "strings or integers" if integers else "strings"
            raise UserError(f"{where}: the column {name!r} holds {kind}, where {wanted} are needed")


def _name(value: str | int, class_names: Sequence[str] | None) -> str:
    if class_names and isinstance(value, int) and 0 <= value < len(class_names):
        return class_names[value]
    return str(value)


def _empty(value: str | int | None) -> bool:
    return value is None or (isinstance(value, str) and (not value or value.isspace()))

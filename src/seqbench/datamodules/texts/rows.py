"""Rows of a split, read in chunks: texts as interned pieces, labels, and what was left out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules import arrays
from seqbench.datamodules.texts.encoder import TextSplitter
from seqbench.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

CHUNK = 1_000
"""Rows held as Python strings at a time."""

Ints = npt.NDArray[np.int64]


@dataclass
class Rows:
    """N rows of a split that have a text and a label.

    pieces: ``(S,)`` ids of the texts' pieces end to end, mapped from a file.
    lengths: ``(N,)`` pieces of each text.
    keys: ``(N,)`` hashes of the texts as a model sees them.
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


def interning_table() -> defaultdict[Any, int]:
    """A table that numbers its keys in the order in which they are first asked for."""
    table: defaultdict[Any, int] = defaultdict()
    table.default_factory = table.__len__
    return table


def read_rows(
    data: "Dataset",
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
    chunks = data.select_columns(list(columns)).with_format("arrow").iter(batch_size=CHUNK)
    piece_id: Callable[[str], int] = table.__getitem__
    class_names = _class_names(data, columns[1])
    labels = interning_table()
    first_rows: list[int] = []
    parts: list[tuple[Ints, ...]] = []
    dropped_classes: Counter[str] = Counter()
    row = dropped = 0
    with file.open("wb") as out:
        for chunk in chunks:
            texts: list[str] = []
            codes: list[int] = []
            for text, value in zip(*(chunk[name].to_pylist() for name in columns), strict=True):
                row += 1
                if _empty(text) or _empty(value):
                    dropped += 1
                elif drop and (name := _name(value, class_names)) in drop:
                    dropped_classes[name] += 1
                else:
                    texts.append(text)
                    codes.append(labels[value])
                    if len(first_rows) < len(labels):
                        first_rows.append(row)
            pieces = list(map(splitter.pieces, texts))
            numbers = np.fromiter(map(piece_id, chain.from_iterable(pieces)), np.int32)
            arrays.write(out, numbers)
            columns_of_chunk: tuple[Iterable[int], ...] = (
                map(len, pieces),
                map(hash, map(splitter.joined, pieces)),
                map(splitter.mended, texts),
                codes,
            )
            parts.append(tuple(np.fromiter(each, np.int64) for each in columns_of_chunk))
    if not sum(len(part[0]) for part in parts):
        raise UserError(f"{where}: no row with a text and a label")
    lengths, keys, mended, codes_ = map(np.concatenate, zip(*parts, strict=True))
    return Rows(
        np.memmap(file, np.int32, mode="r"),
        lengths,
        keys,
        mended,
        codes_,
        label_values=list(labels),
        first_rows=first_rows,
        class_names=class_names,
        read=row,
        dropped=dropped,
        dropped_classes={name: dropped_classes[name] for name in drop},
    )


def check_types(data: "Dataset", where: str, columns: Sequence[str]) -> None:
    """Raises ``UserError`` unless texts are strings and labels are strings or integers."""
    import pyarrow as pa

    schema = data.features.arrow_schema
    for name, integers in zip(columns, (False, True), strict=True):
        kind = schema.field(name).type
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if not (text or (integers and pa.types.is_integer(kind))):
            wanted = "strings or integers" if integers else "strings"
            raise UserError(f"{where}: the column {name!r} holds {kind}, where {wanted} are needed")


def _class_names(data: "Dataset", column: str) -> list[str] | None:
    from datasets import ClassLabel

    feature = data.features[column]
    return list(feature.names) if isinstance(feature, ClassLabel) else None


def _name(value: str | int, class_names: Sequence[str] | None) -> str:
    if class_names and isinstance(value, int) and 0 <= value < len(class_names):
        return class_names[value]
    return str(value)


def _empty(value: str | int | None) -> bool:
    return value is None or (isinstance(value, str) and (not value or value.isspace()))

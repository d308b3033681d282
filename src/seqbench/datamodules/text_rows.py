"""Rows of a split, read in chunks: texts as interned pieces, labels, and what was left out."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.text import TextSplitter
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
    hashes: ``(N,)`` of the texts as they were read.
    labels: ``(N,)`` indices into ``label_values``, the labels as they were read.
    first_rows: the row, counted from 1, where each label value is first met.
    class_names: by index, where the data themselves name the classes.
    read, dropped: rows there were, and rows left out for an empty text or label.
    """

    pieces: npt.NDArray[np.int32]
    lengths: Ints
    hashes: Ints
    labels: Ints
    label_values: list[str | int]
    first_rows: list[int]
    class_names: list[str] | None
    read: int
    dropped: int

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
) -> Rows:
    """Reads a split; ``table`` numbers the pieces of all splits, ``file`` receives the numbers.

    Raises ``UserError`` where a column is of a wrong type or no row is left.
    """
    check_types(data, where, columns)
    chunks = data.select_columns(list(columns)).with_format("arrow").iter(batch_size=CHUNK)
    piece_id: Callable[[str], int] = table.__getitem__
    labels = interning_table()
    first_rows: list[int] = []
    parts: list[tuple[Ints, Ints, Ints]] = []
    row = 0
    with file.open("wb") as out:
        for chunk in chunks:
            texts, values = chunk[columns[0]].to_pylist(), chunk[columns[1]].to_pylist()
            kept = [i for i, v in enumerate(zip(texts, values, strict=True)) if not _empty(v)]
            texts = [texts[i] for i in kept]
            codes = []
            for i in kept:
                codes.append(labels[values[i]])
                if len(first_rows) < len(labels):
                    first_rows.append(row + i + 1)
            row += len(values)
            pieces = list(map(splitter.pieces, texts))
            np.fromiter(map(piece_id, chain.from_iterable(pieces)), np.int32).tofile(out)
            parts.append(
                (
                    np.fromiter(map(len, pieces), np.int64),
                    np.fromiter(map(hash, texts), np.int64),
                    np.array(codes, np.int64),
                )
            )
    if not sum(len(part[0]) for part in parts):
        raise UserError(f"{where}: no row with a text and a label")
    lengths, hashes, codes_ = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Rows(
        np.memmap(file, np.int32, mode="r"),
        lengths,
        hashes,
        codes_,
        list(labels),
        first_rows,
        class_names=_class_names(data, columns[1]),
        read=row,
        dropped=row - len(lengths),
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


def _empty(values: tuple[str | int | None, ...]) -> bool:
    return any(v is None or (isinstance(v, str) and (not v or v.isspace())) for v in values)

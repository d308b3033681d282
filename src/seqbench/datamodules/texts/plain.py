"""Texts without labels in files: which file is which split, and the text of each row or line."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from seqbench.datamodules.texts.files import visible
from seqbench.datamodules.texts.formats import (
    DELIMITERS,
    FORMATS,
    csv_rows,
    fields_of_any_length,
    json_rows,
    kind,
)
from seqbench.datamodules.texts.lines import lines
from seqbench.datamodules.texts.sources import SPLITS, check_columns, one_line
from seqbench.errors import UserError, place

PLAIN = ("txt", *FORMATS)
"""The suffixes of files that hold texts: one a line, or one a row."""


def find_lists(path: str) -> dict[str, Path]:
    """The file of each split at ``path``: one file, or a folder of files named for their split.

    Raises ``UserError`` where there is nothing to be read, or more than one way to read it.
    """
    there = place(path)
    if not there.exists():
        raise UserError(f"{there}: no such file or folder")
    if there.is_file():
        if kind(there) not in PLAIN:
            raise UserError(f"{there}: {_readable()}")
        return {"train": there}
    if not there.is_dir():
        raise UserError(f"{there}: neither a file nor a folder")
    splits: dict[str, Path] = {}
    files = [file for file in visible(there) if kind(file) in PLAIN and file.is_file()]
    for split, names in SPLITS.items():
        found = [file for file in files if file.stem in names]
        if len(found) > 1:
            these = " and ".join(file.name for file in found)
            raise UserError(f"{there}: {these} both look like the split {split}; keep one")
        if found:
            splits[split] = found[0]
    if "train" not in splits:
        listed = ", ".join(file.name for file in visible(there)[:10]) or "nothing"
        raise UserError(f"{there}: no train.txt or train.csv there, but {listed}; {_readable()}")
    return splits


def texts(file: Path, column: str, encoding: str) -> Generator[str]:
    """The texts of one file, without white space around them; empty ones too. To be closed.

    column: that holds the texts, of all but .txt files, which have one a line.

    Raises ``UserError`` for a file that cannot be read, by its name and where possible its line.
    """
    if kind(file) == "parquet":
        yield from ((text or "").strip() for text in parquet_texts(file, column))
        return
    newline = "" if kind(file) in DELIMITERS else None
    with fields_of_any_length(), closing(lines(file, encoding, newline=newline)) as read:
        if kind(file) == "txt":
            yield from map(str.strip, read)
            return
        rows = json_rows if kind(file) == "jsonl" else csv_rows
        for text, _ in rows(file, read, (column, column)):
            yield (text or "").strip()


def parquet_texts(file: Path, column: str) -> Generator[str | None]:
    """The texts in a column of a parquet file, of which little is held at a time. To be closed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            check_columns(str(file), opened.schema_arrow.names, [column])
            found = opened.schema_arrow.field(column).type
            if not (pa.types.is_string(found) or pa.types.is_large_string(found)):
                raise UserError(f"{file}: the column {column!r} holds {found}, no strings")
            for batch in opened.iter_batches(1_000, columns=[column]):
                yield from batch.column(0).to_pylist()
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise UserError(f"{file}: damaged, or no parquet file: {one_line(error)}") from error


def _readable() -> str:
    suffixes = ", ".join(f".{name}" for name in PLAIN)
    return (
        f"what can be read is a file ({suffixes}) with a text a line or row, or a folder of such "
        "files named train, test and val"
    )

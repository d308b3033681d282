"""Readers of labelled texts, one a format; each gives a table that stays in a file."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from seqbench.datamodules.texts.lines import lines
from seqbench.datamodules.texts.mapped import Labelled, mapped
from seqbench.datamodules.texts.sources import check_columns, one_line
from seqbench.datamodules.texts.tables import ParquetTable, Table
from seqbench.errors import UserError

DELIMITERS = {"csv": ",", "tsv": "\t"}
FORMATS = ("parquet", *DELIMITERS, "jsonl")
"""The suffixes of files that hold texts and labels; a .txt file holds the texts of one class."""


def kind(file: Path) -> str:
    return file.suffix.lower().removeprefix(".")


def read_file(file: Path, columns: Sequence[str], encoding: str, scratch: Path) -> Table:
    """The text and the label of each row of one file, which is chosen by its suffix.

    Raises ``UserError`` for a file that cannot be read, by its name and where possible its line.
    """
    if kind(file) == "parquet":
        return read_parquet(file, columns)
    if kind(file) == "jsonl":
        with closing(lines(file, encoding)) as read:
            return mapped(json_rows(file, read, columns), columns, scratch)
    if kind(file) in DELIMITERS:
        with fields_of_any_length(), closing(lines(file, encoding, newline="")) as read:
            return mapped(csv_rows(file, read, columns), columns, scratch)
    raise UserError(f"{file}: only {', '.join('.' + name for name in FORMATS)} files can be read")


def read_classes(
    files: Mapping[str, Path], columns: Sequence[str], encoding: str, scratch: Path
) -> Table:
    """The lines of one text file a class, without white space around them."""
    return mapped(class_rows(files, encoding), columns, scratch)


def csv_rows(file: Path, read: Iterable[str], columns: Sequence[str]) -> Iterator[Labelled]:
    """The rows under a header; every cell is text, and fields left out at a row's end are empty.

    read: the lines of the file, their ends as they are.
    """
    delimiter = DELIMITERS[kind(file)]
    reader = csv.reader(read, delimiter=delimiter, strict=True)
    header: list[str] = []
    places, line, row = [0, 0], 1, 0
    try:
        for fields in reader:
            if not fields:
                pass
            elif not header:
                header = fields
                check_columns(str(file), header, columns)
                places = [header.index(name) for name in columns]
            elif len(fields) > len(header):
                raise UserError(
                    f"{file}: malformed {kind(file)}: line {line} has {len(fields)} fields, the "
                    f"header {len(header)}: mend it, or put fields that hold a {delimiter!r} in "
                    "double quotes"
                )
            else:
                row += 1
                text, label = (fields[i] if i < len(fields) else "" for i in places)
                yield text, label
            line = reader.line_num + 1
    except csv.Error as error:
        cause = (
            "a quote is opened there and never closed"
            if "end of data" in str(error)
            else "text follows a closing quote"
        )
        raise UserError(
            f"{file}: malformed {kind(file)}: row that begins in line {line}: {cause}; close it, "
            "and write a quote within quotes twice"
        ) from error
    if not header:
        raise UserError(f"{file}: the file is empty; a header and rows are needed")
    if not row:
        raise UserError(f"{file}: the file has a header but no rows")


def json_rows(file: Path, read: Iterable[str], columns: Sequence[str]) -> Iterator[Labelled]:
    """The objects of a file with one JSON object a line; ``null`` is an empty text or label."""
    seen: type | None = None
    empty = True
    for number, line in enumerate(read, start=1):
        if line.isspace():
            continue
        empty = False
        where = f"{file}: line {number}"
        values = _json_object(where, line)
        check_columns(where, list(values), columns)
        text, label = (values[name] for name in columns)
        if not isinstance(text, str | None):
            raise UserError(f"{where}: {columns[0]!r} is no string but {_shown(text)}")
        if label is not None:
            if type(label) not in (str, int) or (isinstance(label, int) and abs(label) >> 63):
                raise UserError(
                    f"{where}: {columns[1]!r} is no string or integer but {_shown(label)}"
                )
            seen = seen or type(label)
            if type(label) is not seen:
                raise UserError(
                    f"{where}: the label {_shown(label)} is of another type than those before; "
                    "write all as strings, or all as integers"
                )
        yield text, label
    if empty:
        raise UserError(f"{file}: the file is empty; one JSON object a line is needed")


def _json_object(where: str, line: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the name {twice!r} stands there twice")
        return values

    try:
        values = json.loads(line, object_pairs_hook=once)
        if "\\u" in line:  # may stand for half a character, which no file can hold
            json.dumps(values, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise UserError(
            f"{where} is not JSON: {error.msg}, at character {error.pos + 1}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} cannot be read as JSON: {one_line(error)}") from error
    if not isinstance(values, dict):
        raise UserError(f'{where} is no JSON object such as {{"text": "...", "label": "..."}}')
    return values


def class_rows(files: Mapping[str, Path], encoding: str) -> Iterator[Labelled]:
    for name, file in files.items():
        texts = 0
        with closing(lines(file, encoding)) as read:
            for line in read:
                text = line.strip()
                texts += bool(text)
                yield text, name
        if not texts:
            raise UserError(f"{file}: the file is empty; a class needs one text a line")


@contextmanager
def fields_of_any_length() -> Iterator[None]:
    """Within it, the csv library's limit on a field's length is off."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def read_parquet(file: Path, columns: Sequence[str]) -> Table:
    """The rows of a parquet file that has these columns."""
    table = ParquetTable(file)
    check_columns(str(file), table.schema.names, columns)
    if not len(table):
        raise UserError(f"{file}: the file has columns but no rows")
    return table


def _shown(value: Any) -> str:
    """A value as JSON, not too long for a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:40] + "..."

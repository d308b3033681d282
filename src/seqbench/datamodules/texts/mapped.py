"""Rows written to a file as they come, and read from there: memory stays flat."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seqbench.datamodules.texts.tables import StreamTable

CHUNK_ROWS, CHUNK_CHARACTERS = 1_000, 1 << 24
"""About so much is held as Python strings at a time."""

Labelled = tuple[str | None, str | int | None]


def mapped(rows: Iterable[Labelled], columns: Sequence[str], scratch: Path) -> StreamTable:
    """One row or more; ``scratch`` receives the file. Labels are all strings or all integers."""
    import pyarrow as pa

    scratch.mkdir(parents=True, exist_ok=True)
    file = scratch / "rows.arrow"
    with pa.OSFile(str(file), "wb") as sink:
        writer: Any = None
        count = 0
        for chunk in _chunks(rows):
            count += len(chunk)
            texts, labels = zip(*chunk, strict=True)
            if writer is None:
                whole = any(isinstance(label, int) for label in labels)
                kinds = (pa.large_string(), pa.int64() if whole else pa.large_string())
                schema = pa.schema(list(zip(columns, kinds, strict=True)))
                writer = pa.ipc.new_stream(sink, schema)
            arrays = [pa.array(each, k) for each, k in zip((texts, labels), kinds, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
        writer.close()
    return StreamTable(file, count)


def _chunks(rows: Iterable[Labelled]) -> Iterator[list[Labelled]]:
    chunk: list[Labelled] = []
    characters = 0
    for text, label in rows:
        chunk.append((text, label))
        characters += len(text or "")
        # The first chunk decides the column's type, so it must hold a label.
        if label is not None and (len(chunk) >= CHUNK_ROWS or characters >= CHUNK_CHARACTERS):
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk

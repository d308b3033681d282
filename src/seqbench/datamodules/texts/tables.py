"""Tables of rows in files, read a batch at a time: memory stays flat."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from seqbench.datamodules.texts.sources import one_line
from seqbench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

BATCH = 1_000
"""Rows read at a time."""


class Table(Protocol):
    """The rows of a split; ``schema`` has the types of its columns."""

    schema: "pa.Schema"

    def __len__(self) -> int: ...

    def class_names(self, column: str) -> list[str] | None:
        """By index, where the data themselves name the classes."""
        ...

    def batches(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]: ...


class ParquetTable:
    """A parquet file. Raises ``UserError`` where it is damaged, which reading it may show first."""

    def __init__(self, file: Path) -> None:
        import pyarrow.parquet as pq

        self.file = file
        with self._telling():
            self.schema = pq.read_schema(file)
            self.rows: int = pq.read_metadata(file).num_rows

    def __len__(self) -> int:
        return self.rows

    def class_names(self, column: str) -> list[str] | None:
        """As the library ``datasets`` writes them into a file."""
        try:
            told = json.loads((self.schema.metadata or {})[b"huggingface"])
            feature = told["info"]["features"][column]
            return list(feature["names"]) if feature["_type"] == "ClassLabel" else None
        except (ValueError, LookupError, TypeError):
            return None

    def batches(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        import pyarrow.parquet as pq

        with self._telling(), pq.ParquetFile(self.file) as opened:
            yield from opened.iter_batches(BATCH, columns=list(columns))

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise UserError(
                f"{self.file}: damaged, or no parquet file: {one_line(error)}"
            ) from error


class StreamTable:
    """A file of ``rows`` rows in Arrow's stream format, of our own making."""

    def __init__(self, file: Path, rows: int) -> None:
        import pyarrow as pa

        self.file, self.rows = file, rows
        with pa.OSFile(str(file)) as opened:
            self.schema = pa.ipc.open_stream(opened).schema

    def __len__(self) -> int:
        return self.rows

    def class_names(self, column: str) -> None:
        return None

    def batches(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        import pyarrow as pa

        with pa.OSFile(str(self.file)) as opened:
            yield from pa.ipc.open_stream(opened)


class HubTable:
    """A split that the library ``datasets`` has loaded."""

    def __init__(self, data: "Dataset") -> None:
        self.data: Any = data
        self.schema = data.features.arrow_schema

    def __len__(self) -> int:
        return len(self.data)

    def class_names(self, column: str) -> list[str] | None:
        from datasets import ClassLabel

        feature = self.data.features[column]
        return list(feature.names) if isinstance(feature, ClassLabel) else None

    def batches(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        read = self.data.select_columns(list(columns)).with_format("arrow").iter(batch_size=BATCH)
        for table in read:
            yield from table.to_batches()

"""Labelled texts in csv and parquet files."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.datamodules.cache import digest, file_digest
from seqbench.datamodules.text_sources import SPLITS, check_columns, one_line, quiet_datasets
from seqbench.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

DATA_DIR = "SEQBENCH_DATA_DIR"


def local_files(path: str | None, folder: str | None) -> dict[str, Path] | None:
    """The file of each split at ``path``, or at ``folder`` under the data directory.

    None where ``path`` is not given and the folder does not exist.
    """
    if path is not None:
        place = Path(path).expanduser()
        if not place.exists():
            raise UserError(f"task.path={path}: no such file or folder")
    elif folder and os.environ.get(DATA_DIR):
        place = Path(os.environ[DATA_DIR]).expanduser() / folder
        if not place.exists():
            return None
    else:
        return None
    if place.is_file():
        _kind(place)
        return {"train": place}
    if not place.is_dir():
        raise UserError(f"task.path={path}: neither a file nor a folder")
    files: dict[str, Path] = {}
    for split, names in SPLITS.items():
        found = [place / f"{n}{kind}" for n in names for kind in (".parquet", ".csv")]
        found = [file for file in found if file.is_file()]
        if len(found) > 1:
            these = " and ".join(file.name for file in found)
            raise UserError(f"{place}: {these} both look like the split {split}; keep one")
        if found:
            files[split] = found[0]
    if "train" not in files:
        there = ", ".join(sorted(file.name for file in place.iterdir())[:10]) or "nothing"
        raise UserError(
            f"{place}: no train.csv or train.parquet there, but {there}; "
            "name the file of the training split so, or set task.path to one file"
        )
    return files


@dataclass
class Files:
    """Splits in csv or parquet files. ``encoding`` is that of the csv files."""

    files: Mapping[str, Path]
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        try:
            content: dict[str, Any] = {k: file_digest(v) for k, v in self.files.items()}
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from error
        if any(_kind(file) == "csv" for file in self.files.values()):
            content["encoding"] = self.encoding
        self.content = digest(content)

    def where(self, split: str) -> str:
        return f"{self.files[split]} (split {split})"

    def read(self, columns: Sequence[str], scratch: Path) -> "dict[str, Dataset]":
        return {
            split: (
                read_csv(file, columns, self.encoding, scratch)
                if _kind(file) == "csv"
                else read_parquet(file, columns, scratch)
            )
            for split, file in self.files.items()
        }


def read_csv(file: Path, columns: Sequence[str], encoding: str, scratch: Path) -> "Dataset":
    """A csv file with a header; every cell is text, ``NA`` and ``null`` too."""
    import datasets
    import pandas as pd

    as_text: dict[str, Any] = {"encoding": encoding, "keep_default_na": False, "na_filter": False}
    with _told(file, encoding), quiet_datasets(), warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        top = pd.read_csv(file, header=None, nrows=2, dtype=str, **as_text)
        header = top.iloc[0].tolist()
        check_columns(str(file), header, columns)
        if len(top) == 1:
            raise UserError(f"{file}: the file has a header but no rows")
        return datasets.load_dataset(
            "csv",
            data_files={"train": str(file)},
            split="train",
            cache_dir=str(scratch),
            features=datasets.Features({name: datasets.Value("string") for name in header}),
            index_col=False,
            **as_text,
        )


@contextmanager
def _told(file: Path, encoding: str) -> Iterator[None]:
    """Errors of the libraries that read csv, told as the user's to mend."""
    from datasets.exceptions import DatasetGenerationError
    from pandas.errors import EmptyDataError, ParserError, ParserWarning

    try:
        yield
    except EmptyDataError as error:
        raise UserError(f"{file}: the file is empty; a header and rows are needed") from error
    except LookupError as error:
        raise UserError(f"task.encoding={encoding}: no such encoding; try utf-8") from error
    except (DatasetGenerationError, ParserWarning, ValueError, OSError) as error:
        for cause in _causes(error):
            if isinstance(cause, UnicodeError):
                raise _undecodable(file, encoding) from error
            if isinstance(cause, ParserError | ParserWarning):
                raise UserError(
                    f"{file}: malformed csv: {one_line(cause)}; mend that row, "
                    "or put fields that hold a comma in double quotes"
                ) from error
        raise UserError(f"{file}: cannot be read as csv: {one_line(error)}") from error


def read_parquet(file: Path, columns: Sequence[str], scratch: Path) -> "Dataset":
    """The named columns of a parquet file."""
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        check_columns(str(file), pq.read_schema(file).names, columns)
        if pq.read_metadata(file).num_rows == 0:
            raise UserError(f"{file}: the file has columns but no rows")
        with quiet_datasets():
            return datasets.load_dataset(
                "parquet",
                data_files={"train": str(file)},
                split="train",
                cache_dir=str(scratch),
                columns=list(columns),
            )
    except (pa.ArrowException, datasets.exceptions.DatasetGenerationError, OSError) as error:
        raise UserError(f"{file}: damaged, or no parquet file: {one_line(error)}") from error


def _kind(file: Path) -> str:
    kind = file.suffix.lower().removeprefix(".")
    if kind not in ("csv", "parquet"):
        raise UserError(f"{file}: only .csv and .parquet files can be read")
    return kind


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _undecodable(file: Path, encoding: str) -> UserError:
    """The error for a file that is not in ``encoding``; it names the first line that is not."""
    place = ""
    with file.open(encoding=encoding, errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if "\ufffd" in line:
                place = f" from line {number} on"
                break
    return UserError(
        f"{file}: not in the encoding {encoding}{place}; set task.encoding, for instance to cp1251"
    )

"""Labelled texts in files: which file is which split, and their content."""

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from seqbench.datamodules.cache import digest, file_digest
from seqbench.datamodules.texts.formats import FORMATS, kind, read_classes, read_file
from seqbench.datamodules.texts.sources import SPLITS
from seqbench.datamodules.texts.tables import Table
from seqbench.errors import UserError, nearest
from seqbench.errors import place as usable

DATA_DIR = "SEQBENCH_DATA_DIR"
BUILT_IN = Path(__file__).parent / "built_in"

Part = Path | dict[str, Path]
"""What holds a split: one file, or one text file of each class."""

Found = TypeVar("Found")


def local(path: str | None, folder: str | None, find: Callable[[str], Found]) -> Found | None:
    """What ``find`` gives for ``path``, or for ``folder`` under the data directory.

    None where ``path`` is not given and the folder does not exist.
    """
    if path is not None:
        if not usable(path).exists():
            raise UserError(f"task.path={path}: no such file or folder")
        return find(path)
    if folder and os.environ.get(DATA_DIR):
        place = usable(os.environ[DATA_DIR]) / folder
        return find(str(place)) if place.exists() else None
    return None


@dataclass(frozen=True)
class Whereabouts:
    """Where a task's data would be read from: a file or folder, a data set on the hub, or what
    seqbench itself brings. name: its path, or what it is called there."""

    kind: Literal["files", "hub", "built_in"]
    name: str


def whereabouts(
    path: str | None,
    folder: str | None,
    find: Callable[[str], object],
    *,
    hub: str | None = None,
    built_in: str | None = None,
) -> Whereabouts | None:
    """The first of these that is there, of files by their names alone; None where none is.

    Nothing is read, and the hub is not asked. find: see ``local``; its UserError, for files that
    are there and cannot be those of the task, is raised.
    """

    def found(place: str) -> str:
        find(place)
        return place

    place = local(path, folder, found)
    if place is not None:
        return Whereabouts("files", place)
    if hub:
        return Whereabouts("hub", hub)
    return Whereabouts("built_in", built_in) if built_in else None


def local_files(path: str | None, folder: str | None) -> dict[str, Part] | None:
    """What holds each split of labelled texts; see ``local`` and ``find_files``."""
    return local(path, folder, find_files)


def find_files(path: str) -> dict[str, Part]:
    """What holds each split at ``path``: a file, a folder of splits, or a folder of classes.

    Raises ``UserError`` where there is nothing to be read, or more than one way to read it.
    """
    place = usable(path)
    if not place.exists():
        raise UserError(f"{place}: no such file or folder")
    if place.is_file():
        if kind(place) not in FORMATS:
            raise UserError(f"{place}: {_readable()}")
        return {"train": place}
    if not place.is_dir():
        raise UserError(f"{place}: neither a file nor a folder")
    parts: dict[str, Part] = {}
    for split, names in SPLITS.items():
        found: list[Part] = [
            file
            for file in visible(place)
            if file.stem in names and kind(file) in FORMATS and file.is_file()
        ]
        found += [files for name in names if (files := _classes(place / name))]
        if len(found) > 1:
            these = " and ".join(sorted(_named(part).name for part in found))
            raise UserError(f"{place}: {these} both look like the split {split}; keep one")
        if found:
            parts[split] = found[0]
    classes = _classes(place)
    if not parts and classes:
        named = next((name for names in SPLITS.values() for name in names if name in classes), None)
        if named:
            raise UserError(
                f"{classes[named]}: is {named} a class or a split? a .txt file holds one class: "
                f"rename it, or put one file a class into a folder {named}"
            )
        return {"train": classes}
    if classes and any(isinstance(part, dict) for part in parts.values()):
        raise UserError(
            f"{place}: are {', '.join(file.name for file in classes.values())} classes beside "
            f"the folders {', '.join(parts)}? move them into a folder, or away"
        )
    if "train" not in parts:
        there = ", ".join(file.name for file in visible(place)[:10]) or "nothing"
        raise UserError(f"{place}: no train.csv or train.parquet there, but {there}; {_readable()}")
    return parts


@dataclass
class Files:
    """Splits in files. ``encoding`` is that of all but parquet files."""

    files: Mapping[str, Part]
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        try:
            content: dict[str, Any] = {
                split: (
                    {name: file_digest(file) for name, file in part.items()}
                    if isinstance(part, dict)
                    else [kind(part), file_digest(part)]
                )
                for split, part in self.files.items()
            }
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from error
        if any(isinstance(part, dict) or kind(part) != "parquet" for part in self.files.values()):
            content["encoding"] = self.encoding
        self.content = digest(content)

    def where(self, split: str) -> str:
        return f"{_named(self.files[split])} (split {split})"

    def read(self, columns: Sequence[str], scratch: Path) -> dict[str, Table]:
        read: dict[str, Table] = {}
        for split, part in self.files.items():
            if isinstance(part, dict):
                read[split] = read_classes(part, columns, self.encoding, scratch / split)
            else:
                read[split] = read_file(part, columns, self.encoding, scratch / split)
        return read


class BuiltIn(Files):
    """A list that the package itself brings; ``UserError`` where it has none of that name.

    kind: ``csv``, texts with labels, or ``txt``, a text a line.
    """

    def __init__(self, name: str, kind: Literal["csv", "txt"] = "csv") -> None:
        there = {file.stem: file for file in BUILT_IN.glob(f"*.{kind}")}
        if name not in there:
            raise UserError(f"task.built_in={name}: no such list{nearest(name, there)}")
        self.name, self.kind = name, kind
        super().__init__({"train": there[name]})

    def where(self, split: str) -> str:
        return f"the built-in list {self.name} (split {split})"

    def note(self, rows: int) -> str:
        """What a user should know who gave no data."""
        columns = " with task.text_column and task.label_column" if self.kind == "csv" else ""
        return (
            f"data: the small built-in list {self.name}, {rows} rows; for data of your own give "
            f"task.path=FILE{columns}, or {DATA_DIR}"
        )


def visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if not file.name.startswith("."))


def _classes(folder: Path) -> dict[str, Path]:
    """The text file of each class in a folder, a README aside."""
    if not folder.is_dir():
        return {}
    classes: dict[str, Path] = {}
    for file in visible(folder):
        if kind(file) == "txt" and file.stem.lower() != "readme" and file.is_file():
            # File systems differ in how they write an accented letter.
            name = unicodedata.normalize("NFC", file.stem)
            if name in classes:
                raise UserError(f"{file}: {classes[name].name} is of the same class; keep one")
            classes[name] = file
    return dict(sorted(classes.items()))


def _named(part: Part) -> Path:
    return next(iter(part.values())).parent if isinstance(part, dict) else part


def _readable() -> str:
    suffixes = ", ".join(f".{name}" for name in FORMATS)
    return (
        f"what can be read is a file ({suffixes}), a folder of such files named train, test and "
        "val, or a folder of one .txt file a class"
    )

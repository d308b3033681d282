"""Running text in files: which file is part of which split, and their text block by block."""

import re
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Protocol

from seqbench.datamodules.cache import digest, file_digest
from seqbench.datamodules.texts.formats import kind
from seqbench.datamodules.texts.lines import blocks
from seqbench.datamodules.texts.plain import parquet_texts
from seqbench.datamodules.texts.sources import SPLITS
from seqbench.errors import UserError
from seqbench.errors import place as usable

SUFFIXES = (".txt", ".text", ".md", ".rst", ".parquet")
"""Of what is read in a folder; a file that is named itself may have any."""

REFERENCE = "python_reference"

NAMED = re.compile(rf"(?:.*[._-])?({'|'.join(chain.from_iterable(SPLITS.values()))})(?:[._-]\d.*)?")
"""``train``, ``ptb.valid``, ``test-00000-of-00010``."""


class RunningText(Protocol):
    """Texts by split. ``content`` is a digest of them, wherever they lie."""

    content: str

    @property
    def splits(self) -> Sequence[str]:
        """The splits there are, ``train`` first."""
        ...

    def where(self, split: str) -> str:
        """What to call a split in a message."""
        ...

    def read(self, split: str) -> Generator[str]:
        """A split's text, a block at a time; each document ends with its line. To be closed."""
        ...


@dataclass
class TextFiles:
    """The text of files, one after another.

    files: of each split, in their order. encoding: of all but parquet files. column: of these.
    """

    files: Mapping[str, Sequence[Path]]
    encoding: str
    column: str

    def __post_init__(self) -> None:
        self.splits = [name for name in SPLITS if name in self.files]
        try:
            sums = {name: [file_digest(f) for f in files] for name, files in self.files.items()}
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from error
        self.content = digest([sums, self.encoding, self.column])

    def where(self, split: str) -> str:
        files = self.files[split]
        name = str(files[0]) if len(files) == 1 else f"{len(files)} files from {files[0]} on"
        return f"{name} (split {split})"

    def read(self, split: str) -> Generator[str]:
        for file in self.files[split]:
            last = "\n"
            with closing(self._blocks(file)) as whole:
                for block in whole:
                    last = block or last
                    yield block
            if not last.endswith("\n"):
                yield "\n"

    def _blocks(self, file: Path) -> Generator[str]:
        if kind(file) != "parquet":
            yield from blocks(file, self.encoding)
            return
        with closing(parquet_texts(file, self.column)) as texts:
            yield from (f"{text}\n" for text in texts if text)


class Reference:
    """The language reference that CPython carries for ``help()``."""

    splits = ("train",)

    def __init__(self) -> None:
        try:
            topics: dict[str, str] = import_module("pydoc_data.topics").topics
        except (ImportError, AttributeError) as error:
            raise UserError(
                "this Python carries no language reference (pydoc_data.topics); set task.path=FILE"
            ) from error
        self.text = "\n".join(topics[name].rstrip("\n") + "\n" for name in sorted(topics))
        self.content = digest(self.text)

    def where(self, split: str) -> str:
        return f"Python's language reference (split {split})"

    def read(self, split: str) -> Generator[str]:
        yield self.text

    def note(self, tokens: int) -> str:
        """What a user should know who gave no text."""
        version = ".".join(map(str, sys.version_info[:2]))
        return (
            f"data: the language reference that Python {version} carries (pydoc_data.topics), "
            f"{tokens} tokens; for a text of your own give task.path=FILE or FOLDER"
        )


def find_texts(path: str) -> dict[str, list[Path]]:
    """The files of each split at ``path``: a file, a folder of splits, or a folder of texts.

    A split is a folder or files of its name (``train/``, ``train.txt``, ``ptb.train.txt``,
    ``train-00000-of-00010.parquet``); where there is none, all texts below the folder are
    ``train``, in the order of their paths.

    Raises ``UserError`` where there is nothing to be read.
    """
    place = usable(path)
    texts = find_all(path)
    if place.is_file():
        return {"train": texts}
    parts: dict[str, list[Path]] = {}
    for split, names in SPLITS.items():
        folders = [place / name for name in names if (place / name).is_dir()]
        found = [file for folder in folders for file in _texts(folder)]
        found += [
            file
            for file in texts
            if file.parent == place and (m := NAMED.fullmatch(file.stem)) and m[1] in names
        ]
        if found:
            parts[split] = found
    others = [file for file in texts if not any(file in found for found in parts.values())]
    if parts and others:
        first = next(iter(parts.values()))[0]
        raise UserError(
            f"{path}: {first.relative_to(place)} is of the split {next(iter(parts))} by its name, "
            f"{', '.join(str(file.relative_to(place)) for file in others[:3])} of none; rename or "
            "move files, so that all of them are, or none is"
        )
    if not parts:
        parts = {"train": texts}
    if not parts.get("train"):
        there = ", ".join(sorted(file.name for file in place.iterdir())[:10]) or "nothing"
        raise UserError(
            f"{path}: no text to train on there, but {there}; what can be read are files "
            f"({', '.join(SUFFIXES)}), or a folder of them, named train, valid and test or not"
        )
    return parts


def find_all(path: str) -> list[Path]:
    """The file at ``path``, or all texts below the folder.

    Raises ``UserError`` where there is neither.
    """
    place = usable(path)
    if not place.exists():
        raise UserError(f"{path}: no such file or folder")
    if not (place.is_file() or place.is_dir()):
        raise UserError(f"{path}: neither a file nor a folder")
    return [place] if place.is_file() else _texts(place)


def _texts(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and file.stem.lower() != "readme"
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    )

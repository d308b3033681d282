"""Sentences with a tag for each word, in files of columns: a word a line."""

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal

from seqbench.datamodules.texts.files import visible
from seqbench.datamodules.texts.formats import kind
from seqbench.datamodules.texts.lines import lines
from seqbench.datamodules.texts.sources import SPLITS
from seqbench.errors import UserError, place, short

SUFFIXES = ("conll", "conllu", "txt", "tsv", "iob", "bio")
"""Of what is read in a folder, beside names such as ``eng.train``; a file named itself may have
any."""

NAMES = SPLITS | {"val": (*SPLITS["val"], "testa"), "test": (*SPLITS["test"], "testb")}
NAMED = re.compile(rf"(?:.*[._-])?({'|'.join(chain.from_iterable(NAMES.values()))})")
"""``train``, ``eng.testa``, ``en_ewt-ud-dev``."""

DOCUMENT = "-DOCSTART-"
NO_WORD = re.compile(r"\d+-\d+|\d+\.\d+")
"""Ids in CoNLL-U of what is no word of the sentence: ``1-2`` spans two, ``8.1`` is left out."""
BLANKS = re.compile(r"[ \t]+")

Separator = Literal["whitespace", "tab"]


@dataclass
class Sentence:
    """N words with a tag each, and the line on which each stands."""

    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class Columns:
    """How a file's lines are read.

    word, tag: the columns of words and tags, counted from 0 or, below it, from the end.
    separator: ``whitespace``, spaces and tabs, or ``tab``, so that words may hold spaces. None:
        tabs in .conllu and .tsv files, else white space.
    comment: lines that begin with it are left out. None: ``#`` in .conllu files, where no word
        begins a line; elsewhere none.
    """

    word: int = 0
    tag: int = -1
    separator: Separator | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        if self.word == self.tag:
            raise UserError(f"task.word_column and task.tag_column are both {self.word}")

    def read(self, file: Path, encoding: str) -> Generator[Sentence]:
        """The sentences of a file, none of them empty. To be closed.

        A line that is blank ends a sentence, and so does one of ``-DOCSTART-``. All lines of a
        sentence have as many columns; where columns are counted from the end, all of the file.

        Raises ``UserError`` for a file that cannot be read, by its name and line.
        """
        if kind(file) == "conllu" and self.word == 0:
            raise UserError(
                f"{file}: column 0 of a .conllu file holds the words' numbers; set "
                "task.word_column=1 and task.tag_column=3 (UPOS), 4 (XPOS) or another"
            )
        found, first = Sentence(), (0, 0)
        for number, fields in self._fields(file, encoding):
            if not fields:
                if found:
                    yield found
                found = Sentence()
                continue
            if not first[1] or not (found or min(self.word, self.tag) < 0):
                first = number, len(fields)
                self._check_columns(file, *first)
            if len(fields) != first[1]:
                raise UserError(
                    f"{file}: line {number} has {_columns(len(fields))}, line {first[0]} "
                    f"{_columns(first[1])}: mend it, or set task.separator"
                )
            word, tag = fields[self.word], fields[self.tag]
            for name, value in (("word", word), ("tag", tag)):
                if not value:
                    raise UserError(
                        f"{file}: line {number}: its column {self._number(name)}, of {name}s, is "
                        f"empty: mend it, or set task.{name}_column"
                    )
            found.words.append(word)
            found.tags.append(tag)
            found.lines.append(number)
        if found:
            yield found

    def _fields(self, file: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
        """The number and the columns of each line that holds a word, none where a sentence ends."""
        universal = kind(file) == "conllu"
        tabs = (self.separator or ("tab" if kind(file) in ("conllu", "tsv") else "")) == "tab"
        comment = self.comment or ("#" if universal else None)
        with closing(lines(file, encoding)) as read:
            for number, line in enumerate(read, start=1):
                if not line.strip() or line.startswith(DOCUMENT):
                    yield number, []
                elif not (comment and line.startswith(comment)):
                    fields = (
                        [each.strip(" ") for each in line.rstrip("\n").split("\t")]
                        if tabs
                        else BLANKS.split(line.strip(" \t\n"))
                    )
                    if not (universal and NO_WORD.fullmatch(fields[0])):
                        yield number, fields

    def _check_columns(self, file: Path, line: int, count: int) -> None:
        for name in ("word", "tag"):
            if not -count <= self._number(name) < count:
                raise UserError(
                    f"{file}: line {line} has {_columns(count)}, none of the number "
                    f"task.{name}_column={self._number(name)}: the first is 0, the last -1; set "
                    f"task.{name}_column, or task.separator"
                )
        if (self.word - self.tag) % count == 0:
            raise UserError(
                f"{file}: line {line} has {_columns(count)}, so that task.word_column={self.word} "
                f"and task.tag_column={self.tag} are the same: set them, or task.separator"
            )

    def _number(self, name: str) -> int:
        return self.word if name == "word" else self.tag


def find_tagged(path: str) -> dict[str, Path]:
    """The file of each split at ``path``: one file, or a folder of files named for their split.

    Raises ``UserError`` where there is nothing to be read, or more than one way to read it.
    """
    there = place(path)
    if not there.exists():
        raise UserError(f"{there}: no such file or folder")
    if there.is_file():
        return {"train": there}
    if not there.is_dir():
        raise UserError(f"{there}: neither a file nor a folder")
    splits: dict[str, Path] = {}
    names = {name: split for split, names in NAMES.items() for name in names}
    for file in visible(there):
        stem = file.stem if kind(file) in SUFFIXES else file.name
        named = NAMED.fullmatch(stem.lower())
        if named and file.is_file():
            split = names[named[1]]
            if split in splits:
                raise UserError(
                    f"{there}: {splits[split].name} and {file.name} both look like the split "
                    f"{split}; keep one"
                )
            splits[split] = file
    if "train" not in splits:
        listed = ", ".join(short(file.name, 50) for file in visible(there)[:10]) or "nothing"
        raise UserError(
            f"{there}: no train.conll or train.txt there, but {listed}; what can be read is a file "
            "with a word a line, or a folder of such files named train, test and val "
            f"({', '.join('.' + suffix for suffix in SUFFIXES)})"
        )
    return {split: splits[split] for split in NAMES if split in splits}


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"

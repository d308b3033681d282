"""Single names, each a sequence of its own, to be written letter by letter."""

from collections import Counter
from contextlib import closing
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqbench.datamodules.base import Fraction, TaskData
from seqbench.datamodules.cache import digest
from seqbench.datamodules.ngrams import Rows, add_one
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.texts.encoder import PADDING_ID, UNKNOWN_ID, choose_vocabulary
from seqbench.datamodules.texts.files import (
    DATA_DIR,
    BuiltIn,
    Files,
    Whereabouts,
    local,
    whereabouts,
)
from seqbench.datamodules.texts.notes import listed
from seqbench.datamodules.texts.plain import find_lists, texts
from seqbench.datamodules.texts.splits import draw
from seqbench.datamodules.texts.tokens import END, START, Tokens, with_marks
from seqbench.errors import UserError
from seqbench.spec import TaskSpec


class Names(TaskData):
    """Write a name: predict each letter from those before it, and where the name ends.

    ``<s> А н н а  ->  А н н а <eos>``

    The data are the first of these that is there: ``path``, ``folder``, ``built_in``. Splits that
    they bring are kept; validation or test that they lack is drawn from train. Empty names are
    left out and counted. The vocabulary is that of the training names alone.

    path: a txt file, one name a line; a csv, tsv, jsonl or parquet file; or a folder that holds
        ``train`` and perhaps ``val`` and ``test`` as such files.
    folder: the same, by its name under the directory that ``SEQBENCH_DATA_DIR`` names.
    built_in: the name of a small list that seqbench itself brings.
    text_column: the column of names, of all but txt files.
    encoding: of all files but parquet.
    lowercase: lower-case the names.
    duplicates: ``drop`` keeps one of equal names within each split that the data bring.
    marks: a start mark is before each name, and an end mark behind it is predicted; without them
        inputs are all letters but the last, targets all but the first.
    pad_with_spaces: fill names with spaces up to the longest of all splits; these are predicted
        and count like letters. For textbook programs that do so.
    val_fraction, test_fraction: share of train that is drawn for a split which the data lack.

    In ``bits_per_character`` the end mark counts as one character, and so does a space of padding.

    ``facts``: ``rows`` (as they were read), ``dropped`` (empty), ``duplicates`` (names that stand
    more than once), ``duplicates_left_out``, ``overlaps`` (distinct names in both splits of a
    pair), ``longest``, ``vocabulary_size``, ``unknown_rate``. ``baselines``: add-one n-gram
    models of letters, ``trigram`` (unless the vocabulary is too large for it) and ``bigram``.

    Raises ``UserError`` where the data are absent, cannot be read, or cannot be learnt from.
    """

    unit = "names"

    def __init__(
        self,
        *,
        path: str | None = None,
        folder: str | None = None,
        built_in: str | None = None,
        text_column: str = "text",
        encoding: str = "utf-8",
        lowercase: bool = False,
        duplicates: Literal["drop", "keep"] = "drop",
        marks: bool = True,
        pad_with_spaces: bool = False,
        val_fraction: Fraction = 0.1,
        test_fraction: Fraction = 0.1,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.path, self.folder, self.built_in = path, folder, built_in
        self.text_column, self.encoding = text_column, encoding
        self.lowercase, self.duplicates = lowercase, duplicates
        self.marks, self.pad_with_spaces = marks, pad_with_spaces
        self.fractions = {"test": test_fraction, "val": val_fraction}

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "spec"):
            return
        source = self._source()
        given = {split: self._read(source, split) for split in source.files}
        names = self._split(given, source)
        longest = max(len(name) for part in names.values() for name in part)
        self.spec = self._spec(names["train"], longest)
        for split, part in names.items():
            self._check(part, source.where(split if split in given else "train"), longest)
        self.splits = {split: _dataset(part, self.spec) for split, part in names.items()}
        self.characters = dict.fromkeys(self.splits, 1.0)
        settings = [self.text_column, self.lowercase, self.duplicates, self.marks]
        drawn = [self.pad_with_spaces, self.data_seed, self.fractions]
        self.fingerprint = digest(["names", source.content, settings, drawn])
        distinct = {split: {*part} for split, part in names.items()}
        self.facts |= {
            "overlaps": {
                f"{a}/{b}": len(distinct[a] & distinct[b]) for a, b in combinations(names, 2)
            },
            "longest": longest,
            "vocabulary_size": len(self.spec.vocabulary),
            "unknown_rate": {
                split: _unknown(data, self.spec) for split, data in self.splits.items()
            },
        }
        self.baselines = _counted(self.splits, self.spec, self.characters)
        self.notes = self._notes()
        if isinstance(source, BuiltIn):
            self.notes.insert(0, source.note(self.facts["rows"]["train"]))

    def from_file(self, path: str, spec: TaskSpec) -> Ragged:
        """The names at ``path``, by the spec's vocabulary; equal ones are all kept."""
        files = find_lists(path)
        if len(files) > 1:
            raise UserError(f"{path}: the folder holds {', '.join(files)}; name one of its files")
        (file,) = files.values()
        with closing(texts(file, self.text_column, self.encoding)) as read:
            names = [self._cased(name) for name in read if name]
        self._check(names, str(file), spec.encoding["pad_to"] or 0)
        name, data = Path(path).name, _dataset(names, spec)
        self.characters[name] = 1.0
        self.facts["unknown_rate"] = {name: _unknown(data, spec)}
        return data

    def whereabouts(self) -> Whereabouts | None:
        return whereabouts(self.path, self.folder, find_lists, built_in=self.built_in)

    def _source(self) -> Files:
        files = local(self.path, self.folder, find_lists)
        if files is not None:
            return Files(files, self.encoding)
        if self.built_in:
            return BuiltIn(self.built_in, "txt")
        where = f"set {DATA_DIR} to the directory that holds {self.folder}, or " * bool(self.folder)
        raise UserError(f"no data: {where}set task.path=FILE to a file with a name a line")

    def _read(self, source: Files, split: str) -> list[str]:
        """The names of a split that the data bring; ``facts`` count what is left out."""
        file = source.files[split]
        assert isinstance(file, Path)
        with closing(texts(file, self.text_column, self.encoding)) as read:
            there = [self._cased(name) for name in read]
        names = [name for name in there if name]
        if not names:
            raise UserError(f"{source.where(split)}: no name there; a name a line is needed")
        times = Counter(names)
        kept = list(times) if self.duplicates == "drop" else names
        for fact, count in (
            ("rows", len(there)),
            ("dropped", len(there) - len(names)),
            ("duplicates", sum(count > 1 for count in times.values())),
            ("duplicates_left_out", len(names) - len(kept)),
        ):
            self.facts.setdefault(fact, {})[split] = count
        return kept

    def _cased(self, name: str) -> str:
        return name.lower() if self.lowercase else name

    def _split(self, given: dict[str, list[str]], source: Files) -> dict[str, list[str]]:
        """The data's own splits as they are, and those that they lack drawn from train."""
        splits = dict(given)
        random = np.random.default_rng(self.data_seed)
        for split, fraction in self.fractions.items():
            if split not in given:
                train = splits["train"]
                if len(train) < 2:
                    raise UserError(
                        f"{source.where('train')}: {len(given['train'])} names in all; at least "
                        f"one each is needed for train, val and test"
                    )
                alike = np.zeros(len(train), np.int64)
                drawn, rest = draw(alike, np.array([0]), fraction, random)
                splits[split] = [train[i] for i in drawn]
                splits["train"] = [train[i] for i in rest]
        return {split: splits[split] for split in ("train", "val", "test")}

    def _spec(self, train: list[str], longest: int) -> TaskSpec:
        pad_to = longest if self.pad_with_spaces else None
        counts = Counter(letter for name in train for letter in name.ljust(pad_to or 0))
        vocabulary = choose_vocabulary(counts, size=len(counts) + 2, min_count=1)
        if self.marks:
            vocabulary = with_marks(vocabulary)
        return TaskSpec(
            kind="language_model",
            input_size=len(vocabulary),
            output_size=len(vocabulary),
            padding_id=PADDING_ID,
            metric="bits_per_character",
            mode="min",
            vocabulary=vocabulary,
            encoding={"level": "char", "lowercase": self.lowercase, "pad_to": pad_to},
            start_id=vocabulary.index(START) if self.marks else None,
            end_id=vocabulary.index(END) if self.marks else None,
        )

    def _check(self, names: list[str], where: str, longest: int) -> None:
        """Raises ``UserError`` where nothing of a name, or no name, could be predicted."""
        if not names:
            raise UserError(f"{where}: no name there; a name a line is needed")
        if self.marks or (self.pad_with_spaces and longest > 1):
            return
        short = next((name for name in names if len(name) == 1), None)
        if short is not None:
            raise UserError(
                f"{where}: {short!r} is one letter, of which nothing is predicted without marks; "
                "set task.marks=true, or take such names out"
            )

    def _notes(self) -> list[str]:
        sizes = {split: len(data) for split, data in self.splits.items()}
        met = {
            "names more than once": self.facts["duplicates"],
            "in two splits": self.facts["overlaps"],
            "empty, dropped": self.facts["dropped"],
            "left out by task.duplicates=drop": self.facts["duplicates_left_out"],
        }
        told = "; ".join(f"{what}: {there}" for what, n in met.items() if (there := listed(n)))
        size = self.facts["vocabulary_size"]
        return [f"names: {listed(sizes)}; vocabulary {size}", *([told] if told else [])]


def _dataset(names: list[str], spec: TaskSpec) -> Ragged:
    """Inputs are each name's tokens but the last, targets its tokens but the first."""
    tokens = Tokens.from_spec(spec)
    before = [] if spec.start_id is None else [spec.start_id]
    behind = [] if spec.end_id is None else [spec.end_id]
    pad_to = spec.encoding["pad_to"] or 0
    rows = [[*before, *tokens.encode(name.ljust(pad_to)), *behind] for name in names]
    return Ragged(
        np.array([i for row in rows for i in row[:-1]], np.int64),
        np.cumsum([0, *(len(row) - 1 for row in rows)]),
        np.array([i for row in rows for i in row[1:]], np.int64),
        padding_id=spec.padding_id,
        per_step=True,
    )


def _unknown(data: Ragged, spec: TaskSpec) -> float:
    """The share of the letters that the vocabulary lacks; an end mark is none."""
    return float((data.targets[data.targets != spec.end_id] == UNKNOWN_ID).mean())


def _counted(
    splits: dict[str, Ragged], spec: TaskSpec, characters: dict[str, float]
) -> dict[str, dict[str, dict[str, float]]]:
    """The baselines of counted bigrams and trigrams, on val and test."""
    rows = {name: Rows(data.tokens, data.targets, data.offsets) for name, data in splits.items()}
    outcomes = len(spec.vocabulary) - (1 if spec.start_id is None else 2)  # less padding, start
    train = rows.pop("train")
    found = [
        add_one(train, rows, order=order, ids=len(spec.vocabulary), outcomes=outcomes)
        for order in (3, 2)
    ]
    return {each.name: each.metrics(characters) for each in found}

"""Texts with a label each: files or a hub data set, encoded once into a cache."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, NonNegativeInt, PositiveInt

from seqbench.datamodules.base import Fraction, TaskData, counted
from seqbench.datamodules.cache import array, cached, digest, reading, words
from seqbench.datamodules.ragged import Keep, Ragged
from seqbench.datamodules.texts.corpus import VERSION, CorpusSettings, build_corpus
from seqbench.datamodules.texts.encoder import PADDING_ID, UNKNOWN_ID, Level
from seqbench.datamodules.texts.files import (
    DATA_DIR,
    BuiltIn,
    Files,
    Whereabouts,
    find_files,
    local_files,
    whereabouts,
)
from seqbench.datamodules.texts.hub import Hub
from seqbench.datamodules.texts.labelled import read_labelled
from seqbench.datamodules.texts.notes import notes
from seqbench.datamodules.texts.policies import Contradictions, Duplicates
from seqbench.datamodules.texts.sources import Source
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

LONGEST = 1_000_000
"""Tokens that a text may be padded to."""

VocabularySize = Annotated[int, Field(ge=3)]


class TextClassification(TaskData):
    """What class is a text of?  ``A dull, dull film.  ->  negative``

    The data are the first of these that is there: ``path``, ``folder``, ``hub``, ``built_in``.
    Splits that they bring are kept; validation or test that they lack is drawn from train,
    stratified by class. Rows with an empty text or label are left out and counted. The vocabulary
    is that of the training rows alone.

    path: a csv, tsv, jsonl or parquet file; a folder that holds ``train`` and perhaps ``val`` and
        ``test`` as such files; or a folder of ``CLASS.txt``, one text a line, or of folders
        ``train``, ``val`` and ``test`` of these.
    folder: the same, by its name under the directory that ``SEQBENCH_DATA_DIR`` names.
    hub: the name of a data set on the Hugging Face hub.
    built_in: the name of a small list that seqbench itself brings.
    text_column, label_column: the names of the columns; in csv files every cell is text.
    classes: the classes' names; a label is one of them or its index. null: the labels in train.
    drop_classes: labels whose rows are left out.
    encoding: of all files but parquet.
    expected_rows: rows that a split must have, empty ones among them.
    level: tokens are words (and runs of punctuation), what stands between white space, or
        characters.
    lowercase: lower-case the texts.
    strip_html: turn tags such as ``<br />`` into a space.
    mend_homoglyphs: mend words that mix Latin and Cyrillic letters, see ``texts.homoglyphs``.
    contradictions, duplicates: what becomes of texts under two labels, and of rows that stand
        twice, see ``apply_policies``; within each split that the data bring. Texts are equal if
        they are after all of the above, whatever white space is around them.
    max_length, keep: what is kept of longer texts, see ``Ragged``.
    pad_to_max: pad every text to ``max_length``; else to the longest of its batch.
    vocabulary_size: most tokens kept, padding and unknown among them.
    min_count: fewest times that a token must occur in train.
    val_fraction, test_fraction: share of train that is drawn for a split which the data lack.
    cache_dir: where encoded data are kept.

    ``facts``: ``sizes``, ``rows`` (as they were read), ``dropped``, ``dropped_classes``,
    ``class_counts``, ``policies`` (texts that they met, rows that they left out), ``mended``; of
    what is left, ``duplicates`` (within the data's own splits), ``overlaps`` (distinct texts in
    both splits of a pair; a split drawn from train is compared with what is left of it),
    ``contradictions`` (distinct texts with more than one label, over all splits);
    ``unknown_rate``, ``vocabulary_size``, ``majority`` and ``cut`` (the share of texts longer than
    ``max_length``). ``baselines``: ``majority``, the class most frequent in train,
    always predicted.

    Raises ``UserError`` where the data are absent, cannot be read, or cannot be learnt from: an
    unknown label, a split with one class, a number of rows that is not the expected one.
    """

    def __init__(
        self,
        *,
        cache_dir: str,
        path: str | None = None,
        folder: str | None = None,
        hub: str | None = None,
        built_in: str | None = None,
        text_column: str = "text",
        label_column: str = "label",
        classes: list[str] | None = None,
        drop_classes: list[str] | None = None,
        encoding: str = "utf-8",
        expected_rows: dict[str, NonNegativeInt] | None = None,
        level: Level = "word",
        lowercase: bool = True,
        strip_html: bool = False,
        mend_homoglyphs: bool = False,
        contradictions: Contradictions = "keep",
        duplicates: Duplicates = "keep",
        max_length: PositiveInt | None = None,
        keep: Keep = "head",
        pad_to_max: bool = False,
        vocabulary_size: VocabularySize = 30_000,
        min_count: PositiveInt = 1,
        val_fraction: Fraction = 0.1,
        test_fraction: Fraction = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if text_column == label_column:
            raise UserError(f"task.text_column and task.label_column are both {text_column!r}")
        if classes and len({*classes}) < len(classes):
            raise UserError(f"task.classes names a class twice: {', '.join(classes)}")
        both = [name for name in drop_classes or () if name in (classes or ())]
        if both:
            raise UserError(f"task.classes and task.drop_classes both name {', '.join(both)}")
        self.cache_dir = Path(cache_dir).expanduser()
        self.path, self.folder, self.hub, self.built_in = path, folder, hub, built_in
        self.encoding = encoding
        if pad_to_max and max_length is None:
            raise UserError("task.pad_to_max=true needs task.max_length")
        if pad_to_max and max_length is not None and max_length > LONGEST:
            raise UserError(
                f"task.pad_to_max=true: every text would be padded to {max_length} tokens; "
                f"set task.max_length to {LONGEST} at most"
            )
        self.max_length, self.keep, self.pad_to_max = max_length, keep, pad_to_max
        self.settings = CorpusSettings(
            text_column=text_column,
            label_column=label_column,
            classes=list(classes) if classes else None,
            expected_rows=dict(expected_rows) if expected_rows else None,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            data_seed=self.data_seed,
            level=level,
            lowercase=lowercase,
            strip_html=strip_html,
            mend_homoglyphs=mend_homoglyphs,
            drop_classes=sorted({*(drop_classes or ())}),
            contradictions=contradictions,
            duplicates=duplicates,
            vocabulary_size=vocabulary_size,
            min_count=min_count,
        )

    def prepare_data(self) -> None:
        self._corpus()

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "splits"):
            return
        directory, source = self._corpus()
        with reading(directory):
            corpus = json.loads((directory / "corpus.json").read_text(encoding="utf-8"))
            classes, vocabulary = words(corpus["classes"]), words(corpus["vocabulary"])
            facts = dict(corpus["facts"])
            splits = {name: self._load(directory, name) for name in ("train", "val", "test")}
        self.fingerprint = digest([source.content, classes, self.settings.deciding()])
        self.spec = TaskSpec(
            kind="classify",
            input_size=len(vocabulary),
            output_size=len(classes),
            padding_id=PADDING_ID,
            labels=classes,
            vocabulary=vocabulary,
            encoding={
                **self.settings.splitting(),
                "max_length": self.max_length,
                "keep": self.keep,
                "pad_to_max": self.pad_to_max,
            },
            length_bounds=length_bounds(
                splits["train"].lengths, max(int(data.lengths.max()) for data in splits.values())
            ),
        )
        majority = int(np.bincount(splits["train"].targets).argmax())
        self.facts = facts | {
            "majority": classes[majority],
            "cut": {
                name: float((np.diff(data.offsets) > data.lengths).mean())
                for name, data in splits.items()
            },
        }
        self.baselines = {
            "majority": {
                name: constant_scores(splits[name].targets, majority) for name in ("val", "test")
            }
        }
        self.splits = splits
        self.notes = notes(self.facts, self.settings)
        if isinstance(source, BuiltIn):
            self.notes.insert(0, source.note(self.facts["rows"]["train"]))

    def token_counts(self) -> npt.NDArray[np.int64]:
        """Of whole texts, as they are before ``max_length`` cuts them."""
        return counted(self.splits["train"].tokens, self.spec.input_size)

    def from_file(self, path: str, spec: TaskSpec) -> Ragged:
        data = read_labelled(path, spec, self.settings, self.encoding)
        rate = float((data.tokens == UNKNOWN_ID).mean())
        self.facts["unknown_rate"] = {Path(path).name: rate}
        return data

    def _corpus(self) -> tuple[Path, Source]:
        """The directory of the encoded data, built if need be, and where the data come from."""
        source = self._source()
        key = digest([VERSION, source.content, asdict(self.settings)])
        directory = self.cache_dir / "texts" / key[:32]
        return cached(directory, lambda new: build_corpus(source, self.settings, new)), source

    def whereabouts(self) -> Whereabouts | None:
        return whereabouts(self.path, self.folder, find_files, hub=self.hub, built_in=self.built_in)

    def _source(self) -> Source:
        files = local_files(self.path, self.folder)
        if files is not None:
            return Files(files, self.encoding)
        if self.hub:
            return Hub(self.hub)
        if self.built_in:
            return BuiltIn(self.built_in)
        if self.folder:
            raise UserError(
                f"no data: set {DATA_DIR} to the directory that holds {self.folder}, "
                "or task.path=FILE"
            )
        raise UserError("no data: set task.path=FILE to a file of labelled texts, or to a folder")

    def _load(self, directory: Path, name: str) -> Ragged:
        return Ragged(
            array(directory / f"{name}.tokens.npy").view(np.ndarray),
            np.array(array(directory / f"{name}.offsets.npy")),
            np.array(array(directory / f"{name}.labels.npy")),
            padding_id=PADDING_ID,
            max_length=self.max_length,
            keep=self.keep,
            steps=self.max_length if self.pad_to_max else None,
        )


def length_bounds(lengths: npt.NDArray[np.integer], longest: int) -> tuple[int, ...]:
    """Round numbers (1, 2, 5, 10, 20, ...) within the bulk of the lengths, then the longest."""
    low, high = np.quantile(lengths, (0.05, 0.95))
    rounds = [m * 10**e for e in range(9) for m in (1, 2, 5)]
    return (*(r for r in rounds if low <= r <= high and r < longest), longest)


def constant_scores(targets: npt.NDArray[np.integer], label: int) -> dict[str, float]:
    """Accuracy and macro F1, over the classes that occur, of one label for all."""
    accuracy = float((targets == label).mean())
    classes = len(np.union1d(targets, [label]))
    return {"accuracy": accuracy, "macro_f1": 2 * accuracy / (1 + accuracy) / classes}

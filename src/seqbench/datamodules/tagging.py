"""Sentences with a label for each word: files of columns, or a small grammar of our own."""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, PositiveInt
from torch.utils.data import DataLoader

from seqbench.batch import Batch
from seqbench.datamodules.base import Fraction, TaskData
from seqbench.datamodules.cache import digest
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.tags import (
    Hiding,
    Numbered,
    baselines,
    encoded,
    notes,
    ordered,
    overlaps,
    unknown_rate,
)
from seqbench.datamodules.texts.conll import Columns, Sentence, Separator, find_tagged
from seqbench.datamodules.texts.encoder import PADDING_ID, UNKNOWN_ID, choose_vocabulary, plain
from seqbench.datamodules.texts.files import DATA_DIR, Whereabouts, local, whereabouts
from seqbench.datamodules.texts.grammar import draw_sentences
from seqbench.datamodules.texts.splits import draw
from seqbench.errors import UserError, nearest, short
from seqbench.metrics.spans import are_span_tags
from seqbench.spec import TaskSpec

Size = Annotated[int, Field(ge=1, le=1_000_000)]
Share = Annotated[float, Field(ge=0, lt=1)]
VocabularySize = Annotated[int, Field(ge=3)]


class Tagging(TaskData):
    """Name the part of speech of each word, or what it is a name of.

    ``Lincoln Marsh , it seems , flooded .  ->  B-LOC I-LOC O O O O O O``

    The data are the first of these that is given: ``path``, ``folder``, ``built_in``. Splits that
    they bring are kept; validation or test that they lack is drawn from train, sentence by
    sentence. The vocabulary is that of the training words alone. The labels are the tags of all
    splits: one that train lacks is never learnt, but its words count, as wrong ones.

    path: a file with a word a line and its tag in another column, a blank line behind each
        sentence (CoNLL, CoNLL-U); or a folder that holds ``train`` and perhaps ``val`` (``dev``,
        ``testa``) and ``test`` (``testb``) as such files.
    folder: the same, by its name under the directory that ``SEQBENCH_DATA_DIR`` names.
    built_in: ``grammar``, sentences about names of people and of places, see
        ``texts.grammar.draw_sentences``: with one direction a span F1 of 0.75 is to be had.
    train_size, val_size, test_size: sentences of the grammar.
    word_column, tag_column, separator, comment: how files are read, see ``texts.conll.Columns``.
    encoding: of files.
    lowercase: lower-case the words.
    vocabulary_size: most words kept, padding and unknown among them. None: all.
    min_count: fewest times that a word must occur in train.
    unknown_singletons: share of the words which train has once that training reads as unknown,
        others in each epoch (Lample et al. 2016, "Neural architectures for named entity
        recognition", section 4.3); the unknown word is not learnt otherwise, where ``min_count``
        leaves none.
    max_length: longer training sentences are cut to it. Others never are: each of their words has
        a label.
    val_fraction, test_fraction: share of train that is drawn for a split which the data lack.

    The metric is ``span_f1`` where tags are those of spans (``B-PER``), else ``accuracy``.

    ``facts``: ``words``, ``longest`` (words of a sentence), ``overlaps`` (distinct sentences in
    both splits of a pair), ``vocabulary_size``, ``unknown_rate``, ``tags`` (how often each is in
    train), ``unseen_tags`` (the same in other splits, of those that train lacks), ``majority``,
    ``cut`` (training sentences). ``baselines``: ``majority``, the commonest tag of train, and
    ``by_word``, the commonest of each word; of words that train lacks, the ``majority``.

    Raises ``UserError`` where the data are absent, cannot be read, or cannot be learnt from.
    """

    unit = "sentences"

    def __init__(
        self,
        *,
        path: str | None = None,
        folder: str | None = None,
        built_in: Literal["grammar"] | None = None,
        train_size: Size = 2000,
        val_size: Size = 500,
        test_size: Size = 1000,
        word_column: int = 0,
        tag_column: int = -1,
        separator: Separator | None = None,
        comment: Annotated[str, Field(min_length=1)] | None = None,
        encoding: str = "utf-8",
        lowercase: bool = False,
        vocabulary_size: VocabularySize | None = None,
        min_count: PositiveInt = 1,
        unknown_singletons: Share = 0.5,
        max_length: PositiveInt | None = None,
        val_fraction: Fraction = 0.1,
        test_fraction: Fraction = 0.1,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.path, self.folder, self.built_in = path, folder, built_in
        self.sizes = {"train": train_size, "val": val_size, "test": test_size}
        self.columns = Columns(word_column, tag_column, separator, comment)
        self.encoding, self.lowercase = encoding, lowercase
        self.vocabulary_size, self.min_count = vocabulary_size, min_count
        self.unknown_singletons, self.max_length = unknown_singletons, max_length
        self.fractions = {"test": test_fraction, "val": val_fraction}

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "spec"):
            return
        files = local(self.path, self.folder, find_tagged)
        sentences = self._built_in() if files is None else self._read_all(files)
        train = sentences["train"]
        counts = Counter(word for sentence in train for word in sentence.words)
        tags = {
            split: Counter(tag for sentence in part for tag in sentence.tags)
            for split, part in sentences.items()
        }
        labels = ordered({tag for found in tags.values() for tag in found})
        longest = {split: max(map(len, part)) for split, part in sentences.items()}
        self.spec = self._spec(counts, labels, max(longest.values()), synthetic=files is None)
        self.splits = {
            split: encoded(part, self.spec, self.max_length if split == "train" else None)
            for split, part in sentences.items()
        }
        ids = [counts[word] for word in self.spec.vocabulary[2:]]
        self.first_singleton = 2 + sum(count > 1 for count in ids)
        self.baselines = baselines(train, {k: sentences[k] for k in ("val", "test")}, self.spec)
        self.facts = {
            "words": {split: found.total() for split, found in tags.items()},
            "longest": longest,
            "overlaps": overlaps(sentences),
            "vocabulary_size": len(self.spec.vocabulary),
            "unknown_rate": {split: unknown_rate(data) for split, data in self.splits.items()},
            "tags": {tag: tags["train"][tag] for tag in labels},
            "unseen_tags": {
                split: {
                    tag: n for tag, n in sorted(tags[split].items()) if tag not in tags["train"]
                }
                for split in ("val", "test")
            },
            "majority": max(labels, key=tags["train"].__getitem__),
            "cut": sum(len(sentence) > (self.max_length or len(sentence)) for sentence in train),
        }
        content = {
            split: [[each.words, each.tags] for each in part] for split, part in sentences.items()
        }
        known = [self.lowercase, self.vocabulary_size, self.min_count]
        self.fingerprint = digest(["tagging", content, known])
        sizes = {split: len(part) for split, part in sentences.items()}
        self.notes += notes(sizes, self.facts, self.max_length)

    def loader(self, split: str, training: bool = False) -> DataLoader[Batch]:
        if not (training and self.unknown_singletons):
            return super().loader(split, training)
        share, first = self.unknown_singletons, self.first_singleton
        data = Hiding(self.splits[split], share, first, UNKNOWN_ID, self.seed)
        sampler = Numbered(
            self.splits[split].lengths,
            self.batch_size,
            shuffle=self.shuffle,
            seed=self.seed,
            rank=self.rank,
            world_size=self.world_size,
        )
        return self.batches(data, sampler)

    def from_file(self, path: str, spec: TaskSpec) -> Ragged:
        """The sentences of the file at ``path``, by the spec's vocabulary.

        Raises UserError for a tag that is none of the spec's labels.
        """
        files = find_tagged(path)
        if len(files) > 1:
            raise UserError(f"{path}: the folder holds {', '.join(files)}; name one of its files")
        (file,) = files.values()
        sentences = self._read(file, str(file))
        known = {*spec.labels}
        for sentence in sentences:
            for tag, line in zip(sentence.tags, sentence.lines, strict=True):
                if tag not in known:
                    raise UserError(
                        f"{file}: line {line}: the tag {short(tag, 80)!r} is not among those that "
                        f"the network knows{nearest(tag, known)}"
                    )
        data = encoded(sentences, spec)
        self.facts["unknown_rate"] = {Path(path).name: unknown_rate(data)}
        return data

    def whereabouts(self) -> Whereabouts | None:
        built_in = None if self.folder else self.built_in
        return whereabouts(self.path, self.folder, find_tagged, built_in=built_in)

    def _read_all(self, files: dict[str, Path]) -> dict[str, list[Sentence]]:
        """Train, val and test; what there is no file of is drawn from train."""
        where = {split: f"{file} (split {split})" for split, file in files.items()}
        splits = {split: self._read(file, where[split]) for split, file in files.items()}
        random = np.random.default_rng(self.data_seed)
        there = len(splits["train"])
        for split, fraction in self.fractions.items():
            if split not in files:
                train = splits["train"]
                if len(train) < 2:
                    raise UserError(
                        f"{where['train']}: sentences in all: {there}; at least one each is needed "
                        "for train, val and test, with a blank line behind each"
                    )
                alike = np.zeros(len(train), np.int64)
                drawn, rest = draw(alike, np.array([0]), fraction, random)
                splits[split] = [train[i] for i in drawn]
                splits["train"] = [train[i] for i in rest]
        one, *more = {tag for sentence in splits["train"] for tag in sentence.tags}
        if not more:
            raise UserError(
                f"{where['train']}: all words of train have the tag {short(one, 80)!r}; at least "
                "two tags are needed: is task.tag_column right?"
            )
        return {split: splits[split] for split in ("train", "val", "test")}

    def _built_in(self) -> dict[str, list[Sentence]]:
        # Who names a folder does not want to learn a grammar by mistake.
        if self.folder:
            raise UserError(
                f"no data: set {DATA_DIR} to the directory that holds {self.folder}, or set "
                "task.path=FILE; task.folder=null trains on the built-in grammar"
            )
        if not self.built_in:
            raise UserError(
                "no data: set task.path=FILE to a file with a word and its tag a line, or to a "
                "folder, or task.built_in=grammar"
            )
        self.notes = [
            "data: sentences of a small built-in grammar, about names of people and places; for "
            f"data of your own give task.path=FILE, or {DATA_DIR} with task.folder"
        ]
        drawn = draw_sentences([*self.sizes.values()], self.data_seed)
        return {split: self._cased(part) for split, part in zip(self.sizes, drawn, strict=True)}

    def _read(self, file: Path, where: str) -> list[Sentence]:
        with closing(self.columns.read(file, self.encoding)) as read:
            sentences = self._cased(read)
        if not sentences:
            raise UserError(f"{where}: no word there; a word and its tag a line are needed")
        return sentences

    def _cased(self, sentences: Iterable[Sentence]) -> list[Sentence]:
        found = list(sentences)
        if self.lowercase:
            for sentence in found:
                sentence.words = [word.lower() for word in sentence.words]
        return found

    def _spec(
        self,
        counts: Counter[str],
        labels: tuple[str, ...],
        longest: int,
        *,
        synthetic: bool,
    ) -> TaskSpec:
        size = self.vocabulary_size or len(counts) + 2
        vocabulary = choose_vocabulary(counts, size=size, min_count=self.min_count)
        if len(vocabulary) == 2:  # padding and unknown
            raise UserError(
                f"task.min_count={self.min_count}: no word of train occurs so often; lower it"
            )
        rounds = [m * 10**e for e in range(9) for m in (1, 2, 5)]
        return TaskSpec(
            kind="tag",
            input_size=len(vocabulary),
            output_size=len(labels),
            padding_id=PADDING_ID,
            metric="span_f1" if are_span_tags(labels) else "accuracy",
            labels=labels,
            vocabulary=vocabulary,
            encoding=plain("whitespace") | {"lowercase": self.lowercase},
            length_bounds=(*(bound for bound in rounds if 10 <= bound < longest), longest),
            synthetic=synthetic,
        )

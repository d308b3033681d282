"""A text to be predicted token by token, with the state carried along it."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt
from torch.utils.data import DataLoader

from seqbench.batch import Batch
from seqbench.datamodules.base import Fraction, TaskData, counted
from seqbench.datamodules.cache import array, cached, digest, reading, words
from seqbench.datamodules.ngrams import NGrams
from seqbench.datamodules.sampling import InOrder
from seqbench.datamodules.streams import Hidden, Streams
from seqbench.datamodules.texts.encoder import PADDING_ID, UNKNOWN_ID
from seqbench.datamodules.texts.encoding import VERSION, encode, encode_another
from seqbench.datamodules.texts.files import DATA_DIR, Whereabouts, local, whereabouts
from seqbench.datamodules.texts.notes import listed
from seqbench.datamodules.texts.pieces import TextSettings
from seqbench.datamodules.texts.running import (
    REFERENCE,
    Reference,
    RunningText,
    TextFiles,
    find_all,
    find_texts,
)
from seqbench.datamodules.texts.tokens import Level
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

log = logging.getLogger(__name__)

VocabularySize = Annotated[int, Field(ge=3)]
Probability = Annotated[float, Field(ge=0, lt=1)]


class LanguageModel(TaskData):
    """What comes next?  ``to be or not  ->  be or not to``

    Training reads the text as ``batch_size`` streams side by side, ``sequence_length`` steps at a
    time, and carries the state from one chunk to the next: truncated backpropagation through time
    (Williams and Peng 1990). Evaluation reads it as ``eval_batch_size`` streams, in chunks of as
    many tokens as in training. Each token but the first is predicted once.

    The text is the first of these that is there: ``path``, ``folder``, ``built_in``. Splits that
    it brings are kept; validation and test that it lacks are cut from the end of train. The
    vocabulary is that of train alone.

    path: a text file, a parquet file, or a folder of them; see ``find_texts``.
    folder: the same, by its name under the directory that ``SEQBENCH_DATA_DIR`` names.
    built_in: ``python_reference``, the language reference that CPython carries.
    text_column: of parquet files. encoding: of all others.
    level: ``whitespace``, what stands between white space; ``word``, words and runs of
        punctuation; ``char``, characters.
    lowercase: lower-case the text.
    end_of_line: whether each line ends with a token of its own, as in the Penn Treebank.
    vocabulary_size: most tokens kept, padding and unknown among them; None keeps all.
    min_count: fewest times that a token must occur in train.
    unknown_singletons: share of the tokens that train has once, which training reads as unknown;
        others in each epoch. With ``min_count=1`` the unknown token is not learnt otherwise.
    val_fraction, test_fraction: share of train that becomes a split which the text lacks.
    cache_dir: where the encoded text is kept.

    ``facts``: ``tokens``, ``characters`` (of words with one of white space each) and
    ``unknown_rate`` by split, ``types`` in train, ``vocabulary_size`` (padding and unknown among
    them), ``singletons`` (of it, those that train has once). ``baselines``: an add-one n-gram
    model, ``trigram`` or, of a larger vocabulary, ``bigram`` or ``unigram``.

    Raises ``UserError`` where the text is absent, cannot be read, or is too short.
    """

    unit = "tokens predicted"

    def __init__(
        self,
        *,
        cache_dir: str,
        path: str | None = None,
        folder: str | None = None,
        built_in: Literal["python_reference"] | None = None,
        text_column: str = "text",
        encoding: str = "utf-8",
        level: Level = "word",
        lowercase: bool = False,
        end_of_line: bool = False,
        vocabulary_size: VocabularySize | None = None,
        min_count: PositiveInt = 1,
        unknown_singletons: Probability = 0.0,
        val_fraction: Fraction = 0.1,
        test_fraction: Fraction = 0.1,
        sequence_length: PositiveInt = 35,
        batch_size: PositiveInt = 20,
        eval_batch_size: PositiveInt = 1,
        shuffle: Literal[False] = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            batch_size=batch_size, eval_batch_size=eval_batch_size, shuffle=shuffle, **kwargs
        )
        if val_fraction + test_fraction >= 1:
            raise UserError("task.val_fraction and task.test_fraction leave nothing to train on")
        if unknown_singletons and min_count > 1:
            raise UserError(
                "task.unknown_singletons is for task.min_count=1: words that train has once are "
                f"unknown already with task.min_count={min_count}"
            )
        if level == "char" and end_of_line:
            raise UserError(
                "task.end_of_line=true is for words: of characters a line's end is one itself"
            )
        self.cache_dir = Path(cache_dir).expanduser()
        self.path, self.folder, self.built_in = path, folder, built_in
        self.text_column, self.encoding = text_column, encoding
        self.sequence_length = sequence_length
        self.unknown_singletons = unknown_singletons
        self.settings = TextSettings(
            level=level,
            lowercase=lowercase,
            end_of_line=end_of_line,
            vocabulary_size=vocabulary_size,
            min_count=min_count,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
        )

    def prepare_data(self) -> None:
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "splits"):
            return
        directory, text = self._encoded()
        with reading(directory):
            content = json.loads((directory / "text.json").read_text("utf-8"))
            vocabulary, self.facts = words(content["vocabulary"]), dict(content["facts"])
            counted = NGrams(**content["counted"])
            tokens = {name: array(directory / f"{name}.npy") for name in ("train", "val", "test")}
        self.fingerprint = digest([text.content, self.settings.deciding()])
        self.spec = TaskSpec(
            kind="language_model",
            input_size=len(vocabulary),
            output_size=len(vocabulary),
            padding_id=PADDING_ID,
            metric="bits_per_character" if self.settings.level == "char" else "perplexity",
            mode="min",
            vocabulary=vocabulary,
            encoding=self.settings.splitting(),
        )
        self.characters = {
            name: characters / self.facts["tokens"][name]
            for name, characters in self.facts["characters"].items()
        }
        self.splits = {name: self._streams(name, ids) for name, ids in tokens.items()}
        self.baselines = {counted.name: counted.metrics(self.characters)}
        self.notes = self._notes(text)

    def loader(self, split: str, training: bool = False) -> DataLoader[Batch]:
        data: Streams = self.splits[split]
        if training:
            data = self._streams(split, data.tokens, training=True)
        return self.batches(data, InOrder(data.chunks, self.world_size))

    def token_counts(self) -> npt.NDArray[np.int64]:
        return counted(self.splits["train"].tokens, self.spec.input_size)

    def probe(self, split: str, rows: int) -> Batch:
        """As many places of the text, each read as far as training carries a gradient."""
        data: Streams = self.splits[split]
        streams = min(rows, len(data))
        return Streams(data.tokens, streams=streams, steps=self.sequence_length)[0]

    def from_file(self, path: str, spec: TaskSpec) -> Streams:
        text = TextFiles({"test": find_all(path)}, self.encoding, self.text_column)
        tokens, characters = encode_another(text, path, spec.vocabulary, self.settings)
        name = Path(path).name
        self.characters[name] = characters
        self.facts["unknown_rate"] = {name: float((tokens == UNKNOWN_ID).mean())}
        return self._streams(name, tokens)

    def _streams(self, split: str, tokens: Any, training: bool = False) -> Streams:
        """The streams of this process: of as many as all processes train on together, or of those
        that one evaluates on, since where a stream begins the network knows nothing of the text."""
        steps, streams = self.sequence_length, self.batch_size * self.world_size
        key = "batch_size"
        if not training:
            key, streams = "eval_batch_size", self.eval_batch_size
            steps = max(1, steps * self.batch_size // streams)
        hidden = None
        if training and self.unknown_singletons:
            first = self.facts["vocabulary_size"] - self.facts["singletons"]
            hidden = Hidden(self.unknown_singletons, first, UNKNOWN_ID, self.seed)
        try:
            data = Streams(
                tokens,
                streams=streams,
                steps=steps,
                hidden=hidden,
                rank=self.rank,
                world_size=self.world_size,
            )
        except UserError as error:
            size = self.batch_size if training else streams
            raise UserError(f"the split {split}: {error}; lower task.{key}={size}") from error
        longest = data.longest
        if training and steps > longest:
            raise UserError(
                f"task.sequence_length={steps} is longer than a stream of {split}: {longest} steps "
                f"of each of {streams}; lower it, or task.batch_size"
            )
        return data

    def _encoded(self) -> tuple[Path, RunningText]:
        """The directory of the encoded text, made if need be, and where the text comes from."""
        text = self._text()
        settings = self.settings
        key = digest([VERSION, text.content, asdict(settings)])
        directory = self.cache_dir / "running" / key[:32]
        return cached(directory, lambda new: encode(text, settings, new)), text

    def whereabouts(self) -> Whereabouts | None:
        return whereabouts(self.path, self.folder, find_texts, built_in=self.built_in)

    def _text(self) -> RunningText:
        found = local(self.path, self.folder, find_texts)
        if found is not None:
            return TextFiles(found, self.encoding, self.text_column)
        if self.built_in == REFERENCE:
            return Reference()
        where = f"set {DATA_DIR} to the directory that holds {self.folder}, or " * bool(self.folder)
        raise UserError(f"no text: {where}task.path=FILE to a text file, or to a folder of them")

    def _notes(self, text: RunningText) -> list[str]:
        facts = self.facts
        rates = ", ".join(f"{name} {rate:.2%}" for name, rate in facts["unknown_rate"].items())
        notes = [
            f"tokens: {listed(facts['tokens'])}; vocabulary {facts['vocabulary_size']} with "
            f"padding and unknown, of {facts['types']} types in train; unknown: {rates}"
        ]
        if isinstance(text, Reference):
            notes.insert(0, text.note(sum(facts["tokens"].values())))
        return notes

"""Text to token ids: how a text is split, which tokens have an id, and the way back to it.

A text is cut in two steps. Its *pieces* are its words between white space, or its characters;
a piece's *tokens* are what has an id: ``don't`` is one piece and three tokens, or one where words
are left whole. No token reaches over two pieces, so a corpus needs to cut each distinct piece only
once.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Literal, Self

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers

from seqbench.datamodules.ragged import Keep, Ragged
from seqbench.datamodules.texts.homoglyphs import mend
from seqbench.spec import TaskSpec

Level = Literal["word", "whitespace", "char"]

PADDING, UNKNOWN = "<pad>", "<unk>"
PADDING_ID, UNKNOWN_ID = 0, 1

WORD = re.compile(r"[^ \t\n\v\f\r]+")
"""What stands between blanks, as files of columns have it; other spaces are within a word."""

HTML_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


class TextSplitter:
    """Cuts texts into pieces and pieces into tokens.

    level: ``word``, words and runs of punctuation (``\\w+|[^\\w\\s]+``); ``whitespace``, what
        stands between white space; or ``char``, characters.
    lowercase: whether texts are lower-cased first.
    strip_html: whether tags such as ``<br />`` become a space first.
    mend_homoglyphs: whether words that mix Latin and Cyrillic letters are mended first.
    """

    def __init__(
        self, *, level: Level, lowercase: bool, strip_html: bool, mend_homoglyphs: bool = False
    ) -> None:
        self.level, self.lowercase, self.strip_html = level, lowercase, strip_html
        self.mend_homoglyphs = mend_homoglyphs
        self.pre_tokenizer = pre_tokenizers.Whitespace() if level == "word" else None

    def pieces(self, text: str) -> list[str]:
        """The pieces of a text, white space around it aside: one empty piece if it has none."""
        text = self.cleaned(text)
        if self.level == "char":
            return list(text.strip()) or [""]
        if self.level == "whitespace":
            return WORD.findall(text) or [""]
        return text.split() or [""]

    def cleaned(self, text: str) -> str:
        """A text as it is when it is cut."""
        if self.strip_html:
            text = HTML_TAG.sub(" ", text)
        if self.mend_homoglyphs:
            text = mend(text)[0]
        return text.lower() if self.lowercase else text

    def mended(self, text: str) -> int:
        """How many words of a text are mended."""
        if not self.mend_homoglyphs:
            return 0
        return mend(HTML_TAG.sub(" ", text) if self.strip_html else text)[1]

    def tokens(self, piece: str) -> list[str]:
        """The tokens of a piece; the empty piece is one unknown token."""
        if not piece:
            return [UNKNOWN]
        # Letters alone are one token; asking the library about each would take twice the time.
        if self.pre_tokenizer is None or piece.isalpha():
            return [piece]
        return [token for token, _ in self.pre_tokenizer.pre_tokenize_str(piece)]


def plain(level: Level) -> dict[str, Any]:
    """The encoding of texts that are cut into tokens, and else left as they are."""
    return {
        "level": level,
        "lowercase": False,
        "strip_html": False,
        "max_length": None,
        "keep": "head",
    }


class TextEncoder:
    """Encodes raw texts, as a task's data were encoded, from what its spec stores.

    vocabulary: the tokens, by id; padding is 0, unknown tokens are 1.
    encoding: ``level``, ``lowercase``, ``strip_html`` and, if it is there, ``mend_homoglyphs`` as
        in ``TextSplitter``; ``max_length``, ``keep`` and ``pad_to_max`` as in TextClassification.
    """

    def __init__(self, vocabulary: Sequence[str], encoding: Mapping[str, Any]) -> None:
        self.max_length: int | None = encoding["max_length"]
        self.keep: Keep = encoding["keep"]
        self.steps = self.max_length if encoding.get("pad_to_max") else None
        self.splitter = TextSplitter(
            level=encoding["level"],
            lowercase=encoding["lowercase"],
            strip_html=encoding["strip_html"],
            mend_homoglyphs=encoding.get("mend_homoglyphs", False),
        )
        # No text holds padding, whatever is written in it.
        ids = {token: i for i, token in enumerate(vocabulary) if i != PADDING_ID}
        self.tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
        if self.splitter.pre_tokenizer is not None:
            self.tokenizer.pre_tokenizer = self.splitter.pre_tokenizer

    @classmethod
    def from_spec(cls, spec: TaskSpec) -> Self:
        return cls(spec.vocabulary, spec.encoding)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, at least one, not yet cut to ``max_length``."""
        return self.encode_pieces([self.splitter.pieces(text) for text in texts])

    def encode_pieces(self, pieces: Sequence[Sequence[str]]) -> list[list[int]]:
        """The ids of each text that is cut into pieces, at least one."""
        distinct = list(dict.fromkeys(chain.from_iterable(pieces)))
        encoded = self.tokenizer.encode_batch_fast([[p] for p in distinct], is_pretokenized=True)
        ids = {piece: found.ids for piece, found in zip(distinct, encoded, strict=True)}
        return [[i for piece in row for i in ids[piece]] or [UNKNOWN_ID] for row in pieces]

    def dataset(self, texts: Sequence[str]) -> Ragged:
        """The texts as sequences with the target 0, cut to ``max_length`` when they are read."""
        ids = self.encode(texts)
        return Ragged(
            np.fromiter(chain.from_iterable(ids), np.int64),
            np.cumsum([0, *map(len, ids)]),
            np.zeros(len(ids), np.int64),
            padding_id=PADDING_ID,
            max_length=self.max_length,
            keep=self.keep,
            steps=self.steps,
        )


def choose_vocabulary(counts: Mapping[str, int], *, size: int, min_count: int) -> tuple[str, ...]:
    """The most frequent tokens behind padding and unknown, ``size`` in all; ties by the token."""
    kept = [t for t, n in counts.items() if n >= min_count and t not in (PADDING, UNKNOWN)]
    kept.sort()
    kept.sort(key=counts.__getitem__, reverse=True)
    return (PADDING, UNKNOWN, *kept[: size - 2])

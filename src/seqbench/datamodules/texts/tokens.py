"""Running text to tokens, for networks that write, and from tokens back to text."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, Self

from tokenizers import pre_tokenizers

from seqbench.datamodules.texts.encoder import PADDING_ID, UNKNOWN_ID
from seqbench.spec import TaskSpec

Level = Literal["whitespace", "word", "char"]

START, END = "<s>", "<eos>"
"""Before the first and behind the last token of a text or line, where a task has such marks."""

NO_SPACE = re.compile(r" (?=[.,;:!?)\]}»”…%])|(?<=[(\[{«“]) ")


class Tokens:
    """Cuts running text into tokens with ids, and writes it from them.

    vocabulary: the tokens, by id; padding is 0, unknown tokens are 1.
    level: ``whitespace``, what stands between white space; ``word``, words and runs of
        punctuation; ``char``, characters, white space among them.
    lowercase: whether texts are lower-cased first.
    end_of_line: whether a line ends with a token of its own.
    start, end: the ids of the marks around a text, None where it has none. ``end`` is a line's
        where ``end_of_line`` is true.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        level: Level,
        lowercase: bool,
        end_of_line: bool = False,
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.level, self.lowercase, self.end_of_line = level, lowercase, end_of_line
        # No text holds padding, whatever is written in it.
        self.ids = {token: i for i, token in enumerate(vocabulary) if i != PADDING_ID}
        self.end = self.ids.get(END) if end_of_line else end
        self.marks = {PADDING_ID: "", start: "", self.end: "\n"}
        self.pre_tokenizer = pre_tokenizers.Whitespace()

    @classmethod
    def from_spec(cls, spec: TaskSpec) -> Self:
        encoding = spec.encoding
        return cls(
            spec.vocabulary,
            level=encoding["level"],
            lowercase=encoding["lowercase"],
            end_of_line=encoding.get("end_of_line", False),
            start=spec.start_id,
            end=spec.end_id,
        )

    def split(self, text: str) -> list[str]:
        """The tokens of a text, known or not."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if self.lowercase:
            text = text.lower()
        if self.level == "char":
            return list(text)
        words = (text.replace("\n", f" {END} ") if self.end_of_line else text).split()
        if self.level == "whitespace":
            return words
        return [token for word in words for token in self._cut(word)]

    def _cut(self, word: str) -> list[str]:
        if word.isalpha() or (self.end_of_line and word == END):
            return [word]
        # Not Python's own expressions: for these a combining accent is no part of a word.
        return [token for token, _ in self.pre_tokenizer.pre_tokenize_str(word)]

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The id of each token; ``UNKNOWN_ID`` for those without one."""
        return [self.ids.get(token, UNKNOWN_ID) for token in tokens]

    def text(self, ids: Iterable[int]) -> str:
        """The text that tokens stand for; an end mark is the end of a line.

        Of words and punctuation the white space is guessed.
        """
        words = [self.marks.get(i, self.vocabulary[i]) for i in ids]
        if self.level == "char":
            return "".join(words)
        text = re.sub(r" ?\n ?", "\n", " ".join(filter(None, words)))
        return NO_SPACE.sub("", text) if self.level == "word" else text


def with_marks(vocabulary: Sequence[str]) -> tuple[str, ...]:
    """The vocabulary with start and end in the places 2 and 3, behind padding and unknown."""
    return (*vocabulary[:2], START, END, *vocabulary[2:])

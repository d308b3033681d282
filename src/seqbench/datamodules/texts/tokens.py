"""Running text to tokens, for networks that write, and from tokens back to text."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, Self

from seqbench.datamodules.texts.encoder import PADDING_ID, UNKNOWN_ID
from seqbench.spec import TaskSpec

Level = Literal["whitespace", "word", "char"]

START, END = "<s>", "<eos>"
"""Before the first and behind the last token of a text or line, where a task has such marks."""

WORD = re.compile(r"\w+|[^\w\s]+")
NO_SPACE = re.compile(r" (?=[.,;:!?)\]}»”…%])|(?<=[(\[{«“]) ")


class Tokens:
    """Cuts running text into tokens with ids, and writes it from them.

    vocabulary: the tokens, by id; padding is 0, unknown tokens are 1.
    level: ``whitespace``, what stands between white space; ``word``, words and runs of
        punctuation; ``char``, characters, white space among them.
    lowercase: whether texts are lower-cased first.
    """

    def __init__(self, vocabulary: Sequence[str], *, level: Level, lowercase: bool) -> None:
        self.vocabulary = vocabulary
        self.level, self.lowercase = level, lowercase
        # No text holds padding, whatever is written in it.
        self.ids = {token: i for i, token in enumerate(vocabulary) if i != PADDING_ID}

    @classmethod
    def from_spec(cls, spec: TaskSpec) -> Self:
        encoding = spec.encoding
        return cls(spec.vocabulary, level=encoding["level"], lowercase=encoding["lowercase"])

    def split(self, text: str) -> list[str]:
        """The tokens of a text, known or not."""
        if self.lowercase:
            text = text.lower()
        if self.level == "char":
            return list(text)
        return text.split() if self.level == "whitespace" else WORD.findall(text)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The id of each token; ``UNKNOWN_ID`` for those without one."""
        return [self.ids.get(token, UNKNOWN_ID) for token in tokens]

    def text(self, ids: Iterable[int]) -> str:
        """The text that tokens stand for; an end mark is the end of a line.

        Of words and punctuation the white space is guessed.
        """
        marks = {PADDING_ID: "", self.ids.get(START): "", self.ids.get(END): "\n"}
        words = [marks.get(i, self.vocabulary[i]) for i in ids]
        if self.level == "char":
            return "".join(words)
        text = re.sub(r" ?\n ?", "\n", " ".join(filter(None, words)))
        return NO_SPACE.sub("", text) if self.level == "word" else text


def with_marks(vocabulary: Sequence[str]) -> tuple[str, ...]:
    """The vocabulary with start and end in the places 2 and 3, behind padding and unknown."""
    return (*vocabulary[:2], START, END, *vocabulary[2:])

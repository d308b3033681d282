"""Running text to token ids in files: read once as a stream, in bounded memory."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.encoder import UNKNOWN_ID, choose_vocabulary
from seqbench.datamodules.texts.rows import Ints, interning_table
from seqbench.datamodules.texts.running import RunningText
from seqbench.datamodules.texts.splits import spans
from seqbench.datamodules.texts.tokens import END, Level, Tokens
from seqbench.errors import UserError

VERSION = 2
"""To be raised when the same text and settings would be encoded otherwise."""

CHUNK = 1 << 22
"""Pieces mapped to ids at a time."""

LONGEST = 1 << 20
"""Characters that a word may have."""

Numbers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class TextSettings:
    """What decides how a text is encoded; see ``LanguageModel``."""

    level: Level
    lowercase: bool
    end_of_line: bool
    vocabulary_size: int | None
    min_count: int
    val_fraction: float
    test_fraction: float

    def splitting(self) -> dict[str, Any]:
        """How a text is cut into tokens."""
        names = ("level", "lowercase", "end_of_line")
        return {name: asdict(self)[name] for name in names}

    def deciding(self) -> dict[str, Any]:
        """What decides, beside the text, which part of it is learnt from."""
        return {name: asdict(self)[name] for name in ("val_fraction", "test_fraction")}


class Pieces:
    """Numbers what a text is cut into: characters, by their code point, or its words as they come.

    A word at level ``word`` may be several tokens; a piece is cut into them once.
    """

    def __init__(self, settings: TextSettings) -> None:
        self.level, self.lowercase = settings.level, settings.lowercase
        self.end_of_line = settings.end_of_line
        self.tokens = Tokens((), level=settings.level, lowercase=settings.lowercase)
        self.table = interning_table()

    def numbers(self, text: Iterator[str], where: str) -> Iterator[Numbers]:
        """The pieces of each block of a text; ``where`` is what to call it in a message."""
        if self.level == "char":
            for block in text:
                block = block.lower() if self.lowercase else block
                yield np.frombuffer(block.encode("utf-32-le"), np.uint32)
            return
        piece: Callable[[str], int] = self.table.__getitem__
        rest = ""
        for block in text:
            block = rest + block
            end = block if not self.end_of_line else block.replace("\n", f" {END}\n")
            words = (end.lower() if self.lowercase else end).split()
            rest = ""
            if not block[-1:].isspace() and words:
                words.pop()
                rest = block.rsplit(None, 1)[-1]
                if len(rest) > LONGEST:
                    raise UserError(
                        f"{where}: no white space within {LONGEST} characters; set task.level=char"
                    )
            yield np.fromiter(map(piece, words), np.int32, len(words))

    def flat(self) -> tuple[list[str], Ints, Ints]:
        """All tokens, those of each piece end to end, and how many each piece has.

        Of characters those up to the largest code point; so a piece's number is its place.
        """
        if self.level == "char":
            return [], np.arange(0x110000), np.ones(0x110000, np.int64)
        table = interning_table()
        flat: list[int] = []
        widths: list[int] = []
        for word in self.table:
            cut = [word] if word == END else self.tokens.split(word)
            flat.extend(map(table.__getitem__, cut))
            widths.append(len(cut))
        return list(table), np.array(flat, np.int64), np.array(widths, np.int64)

    def characters(self) -> Ints:
        """``(P,)`` of each piece, with one of the white space behind a word; 0 of an end mark."""
        if self.level == "char":
            return np.ones(0x110000, np.int64)
        return np.array([0 if word == END else len(word) + 1 for word in self.table], np.int64)


def encode(text: RunningText, settings: TextSettings, directory: Path) -> None:
    """Writes ``SPLIT.npy``, the ids of each split, and ``text.json`` into ``directory``.

    Raises ``UserError`` for texts that cannot be learnt from.
    """
    pieces = Pieces(settings)
    read: dict[str, Numbers] = {}
    for split in text.splits:
        file, where = directory / f"{split}.pieces", text.where(split)
        with closing(text.read(split)) as blocks, file.open("wb") as opened:
            for numbers in pieces.numbers(blocks, where):
                numbers.astype(np.int32).tofile(opened)
        if not file.stat().st_size:
            raise UserError(f"{where}: no text in it")
        read[split] = np.memmap(file, np.int32, mode="r")
    splits = _cut(read, settings)
    names, flat, widths = pieces.flat()
    counts = {name: _count(part, len(widths)) for name, part in splits.items()}
    totals = {name: int(count @ widths) for name, count in counts.items()}
    for name, total in totals.items():
        if total < 2:
            where = text.where(name if name in read else "train")
            raise UserError(f"{where}: the text is too short: {name} has {total} tokens")
    of_tokens = {
        name: np.bincount(flat, np.repeat(count, widths), len(names) or 0x110000).astype(np.int64)
        for name, count in counts.items()
    }
    there = np.flatnonzero(of_tokens["train"])
    known = {names[i] if names else chr(i): int(of_tokens["train"][i]) for i in there}
    size = settings.vocabulary_size or len(known) + 2
    vocabulary = choose_vocabulary(known, size=size, min_count=settings.min_count)
    if len(vocabulary) == 2:  # padding and unknown
        raise UserError(
            f"task.min_count={settings.min_count}: no token of train occurs so often; lower it"
        )
    by_token = _by_token(names, vocabulary)
    encoded, starts = by_token[flat], np.cumsum(widths) - widths
    characters = pieces.characters()
    facts: dict[str, Any] = {name: {} for name in ("tokens", "characters", "unknown_rate")}
    for name, part in splits.items():
        total = totals[name]
        file = directory / f"{name}.npy"
        out = np.lib.format.open_memmap(file, "w+", by_token.dtype, (total,))
        place = 0
        for i in range(0, len(part), CHUNK):
            numbers = part[i : i + CHUNK]
            width = widths[numbers]
            end = place + int(width.sum())
            out[place:end] = encoded[spans(starts[numbers], width)]
            place = end
        out.flush()
        facts["tokens"][name] = total
        facts["characters"][name] = int(counts[name] @ characters)
        facts["unknown_rate"][name] = float(of_tokens[name][by_token == UNKNOWN_ID].sum()) / total
    facts |= {
        "types": len(known),
        "vocabulary_size": len(vocabulary),
        "singletons": sum(known.get(token, 0) == 1 for token in vocabulary[2:]),
    }
    content = {"vocabulary": vocabulary, "facts": facts}
    (directory / "text.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    for split in text.splits:
        (directory / f"{split}.pieces").unlink()


def encode_by(
    vocabulary: Sequence[str], text: RunningText, settings: TextSettings
) -> tuple[Numbers, int]:
    """The ids of a text's ``train`` by a vocabulary that is given, and how many characters it has.

    Raises ``UserError`` for a text of fewer than two tokens.
    """
    pieces, where = Pieces(settings), text.where("train")
    with closing(text.read("train")) as blocks:
        numbers = np.concatenate([np.zeros(0, np.int32), *pieces.numbers(blocks, where)])
    names, flat, widths = pieces.flat()
    width = widths[numbers]
    if width.sum() < 2:
        raise UserError(f"{where}: the text is too short: it has {width.sum()} tokens")
    starts = np.cumsum(widths) - widths
    ids = _by_token(names, vocabulary)[flat][spans(starts[numbers], width)]
    return ids, int(pieces.characters()[numbers].sum())


def _by_token(names: Sequence[str], vocabulary: Sequence[str]) -> Numbers:
    """The id of each token of ``Pieces.flat``."""
    kind = np.uint16 if len(vocabulary) <= 1 << 16 else np.int32
    if names:
        ids = {token: i for i, token in enumerate(vocabulary)}
        return np.array([ids.get(token, UNKNOWN_ID) for token in names], kind)
    by_point: Numbers = np.full(0x110000, UNKNOWN_ID, kind)
    known = [(ord(token), i) for i, token in enumerate(vocabulary) if len(token) == 1]
    points, places = zip(*known, strict=True)
    by_point[list(points)] = places
    return by_point


def _cut(read: dict[str, Numbers], settings: TextSettings) -> dict[str, Numbers]:
    """The splits; what the text does not bring is cut from the end of train."""
    splits, train = dict(read), read["train"]
    fractions = {"test": settings.test_fraction, "val": settings.val_fraction}
    total, end = len(train), len(train)
    for name, fraction in fractions.items():
        if name not in read:
            begin = end - max(1, round(total * fraction))
            splits[name], end = train[max(0, begin) : end], max(0, begin)
    splits["train"] = train[:end]
    return {name: splits[name] for name in ("train", "val", "test")}


def _count(part: Numbers, size: int) -> Ints:
    """``(size,)`` how often each piece occurs."""
    counts = np.zeros(size, np.int64)
    for i in range(0, len(part), CHUNK):
        counts += np.bincount(part[i : i + CHUNK], minlength=size)
    return counts

"""Running text to token ids in files: read once as a stream, in bounded memory."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.datamodules import arrays
from seqbench.datamodules.ngrams import NGrams, Rows, add_one
from seqbench.datamodules.texts.cutting import Ints, spans
from seqbench.datamodules.texts.encoder import UNKNOWN_ID, choose_vocabulary
from seqbench.datamodules.texts.pieces import Numbers, Part, Piece, Pieces, TextSettings
from seqbench.datamodules.texts.running import RunningText
from seqbench.datamodules.texts.tokens import Tokens
from seqbench.errors import UserError

VERSION = 4
"""To be raised when the same text and settings would be encoded otherwise."""


def encode(text: RunningText, settings: TextSettings, directory: Path) -> None:
    """Writes ``SPLIT.npy``, the ids of each split, and ``text.json`` into ``directory``.

    Raises ``UserError`` for texts that cannot be learnt from.
    """
    pieces = Pieces(settings)
    read: dict[str, Part] = {}
    for split in text.splits:
        file, where = directory / f"{split}.pieces", text.where(split)
        with closing(text.read(split)) as blocks, file.open("wb") as opened:
            for numbers in pieces.numbers(blocks, where):
                arrays.write(opened, numbers.astype(Piece))
        read[split] = Part(file, 0, file.stat().st_size // Piece.itemsize)
        if not read[split]:
            raise UserError(f"{where}: no text in it")
    splits = _cut(read, settings)
    names, flat, widths = pieces.flat()
    counts = {name: part.counts(len(widths)) for name, part in splits.items()}
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
    by_token = _ids(names, vocabulary, settings)
    encoded, starts = by_token[flat], np.cumsum(widths) - widths
    characters = pieces.characters()
    facts: dict[str, Any] = {name: {} for name in ("tokens", "characters", "unknown_rate")}
    for name, part in splits.items():
        total = totals[name]
        with (directory / f"{name}.npy").open("wb") as out:
            arrays.begin(out, by_token.dtype, (total,))
            for numbers in part.chunks():
                arrays.write(out, encoded[spans(starts[numbers], widths[numbers])])
        facts["tokens"][name] = total
        facts["characters"][name] = int(counts[name] @ characters)
        facts["unknown_rate"][name] = float(of_tokens[name][by_token == UNKNOWN_ID].sum()) / total
    facts |= {
        "types": len(known),
        "vocabulary_size": len(vocabulary),
        "singletons": sum(known.get(token, 0) == 1 for token in vocabulary[2:]),
    }
    counted = _counted({name: directory / f"{name}.npy" for name in splits}, len(vocabulary))
    content = {"vocabulary": vocabulary, "facts": facts, "counted": counted._asdict()}
    (directory / "text.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    for split in text.splits:
        (directory / f"{split}.pieces").unlink()


def encode_another(
    text: RunningText, where: str, vocabulary: Sequence[str], settings: TextSettings
) -> tuple[Numbers, float]:
    """The ids of all of a text by an earlier one's vocabulary; characters a token.

    They are held in memory. Raises ``UserError`` for a text too short to be predicted.
    """
    pieces = Pieces(settings)
    read: list[Numbers] = []
    for split in text.splits:
        with closing(text.read(split)) as blocks:
            read.extend(pieces.numbers(blocks, where))
    names, flat, widths = pieces.flat()
    encoded, starts = _ids(names, vocabulary, settings)[flat], np.cumsum(widths) - widths
    parts = [encoded[spans(starts[n], widths[n])] for n in read if len(n)]
    total = sum(map(len, parts))
    if total < 2:
        raise UserError(f"{where}: the text is too short: it has {total} tokens")
    characters = pieces.characters()
    return np.concatenate(parts), sum(int(characters[n].sum()) for n in read) / total


class Stored:
    """Ids in an .npy file from ``first`` to ``end``, read a stretch at a time.

    Of a memory map, all that was ever read would stay in memory.
    """

    def __init__(self, file: Path, first: int, end: int | None = None) -> None:
        with file.open("rb") as opened:
            np.lib.format.read_magic(opened)
            (size,), _, self.kind = np.lib.format.read_array_header_1_0(opened)
            self.offset = opened.tell() + first * self.kind.itemsize
        self.file, self.size = file, (size if end is None else size + end) - first

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, places: Ints) -> Numbers:
        first, last = int(places.min()), int(places.max())
        offset = self.offset + first * self.kind.itemsize
        stretch = np.fromfile(self.file, self.kind, last - first + 1, offset=offset)
        return stretch[places - first]


def _counted(files: dict[str, Path], size: int) -> NGrams:
    """An add-one n-gram model of train, measured on the others: what counting alone makes of it."""
    rows = {name: Rows.stream(Stored(f, 0, -1), Stored(f, 1)) for name, f in files.items()}
    return add_one(rows.pop("train"), rows, order=3, ids=size, outcomes=size - 1)


def _ids(names: Sequence[str], vocabulary: Sequence[str], settings: TextSettings) -> Numbers:
    """The id of each token or, without names, of each code point."""
    kind = np.uint16 if len(vocabulary) <= 1 << 16 else np.int32
    ids = Tokens(vocabulary, **settings.splitting()).ids
    if settings.level != "char":
        return np.array([ids.get(token, UNKNOWN_ID) for token in names], kind)
    by_token: Numbers = np.full(0x110000, UNKNOWN_ID, kind)
    by_token[list(map(ord, vocabulary[2:]))] = np.arange(2, len(vocabulary))
    return by_token


def _cut(read: dict[str, Part], settings: TextSettings) -> dict[str, Part]:
    """The splits; what the text does not bring is cut from the end of train."""
    splits, train = dict(read), read["train"]
    fractions = {"test": settings.test_fraction, "val": settings.val_fraction}
    total, end = len(train), len(train)
    for name, fraction in fractions.items():
        if name not in read:
            begin = end - max(1, round(total * fraction))
            splits[name], end = Part(train.file, max(0, begin), end), max(0, begin)
    splits["train"] = Part(train.file, 0, end)
    return {name: splits[name] for name in ("train", "val", "test")}

"""A corpus of labelled texts: read, checked, split and encoded once, into arrays in a directory."""

import json
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.datamodules import arrays
from seqbench.datamodules.texts.cutting import Ints, cut_pieces, interning_table, spans
from seqbench.datamodules.texts.encoder import (
    PADDING_ID,
    UNKNOWN_ID,
    Level,
    TextSplitter,
    choose_vocabulary,
)
from seqbench.datamodules.texts.labels import (
    check_classes,
    class_indices,
    find_classes,
    use_names,
)
from seqbench.datamodules.texts.policies import Contradictions, Duplicates, apply_policies
from seqbench.datamodules.texts.rows import Rows, read_rows
from seqbench.datamodules.texts.sources import Source
from seqbench.datamodules.texts.splits import Split, repeats, split_rows
from seqbench.errors import UserError

VERSION = 3
"""Part of the cache key: raise it with every change here that changes what is written."""


@dataclass(frozen=True)
class CorpusSettings:
    """All that decides what ``build_corpus`` writes, beside the data; see TextClassification."""

    text_column: str
    label_column: str
    classes: list[str] | None
    val_fraction: float
    test_fraction: float
    data_seed: int
    level: Level
    lowercase: bool
    strip_html: bool
    mend_homoglyphs: bool
    drop_classes: list[str]
    contradictions: Contradictions
    duplicates: Duplicates
    vocabulary_size: int
    min_count: int
    expected_rows: dict[str, int] | None

    def splitting(self) -> dict[str, Any]:
        """The settings of the ``TextSplitter``."""
        names = ("level", "lowercase", "strip_html", "mend_homoglyphs")
        return {name: value for name, value in asdict(self).items() if name in names}

    def deciding(self) -> dict[str, Any]:
        """What decides, beside the data, which rows are learnt from."""
        names = {"text_column", "label_column", "val_fraction", "test_fraction", "data_seed"}
        names |= {"drop_classes", "contradictions", "duplicates", "mend_homoglyphs"}
        return {name: value for name, value in asdict(self).items() if name in names}


def build_corpus(source: Source, settings: CorpusSettings, directory: Path) -> None:
    """Writes ``SPLIT.{tokens,offsets,labels}.npy`` and ``corpus.json`` into ``directory``.

    Raises ``UserError`` for data that cannot be learnt from; see ``TextClassification``.
    """
    splitter = TextSplitter(**settings.splitting())
    scratch = directory / "scratch"
    scratch.mkdir()
    table: defaultdict[str, int] = interning_table()
    parts = _read(source, settings, splitter, table, scratch)
    named = [n for n in parts["train"].class_names or () if n not in settings.drop_classes]
    classes = settings.classes or named or find_classes(parts["train"])
    given = bool(settings.classes or named)
    pools, policies = _pools(source, parts, classes, given, settings)
    fractions = {"test": settings.test_fraction, "val": settings.val_fraction}
    splits = split_rows(source, pools, classes, fractions, settings.data_seed)
    facts: dict[str, Any] = {
        "sizes": {name: len(split.rows) for name, split in splits.items()},
        "rows": {name: part.read for name, part in parts.items()},
        "dropped": {name: part.dropped for name, part in parts.items()},
        "dropped_classes": {name: part.dropped_classes for name, part in parts.items()},
        "class_counts": {
            name: dict(
                zip(
                    classes, np.bincount(split.labels, minlength=len(classes)).tolist(), strict=True
                )
            )
            for name, split in splits.items()
        },
        "policies": policies,
        "mended": {name: int(s.part.mended[s.rows].sum()) for name, s in splits.items()},
        **repeats(pools, splits),
    }
    vocabulary, facts["unknown_rate"] = _encode(splits, list(table), splitter, settings, directory)
    facts["vocabulary_size"] = len(vocabulary)
    corpus = {"classes": classes, "vocabulary": vocabulary, "facts": facts}
    (directory / "corpus.json").write_text(json.dumps(corpus, ensure_ascii=False), encoding="utf-8")
    shutil.rmtree(scratch)


def _read(
    source: Source,
    settings: CorpusSettings,
    splitter: TextSplitter,
    table: defaultdict[str, int],
    scratch: Path,
) -> dict[str, Rows]:
    columns = (settings.text_column, settings.label_column)
    data = source.read(columns, scratch)
    for split, expected in (settings.expected_rows or {}).items():
        there = len(data[split]) if split in data else 0
        if there != expected:
            where = source.where(split) if split in data else f"split {split}"
            raise UserError(
                f"{where}: {there} rows, but task.expected_rows.{split} is {expected}: "
                "the data are incomplete or of another version"
            )
    return {
        name: read_rows(
            part,
            source.where(name),
            columns,
            splitter,
            table,
            scratch / f"{name}.pieces",
            settings.drop_classes,
        )
        for name, part in data.items()
    }


def _pools(
    source: Source,
    parts: Mapping[str, Rows],
    classes: list[str],
    given: bool,
    settings: CorpusSettings,
) -> tuple[dict[str, Split], dict[str, dict[str, dict[str, int]]]]:
    """The rows that the policies leave of each of the data's own splits, and what they did."""
    pools: dict[str, Split] = {}
    did: dict[str, dict[str, dict[str, int]]] = {"contradictions": {}, "duplicates": {}}
    for name, part in parts.items():
        where = source.where(name)
        if not settings.classes:
            use_names(part)
        labels = class_indices(part, where, classes, given=given)
        check_classes(labels, where, classes)
        rows, counts = apply_policies(
            part.keys, labels, settings.contradictions, settings.duplicates
        )
        for policy, counted in counts.items():
            did[policy][name] = counted
        pools[name] = Split(part, rows, labels[rows])
        after = f"{where}, after task.contradictions={settings.contradictions}"
        check_classes(pools[name].labels, after, classes)
    return pools, did


def _encode(
    splits: Mapping[str, Split],
    pieces: list[str],
    splitter: TextSplitter,
    settings: CorpusSettings,
    directory: Path,
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Writes the splits' arrays; gives the vocabulary and each split's share of unknown tokens."""
    tokens, flat, widths = cut_pieces(pieces, splitter)
    starts = np.cumsum(widths) - widths
    piece_counts = {name: _count(split, len(pieces)) for name, split in splits.items()}
    counts = np.bincount(flat, np.repeat(piece_counts["train"], widths), len(tokens))
    vocabulary = choose_vocabulary(
        dict(zip(tokens, counts.astype(int).tolist(), strict=True)),
        size=settings.vocabulary_size,
        min_count=settings.min_count,
    )
    if len(vocabulary) == 2:  # padding and unknown
        raise UserError(
            f"task.min_count={settings.min_count}: no token of train occurs so often; lower it"
        )
    ids = {token: i for i, token in enumerate(vocabulary) if i != PADDING_ID}
    kind = np.uint16 if len(vocabulary) <= 1 << 16 else np.int32
    encoded = np.array([ids.get(token, UNKNOWN_ID) for token in tokens], kind)[flat]
    unknown = np.add.reduceat(encoded == UNKNOWN_ID, starts, dtype=np.int64)
    rates = {}
    for name, split in splits.items():
        total = int(piece_counts[name] @ widths)
        rates[name] = float(piece_counts[name] @ unknown) / total
        lengths = []
        with (directory / f"{name}.tokens.npy").open("wb") as out:
            arrays.begin(out, encoded.dtype, (total,))
            for text_lengths, text_pieces in split.chunks():
                width = widths[text_pieces]
                arrays.write(out, encoded[spans(starts[text_pieces], width)])
                lengths.append(np.add.reduceat(width, np.cumsum(text_lengths) - text_lengths))
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        arrays.save(directory / f"{name}.offsets.npy", offsets)
        arrays.save(directory / f"{name}.labels.npy", split.labels)
    return vocabulary, rates


def _count(split: Split, size: int) -> Ints:
    """``(size,)`` how often each piece occurs in a split."""
    counts = np.zeros(size, np.int64)
    for _, pieces in split.chunks():
        counts += np.bincount(pieces, minlength=size)
    return counts

"""Tagged sentences as numbers, and what can be said of their tags without a network."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from seqbench.batch import Batch
from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.sampling import BucketSampler, Indices, batches_of_tokens
from seqbench.datamodules.texts.conll import Sentence
from seqbench.datamodules.texts.encoder import PADDING_ID, UNKNOWN_ID
from seqbench.datamodules.texts.notes import listed
from seqbench.metrics.labels import AccuracyByLength
from seqbench.metrics.spans import OUTSIDE, Spans, are_span_tags
from seqbench.spec import TaskSpec

TOKENS = 100_000
"""Words of a batch that a baseline is measured on."""


class Numbered(BucketSampler):
    """A BucketSampler's batches, the number of the epoch before the rows of each."""

    def named(self, rows: Indices) -> Indices:
        return np.concatenate([[self.epoch], rows])


class Hiding(Dataset[Batch]):
    """Training sentences, of whose rarest words a share reads as unknown, others in each epoch.

    share: of the occurrences of the ids from ``first`` on. unknown: the id that they become.

    ``dataset[index]`` is a Batch: ``index`` as ``Numbered`` gives it. What is hidden depends on
    nothing but this and ``seed``.
    """

    def __init__(self, data: Ragged, share: float, first: int, unknown: int, seed: int) -> None:
        self.data, self.share, self.first = data, share, first
        self.unknown, self.seed = unknown, seed

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: Indices) -> Batch:
        batch = self.data[index[1:]]
        random = np.random.default_rng([self.seed, *index.tolist()])
        gone = torch.from_numpy(random.random(batch.inputs.shape) < self.share)
        return batch._replace(
            inputs=batch.inputs.masked_fill(gone & (batch.inputs >= self.first), self.unknown)
        )


def ordered(tags: Collection[str]) -> tuple[str, ...]:
    """Distinct tags, sorted, ``O`` first."""
    return tuple(sorted(tags, key=lambda tag: (tag != OUTSIDE, tag)))


def encoded(sentences: Sequence[Sentence], spec: TaskSpec, max_length: int | None = None) -> Ragged:
    """Words and tags by their ids; a word without one is unknown.

    Raises KeyError for a tag that is none of the spec's labels.
    """
    ids = {word: i for i, word in enumerate(spec.vocabulary) if i != PADDING_ID}
    labels = {label: i for i, label in enumerate(spec.labels)}
    return Ragged(
        np.array(
            [ids.get(word, UNKNOWN_ID) for each in sentences for word in each.words], np.int64
        ),
        np.cumsum([0, *map(len, sentences)]),
        np.array([labels[tag] for each in sentences for tag in each.tags], np.int64),
        padding_id=PADDING_ID,
        per_step=True,
        max_length=max_length,
    )


def unknown_rate(data: Ragged) -> float:
    """The share of the words that the vocabulary lacks."""
    return float((data.tokens == UNKNOWN_ID).mean())


def overlaps(splits: Mapping[str, Sequence[Sentence]]) -> dict[str, int]:
    """How many distinct sentences stand in both splits of a pair, whatever their tags."""
    distinct = {split: {tuple(each.words) for each in part} for split, part in splits.items()}
    return {f"{a}/{b}": len(distinct[a] & distinct[b]) for a, b in combinations(distinct, 2)}


def notes(sizes: dict[str, int], facts: Mapping[str, Any], max_length: int | None) -> list[str]:
    """Lines for the log; what has nothing to tell is left out of them. sizes: in sentences."""
    rates = ", ".join(f"{name} {rate:.2%}" for name, rate in facts["unknown_rate"].items())
    unseen = {split: listed(counts) for split, counts in facts["unseen_tags"].items()}
    told = {
        "sentences in two splits": listed(facts["overlaps"]),
        "tags that train lacks, whose words count as wrong": ", ".join(
            f"{split} ({there})" for split, there in unseen.items() if there
        ),
        f"training sentences cut to {max_length} words": facts["cut"],
    }
    return [
        f"sentences: {listed(sizes)}; words: {listed(facts['words'])}; tags {len(facts['tags'])}; "
        f"vocabulary {facts['vocabulary_size']}; unknown: {rates}",
        *(f"{what}: {there}" for what, there in told.items() if there),
    ]


def baselines(
    train: Sequence[Sentence], splits: Mapping[str, Sequence[Sentence]], spec: TaskSpec
) -> dict[str, dict[str, dict[str, float]]]:
    """The scores of two answers that see no other word, in each of ``splits``.

    ``majority``: the commonest tag of train. ``by_word``: each word's commonest tag in train,
    whether the vocabulary has the word or not; of words that train lacks, the ``majority``. Of
    tags that are as common, the first in the spec.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sentence in train:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            counts[word][tag] += 1
    place = {label: i for i, label in enumerate(spec.labels)}

    def commonest(tags: Counter[str]) -> str:
        return min(tags, key=lambda tag: (-tags[tag], place[tag]))

    majority = commonest(sum(counts.values(), Counter()))
    by_word = {word: commonest(tags) for word, tags in counts.items()}
    return {
        "majority": {name: _scores(part, {}, majority, spec) for name, part in splits.items()},
        "by_word": {name: _scores(part, by_word, majority, spec) for name, part in splits.items()},
    }


def _scores(
    sentences: Sequence[Sentence], by_word: Mapping[str, str], other: str, spec: TaskSpec
) -> dict[str, float]:
    """Of the answer ``by_word``, or ``other`` where it has none."""
    said = [
        Sentence(each.words, [by_word.get(word, other) for word in each.words])
        for each in sentences
    ]
    predicted, true = encoded(said, spec), encoded(sentences, spec)
    accuracy = AccuracyByLength(())
    spans = Spans(spec.labels) if are_span_tags(spec.labels) else None
    for rows in batches_of_tokens(true.lengths, TOKENS):
        batch = true[rows]
        answer = predicted[rows].targets.clamp(0)  # padding must not equal padding
        accuracy.update(answer, batch.targets, batch.lengths)
        if spans is not None:
            spans.update(answer, batch.targets, batch.lengths)
    words, whole = accuracy.compute()
    scores = {"accuracy": words, "sequence_accuracy": whole}
    return scores if spans is None else scores | {"span_f1": spans.compute()}

"""Labelled names turned around."""

import math
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.batch import IGNORE
from seqbench.datamodules.text_classification import TextClassification
from seqbench.datamodules.texts.tokens import END, START
from seqbench.datamodules.write_names import WriteNames
from seqbench.errors import UserError

CLASSES = {"Cat": "аеиоу", "Dog": "бвгдж"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "names"
    place.mkdir()
    random = np.random.default_rng(0)
    for label, letters in CLASSES.items():
        names = {"".join(random.choice([*letters], random.integers(1, 5))) for _ in range(60)}
        (place / f"{label}.txt").write_text("\n".join(sorted(names)), "utf-8")
    return place


@pytest.fixture
def made(tmp_path: Path, folder: Path) -> Callable[..., WriteNames]:
    def ready(path: Path = folder, **settings: Any) -> WriteNames:
        cache = str(tmp_path / "cache")
        data = WriteNames(cache_dir=cache, path=str(path), level="char", **settings)
        data.prepare_data()
        data.setup()
        return data

    return ready


def rows(data: WriteNames, split: str) -> list[tuple[str, list[str]]]:
    """Label and tokens of each name, as a batch has them."""
    batch = data.splits[split][np.arange(len(data.splits[split]))]
    assert batch.inputs.shape == batch.lengths.shape == (len(data.splits[split]),)
    assert batch.reset is None
    found = []
    for label, targets, length in zip(batch.inputs, batch.targets, batch.lengths, strict=True):
        assert (targets[length:] == IGNORE).all()
        tokens = [data.spec.vocabulary[i] for i in targets[:length]]
        found.append((data.spec.labels[label], tokens))
    return found


def test_labels_in_and_names_out(made: Callable[..., WriteNames]) -> None:
    data = made()
    spec = data.spec
    assert (spec.kind, spec.metric, spec.mode) == ("write", "bits_per_character", "min")
    assert spec.vocabulary[:4] == ("<pad>", "<unk>", START, END)
    assert (spec.start_id, spec.end_id) == (2, 3)
    assert spec.input_size == spec.output_size == len(spec.vocabulary) == 14
    assert data.characters == {"train": 1.0, "val": 1.0, "test": 1.0}
    for split in data.splits:
        for label, tokens in rows(data, split):
            assert tokens[-1] == END
            assert tokens[:-1]
            assert {*tokens[:-1]} <= {*CLASSES[label]}


def test_the_splits_are_those_of_classification(
    made: Callable[..., WriteNames], folder: Path, tmp_path: Path
) -> None:
    data = made(duplicates="drop")
    other = TextClassification(
        cache_dir=str(tmp_path / "cache"), path=str(folder), level="char", duplicates="drop"
    )
    other.setup()
    for split, ragged in other.splits.items():
        words = other.spec.vocabulary
        wanted = [
            (other.spec.labels[label], [*(words[i] for i in ragged.tokens[a:b]), END])
            for (a, b), label in zip(pairwise(ragged.offsets), ragged.targets, strict=True)
        ]
        assert rows(data, split) == wanted


def test_the_baselines_count_letters_and_labels(made: Callable[..., WriteNames]) -> None:
    data = made()
    assert data.baselines.keys() == {"trigram", "trigram_by_label"}
    for name in data.baselines:
        counts: defaultdict[Any, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        key = (lambda label: label) if name == "trigram_by_label" else (lambda label: "")
        for label, tokens in rows(data, "train"):
            for first, second, third in zip(
                [0, START, *tokens], [START, *tokens], tokens, strict=False
            ):
                counts[key(label), first, second][third] += 1
        losses = []
        for label, tokens in rows(data, "val"):
            for first, second, third in zip(
                [0, START, *tokens], [START, *tokens], tokens, strict=False
            ):
                seen = counts[key(label), first, second]
                losses.append(-math.log((seen[third] + 1) / (sum(seen.values()) + 12)))
        assert data.baselines[name]["val"]["loss"] == pytest.approx(sum(losses) / len(losses))


def test_a_folder_by_another_s_vocabulary(made: Callable[..., WriteNames], tmp_path: Path) -> None:
    data = made()
    more = tmp_path / "more"
    more.mkdir()
    (more / "Dog.txt").write_text("бвz\n", "utf-8")
    found = data.from_file(str(more), data.spec)
    ids = data.spec.vocabulary.index
    assert found.targets.tolist() == [ids("б"), ids("в"), 1, 3]
    assert found.labels.tolist() == [1]
    assert data.characters["more"] == 1.0


def test_what_is_refused(made: Callable[..., WriteNames], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^task\.level=word: .*; use char$"):
        WriteNames(cache_dir=str(tmp_path))
    with pytest.raises(UserError, match=r"^task\.max_length: .*; leave it null$"):
        made(max_length=3)

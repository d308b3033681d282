"""A label for each word of a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqbench.batch import IGNORE
from seqbench.datamodules.raw import encode
from seqbench.datamodules.sampling import BucketSampler
from seqbench.datamodules.tagging import Tagging
from seqbench.datamodules.tags import Numbered
from seqbench.datamodules.texts.encoder import UNKNOWN_ID
from seqbench.errors import UserError


def conll(*sentences: str) -> str:
    """``a/X b/Y`` a sentence."""
    return "\n\n".join(
        "\n".join(word.replace("/", " ") for word in each.split()) for each in sentences
    )


FOLDER = {
    "train": conll("Ada/B-PER Byron/I-PER wrote/O", "Turin/B-LOC ,/O Ada/O", "Ada/B-PER wrote/O"),
    "dev": conll("Ada/B-PER", "Turin/O Ada/B-PER"),
    "test": conll("Zoe/B-PER wrote/O", "Ada/B-PER ,/O", "Ada/B-PER Byron/I-MISC Byron/I-PER"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, content in FOLDER.items():
        (tmp_path / f"{split}.conll").write_text(content, "utf-8")
    return tmp_path


def made(path: Path | None = None, **settings: Any) -> Tagging:
    data = Tagging(path=str(path) if path else None, **settings)
    data.setup()
    return data


def rows(data: Tagging, split: str) -> list[str]:
    """Words and tags of each sentence, as a batch has them."""
    batch = data.splits[split][np.arange(len(data.splits[split]))]
    found = []
    for inputs, targets, length in zip(batch.inputs, batch.targets, batch.lengths, strict=True):
        assert (inputs[length:] == 0).all()
        assert (targets[length:] == IGNORE).all()
        pairs = zip(inputs[:length], targets[:length], strict=True)
        found.append(" ".join(f"{data.spec.vocabulary[i]}/{data.spec.labels[t]}" for i, t in pairs))
    return found


def test_words_and_tags_by_their_ids(folder: Path) -> None:
    data = made(folder)
    assert data.spec.vocabulary == ("<pad>", "<unk>", "Ada", "wrote", ",", "Byron", "Turin")
    assert data.spec.labels == ("O", "B-LOC", "B-PER", "I-MISC", "I-PER")
    assert (data.spec.kind, data.spec.metric, data.spec.mode) == ("tag", "span_f1", "max")
    assert (data.spec.input_size, data.spec.output_size) == (7, 5)
    assert rows(data, "train") == [
        "Ada/B-PER Byron/I-PER wrote/O",
        "Turin/B-LOC ,/O Ada/O",
        "Ada/B-PER wrote/O",
    ]
    assert rows(data, "test")[0] == "<unk>/B-PER wrote/O"
    assert not data.spec.synthetic


def test_what_is_worth_knowing(folder: Path) -> None:
    data = made(folder)
    assert data.facts["words"] == {"train": 8, "val": 3, "test": 7}
    assert data.facts["unknown_rate"] == {"train": 0.0, "val": 0.0, "test": pytest.approx(1 / 7)}
    assert data.facts["unseen_tags"] == {"val": {}, "test": {"I-MISC": 1}}
    assert data.facts["tags"] == {"O": 4, "B-LOC": 1, "B-PER": 2, "I-MISC": 0, "I-PER": 1}
    assert data.facts["overlaps"] == {"train/val": 0, "train/test": 0, "val/test": 0}
    assert data.notes == [
        "sentences: train 3, val 2, test 3; words: train 8, val 3, test 7; tags 5; vocabulary 7; "
        "unknown: train 0.00%, val 0.00%, test 14.29%",
        "tags that train lacks, whose words count as wrong: test (I-MISC 1)",
    ]


def test_baselines_by_hand(folder: Path) -> None:
    data = made(folder)
    test = {name: by["test"] for name, by in data.baselines.items()}
    assert test["majority"] == {
        "accuracy": pytest.approx(2 / 7),
        "sequence_accuracy": 0.0,
        "span_f1": 0.0,
    }
    # Zoe is O to it; Byron I-PER, be it I-MISC or not, so that three words become one span.
    assert test["by_word"] == {
        "accuracy": pytest.approx(5 / 7),
        "sequence_accuracy": pytest.approx(1 / 3),
        # of Zoe, Ada and Ada, Byron, Byron (each its own) one is found whole, with one other
        "span_f1": pytest.approx(2 * 1 / (5 + 2)),
    }
    val = data.baselines["by_word"]["val"]
    assert val["accuracy"] == pytest.approx(2 / 3)
    assert val["span_f1"] == pytest.approx(2 * 2 / (2 + 3))
    # Every word of train counts, whatever the vocabulary has.
    small = made(folder, vocabulary_size=3)
    assert small.baselines == data.baselines
    assert small.facts["unknown_rate"]["train"] == pytest.approx(5 / 8)


def test_parts_of_speech_are_measured_by_accuracy(tmp_path: Path) -> None:
    (tmp_path / "pos.txt").write_text(conll(*["a/DET b/NOUN", "b/VERB a/DET c/NOUN"] * 10))
    data = made(tmp_path / "pos.txt")
    assert data.spec.metric == "accuracy"
    assert data.spec.labels == ("DET", "NOUN", "VERB")
    assert {*data.baselines["by_word"]["test"]} == {"accuracy", "sequence_accuracy"}
    assert "in two splits: train/val" in data.notes[1]


def test_splits_that_a_file_lacks_are_drawn(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(conll(*(f"w{i}/A v{i}/B" for i in range(20))))
    data = made(file, val_fraction=0.25, test_fraction=0.2)
    assert [len(part) for part in data.splits.values()] == [12, 4, 4]
    words = {i for i, word in enumerate(data.spec.vocabulary) if word[:1] in "wv"}
    assert len(words) == 24  # of train alone
    again, other = made(file), made(file, data_seed=1)
    assert again.fingerprint == made(file).fingerprint != other.fingerprint
    assert again.spec.vocabulary != other.spec.vocabulary
    # The same sentences in another format are the same data.
    moved = tmp_path / "moved.tsv"
    moved.write_text(file.read_text().replace(" ", "\tx\t"))
    assert made(moved).fingerprint == again.fingerprint
    moved.write_text(file.read_text().replace("w3 A", "w3 B"))
    assert made(moved, separator="whitespace").fingerprint != again.fingerprint


def test_a_folder_of_train_and_test_alone(folder: Path) -> None:
    (folder / "dev.conll").unlink()
    data = made(folder)
    assert [len(part) for part in data.splits.values()] == [2, 1, 3]


def test_the_vocabulary_is_as_told(folder: Path) -> None:
    assert made(folder, min_count=2).spec.vocabulary == ("<pad>", "<unk>", "Ada", "wrote")
    assert made(folder, vocabulary_size=3).spec.vocabulary == ("<pad>", "<unk>", "Ada")
    lower = made(folder, lowercase=True)
    assert lower.spec.vocabulary[2:] == ("ada", "wrote", ",", "byron", "turin")
    assert lower.spec.encoding["lowercase"] is True
    (folder / "train.conll").write_text(conll("<pad>/O <unk>/O <s>/B-A"))
    (folder / "dev.conll").write_text(conll("<pad>/O"))
    marks = made(folder)
    assert marks.spec.vocabulary == ("<pad>", "<unk>", "<s>")
    assert rows(marks, "train") == ["<unk>/O <unk>/O <s>/B-A"]


def test_only_training_sentences_are_cut(folder: Path) -> None:
    data = made(folder, max_length=2)
    assert rows(data, "train") == ["Ada/B-PER Byron/I-PER", "Turin/B-LOC ,/O", "Ada/B-PER wrote/O"]
    assert data.splits["test"].lengths.tolist() == [2, 2, 3]
    assert data.facts["cut"] == 2
    assert "training sentences cut to 2 words: 2" in data.notes
    assert data.spec.encoding["max_length"] is None
    assert data.from_file(str(folder / "train.conll"), data.spec).lengths.tolist() == [3, 3, 2]


def test_a_text_that_is_typed_has_a_label_for_each_word(folder: Path) -> None:
    data = made(folder)
    texts = ["Ada  wrote,\tAda , <pad> don't\n", "日本語 Byron"]
    encoded = encode(data.spec, [(text, text) for text in texts])
    assert encoded.tokens.tolist() == [len(text.split()) for text in texts] == [6, 2]
    ids = {word: i for i, word in enumerate(data.spec.vocabulary)}
    assert encoded.data[np.array([0])].inputs.tolist() == [
        [ids["Ada"], UNKNOWN_ID, ids["Ada"], ids[","], UNKNOWN_ID, UNKNOWN_ID]
    ]
    assert encoded.unknown.tolist() == [3, 1]


def test_a_file_by_another_s_vocabulary(folder: Path) -> None:
    data = made(folder)
    more = folder / "more.txt"
    more.write_text(conll("Ada/B-PER Zoe/I-PER", "wrote/O"))
    found = data.from_file(str(more), data.spec)
    assert [data.spec.vocabulary[i] for i in found.tokens] == ["Ada", "<unk>", "wrote"]
    assert [data.spec.labels[i] for i in found.targets] == ["B-PER", "I-PER", "O"]
    assert found.lengths.tolist() == [2, 1]
    assert data.facts["unknown_rate"] == {"more.txt": pytest.approx(1 / 3)}
    more.write_text(conll("Ada/B-PER", "Ada/B-Per"))
    with pytest.raises(UserError, match=r"more\.txt: line 3: the tag 'B-Per' .*mean 'B-PER'\?"):
        data.from_file(str(more), data.spec)
    with pytest.raises(UserError, match=r"the folder holds train, val, test; name one"):
        data.from_file(str(folder), data.spec)


@pytest.fixture
def rare(tmp_path: Path) -> Path:
    """Four hundred sentences of a word that stands often and one that stands once."""
    file = tmp_path / "rare.txt"
    file.write_text(conll(*(f"often/A once{i}/B" for i in range(400))))
    return file


def read(data: Tagging, epoch: int, training: bool = True) -> dict[int, list[int]]:
    """What is read of each word, by the word's id; ``targets`` go with the words as they are."""
    loader = data.loader("train", training)
    sampler = loader.sampler
    assert isinstance(sampler, BucketSampler)
    sampler.set_epoch(epoch)
    found: dict[int, list[int]] = {}
    for index, batch in zip(sampler, loader, strict=True):
        plain = data.splits["train"][index[1:] if isinstance(sampler, Numbered) else index]
        assert torch.equal(plain.targets, batch.targets)
        assert torch.equal(plain.lengths, batch.lengths)
        for word, given in zip(plain.inputs.flatten(), batch.inputs.flatten(), strict=True):
            found.setdefault(int(word), []).append(int(given))
    return found


def test_some_words_that_stand_once_are_read_as_unknown_in_training(rare: Path) -> None:
    data = made(rare, unknown_singletons=0.3)
    assert isinstance(data.loader("train", training=True).sampler, Numbered)
    often = data.spec.vocabulary.index("often")
    first, again, second = read(data, 0), read(data, 0), read(data, 1)
    for epoch in (first, second):
        assert {*epoch.pop(often)} == {often}
        hidden = {word for word, (given,) in epoch.items() if given == UNKNOWN_ID}
        assert len(hidden) / len(epoch) == pytest.approx(0.3, abs=0.08)
        assert all(given in (word, UNKNOWN_ID) for word, (given,) in epoch.items())
    again.pop(often)
    assert first == again
    assert first != second
    small = made(rare, batch_size=10_000, shuffle=False)
    assert read(small, 0) != read(small, 1)  # one batch, of the same rows
    for plain in (read(data, 0, training=False), read(made(rare, unknown_singletons=0), 0)):
        assert all({*given} == {word} for word, given in plain.items())


def test_the_grammar_is_there_where_no_data_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQBENCH_DATA_DIR", raising=False)
    sizes: dict[str, Any] = {"train_size": 60, "val_size": 10, "test_size": 20}
    data = made(built_in="grammar", **sizes)
    assert data.notes[0].startswith("data: sentences of a small built-in grammar")
    assert [len(part) for part in data.splits.values()] == [60, 10, 20]
    assert data.spec.labels == ("O", "B-LOC", "B-PER", "I-LOC", "I-PER")
    assert data.spec.synthetic
    assert not any(data.facts["overlaps"].values())
    assert data.baselines["majority"]["test"]["span_f1"] == 0
    assert made(built_in="grammar", **sizes).fingerprint == data.fingerprint
    assert made(built_in="grammar", data_seed=1, **sizes).fingerprint != data.fingerprint


def test_a_folder_of_the_data_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQBENCH_DATA_DIR", str(folder.parent))
    data = made(folder=folder.name, built_in="grammar")
    assert data.fingerprint == made(folder).fingerprint


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        ("", {}, r"train\.txt \(split train\): no word there"),
        ("\n \n-DOCSTART- -X- O\n", {}, r"split train\): no word there"),
        ("# a\n", {"comment": "#"}, r"split train\): no word there"),
        ("a O\nb X\n", {}, r"split train\): sentences in all: 1; .* blank line behind each"),
        ("a O\n\nb X\n", {}, r"split train\): sentences in all: 2; at least one each"),
        (
            "a O\n\nb O\n\nc O\n",
            {},
            r"all words of train have the tag 'O'; .* is task\.tag_column right",
        ),
        (
            "a O\nb X\n\n" * 4,
            {"min_count": 7},
            r"task\.min_count=7: no word of train occ",
        ),
    ],
)
def test_what_cannot_be_learnt_from(
    tmp_path: Path, content: str, settings: dict[str, Any], message: str
) -> None:
    (tmp_path / "train.txt").write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        made(tmp_path / "train.txt", **settings)
    assert "\n" not in str(caught.value)


def test_a_split_without_a_word(folder: Path) -> None:
    (folder / "test.conll").write_text("\n")
    with pytest.raises(UserError, match=r"test\.conll \(split test\): no word there"):
        made(folder)


def test_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQBENCH_DATA_DIR", raising=False)
    with pytest.raises(UserError, match=r"^no data: set task\.path=FILE to a file with a word and"):
        made()
    for built_in in ("grammar", None):
        with pytest.raises(
            UserError, match=r"^no data: set SEQBENCH_DATA_DIR .* that holds ner, or"
        ):
            made(folder="ner", built_in=built_in)
    monkeypatch.setenv("SEQBENCH_DATA_DIR", ".")
    with pytest.raises(UserError, match=r"task\.folder=null trains on the built-in grammar"):
        made(folder="ner", built_in="grammar")

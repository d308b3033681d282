"""Running text to streams of ids: splits, vocabulary, facts, and the cache of it all."""

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.batch import IGNORE
from seqbench.datamodules import base, ngrams
from seqbench.datamodules.language_model import LanguageModel
from seqbench.datamodules.texts.pieces import TextSettings
from seqbench.datamodules.texts.tokens import Level, Tokens
from seqbench.errors import UserError

Load = Callable[..., LanguageModel]

TREEBANK = {
    "ptb.train.txt": " a cat sat on <unk> mat \n a <unk> ran \n it sat \n" * 3,
    "ptb.valid.txt": " a dog sat \n",
    "ptb.test.txt": " a cat <unk> home \n it is \n",
}


@pytest.fixture
def treebank(tmp_path: Path) -> Path:
    folder = tmp_path / "ptb"
    folder.mkdir()
    for name, text in TREEBANK.items():
        (folder / name).write_text(text)
    return folder


def tokens(data: LanguageModel, split: str) -> list[str]:
    return [data.spec.vocabulary[i] for i in data.splits[split].tokens]


def write(file: Path, text: str) -> Path:
    file.write_bytes(text.encode())
    return file


def test_the_penn_treebank(treebank: Path, language_model: Load) -> None:
    data = language_model(treebank, end_of_line=True)
    line = ["a", "cat", "sat", "on", "<unk>", "mat", "<eos>"]
    rest = ["a", "<unk>", "ran", "<eos>", "it", "sat", "<eos>"]
    assert tokens(data, "train") == (line + rest) * 3
    assert tokens(data, "val") == ["a", "<unk>", "sat", "<eos>"]
    assert tokens(data, "test") == ["a", "cat", "<unk>", "<unk>", "<eos>", "it", "<unk>", "<eos>"]
    # Not <unk>, which is the unknown token itself; ties by the token.
    assert data.spec.vocabulary == (
        *("<pad>", "<unk>", "<eos>", "a", "sat", "cat", "it", "mat", "on", "ran"),
    )
    assert data.facts["tokens"] == {"train": 42, "val": 4, "test": 8}
    assert data.facts["unknown_rate"] == {"train": 6 / 42, "val": 1 / 4, "test": 3 / 8}
    assert data.facts["vocabulary_size"] == 10
    assert list(data.splits) == ["train", "val", "test"]
    assert (data.spec.metric, data.spec.mode) == ("perplexity", "min")


def test_how_often_train_has_each_token(
    treebank: Path, language_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = language_model(treebank, end_of_line=True)
    monkeypatch.setattr(base, "BLOCK", 5)
    counts = data.token_counts().tolist()
    there = Counter(tokens(data, "train"))
    assert counts == [there[token] for token in data.spec.vocabulary]
    assert sum(counts) == data.facts["tokens"]["train"]


def test_the_data_directory_is_searched(
    treebank: Path, language_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQBENCH_DATA_DIR", str(treebank.parent))
    by_folder = language_model(folder="ptb", end_of_line=True)
    assert by_folder.fingerprint == language_model(treebank, end_of_line=True).fingerprint
    monkeypatch.delenv("SEQBENCH_DATA_DIR")
    with pytest.raises(UserError, match="set SEQBENCH_DATA_DIR to the directory that holds ptb"):
        language_model(folder="ptb")


def test_splits_are_cut_from_the_end(tmp_path: Path, language_model: Load) -> None:
    words = [f"w{i}" for i in range(100)]
    data = language_model(
        write(tmp_path / "a.txt", " ".join(words)), val_fraction=0.2, test_fraction=0.1
    )
    assert tokens(data, "train") == words[:70]
    assert [data.facts["tokens"][name] for name in ("train", "val", "test")] == [70, 20, 10]
    assert set(tokens(data, "val")) == set(tokens(data, "test")) == {"<unk>"}


def test_only_the_split_that_lacks_is_cut(treebank: Path, language_model: Load) -> None:
    whole = TREEBANK["ptb.train.txt"].split()  # 33
    (treebank / "ptb.valid.txt").unlink()
    data = language_model(treebank, val_fraction=0.5)
    assert tokens(data, "train") == whole[:17]
    assert tokens(data, "val") == whole[17:]
    assert data.facts["tokens"]["test"] == 6


def test_the_vocabulary_is_that_of_train(tmp_path: Path, language_model: Load) -> None:
    text = "b a c b a d e " * 10 + "z " * 20
    data = language_model(write(tmp_path / "a.txt", text), val_fraction=0.1, test_fraction=0.1)
    assert data.facts["types"] == 6  # z twice
    assert data.spec.vocabulary == ("<pad>", "<unk>", "a", "b", "c", "d", "e", "z")
    data = language_model(tmp_path / "a.txt", vocabulary_size=5)
    assert data.spec.vocabulary == ("<pad>", "<unk>", "a", "b", "c")
    data = language_model(tmp_path / "a.txt", min_count=3)
    assert data.spec.vocabulary == ("<pad>", "<unk>", "a", "b", "c", "d", "e")
    assert tokens(data, "test") == ["<unk>"] * 9


LEVELS: list[tuple[Level, bool, bool]] = [
    ("whitespace", False, False),
    ("whitespace", True, True),
    ("word", False, False),
    ("word", True, True),
    ("char", False, False),
    ("char", True, False),
]


def text_of(seed: int, words: int = 400) -> str:
    """Words in several alphabets, punctuation, odd white space and empty lines."""
    random = np.random.default_rng(seed)
    pool = [
        "Ёж",
        "don't",
        "a",
        "(b)",
        "ΟΔΟΣ",
        "ΣΑΣ",
        "x-ray;",
        "…",
        "日本語",
        "İ",
        "end.",
        "😀",
        "A",
    ]
    gaps = [" ", " ", "  ", "\n", "\n\n", "\t", "\u00a0"]
    return (
        "".join(random.choice(pool) + random.choice(gaps) for _ in range(words)) + "a quiz end.\n"
    )


@pytest.mark.parametrize(("level", "lowercase", "end_of_line"), LEVELS)
def test_counts_are_those_of_a_naive_reader(
    tmp_path: Path, language_model: Load, level: Level, lowercase: bool, end_of_line: bool
) -> None:
    texts = {"train": text_of(0), "val": text_of(1), "test": text_of(2) + "новое слово\n"}
    for name, text in texts.items():
        write(tmp_path / f"{name}.txt", text)
    settings = {"level": level, "lowercase": lowercase, "end_of_line": end_of_line}
    data = language_model(tmp_path, **settings, min_count=20)
    cut = Tokens((), level=level, lowercase=lowercase).split

    def naive(text: str) -> list[str]:
        if not end_of_line:
            return cut(text)
        return [token for line in text.splitlines() for token in [*cut(line), "<eos>"]]

    counts = Counter(naive(texts["train"]))
    known = {token for token, count in counts.items() if count >= 20}
    assert data.facts["types"] == len(counts)
    assert set(data.spec.vocabulary) == {"<pad>", "<unk>"} | known
    for name, text in texts.items():
        wanted = naive(text)
        assert tokens(data, name) == [token if token in known else "<unk>" for token in wanted]
        unknown = sum(token not in known for token in wanted)
        assert data.facts["unknown_rate"][name] == pytest.approx(unknown / len(wanted), abs=1e-12)
        spaced = len(text.lower() if lowercase else text)
        if level != "char":
            low = text.lower() if lowercase else text
            spaced = sum(len(word) + 1 for word in low.split())
        assert data.facts["characters"][name] == spaced
        assert data.characters[name] == spaced / len(wanted)
    assert 0 < data.facts["unknown_rate"]["train"] < 1


def test_characters_give_the_text_back(tmp_path: Path, language_model: Load) -> None:
    text = text_of(3).replace("quiz", "Ёж")
    data = language_model(
        write(tmp_path / "a.txt", text), level="char", val_fraction=0.01, test_fraction=0.01
    )
    ids = np.concatenate([data.splits[name].tokens for name in ("train", "val", "test")])
    assert Tokens.from_spec(data.spec).text(ids) == text
    assert data.spec.metric == "bits_per_character"
    assert data.characters == {"train": 1, "val": 1, "test": 1}


@pytest.mark.parametrize(("level", "lowercase", "end_of_line"), LEVELS)
@pytest.mark.parametrize("block", [3, 7])
def test_the_size_of_a_block_changes_nothing(
    tmp_path: Path,
    language_model: Load,
    monkeypatch: pytest.MonkeyPatch,
    block: int,
    level: Level,
    lowercase: bool,
    end_of_line: bool,
) -> None:
    text = "\ufeffЁж ΟΔΟΣΑ\ufeffΣ\r\n\r\nlong-words don't end\r\n" * 20 + "no newline ΣΑΣ"
    file = write(tmp_path / "a.txt", text)
    settings = {"level": level, "lowercase": lowercase, "end_of_line": end_of_line}
    whole = language_model(file, **settings)
    monkeypatch.setattr("seqbench.datamodules.texts.lines.BLOCK", block)
    monkeypatch.setattr("seqbench.datamodules.texts.pieces.CHUNK", block)
    monkeypatch.setattr("seqbench.datamodules.language_model.VERSION", -block)  # encoded anew
    blockwise = language_model(file, **settings)
    assert blockwise.spec == whole.spec
    assert blockwise.facts == whole.facts
    for name in whole.splits:
        assert tokens(blockwise, name) == tokens(whole, name)
    assert tokens(whole, "train")[0] in ("Ё", "ё", "Ёж", "ёж")  # no byte order mark
    last = {"char": "\n"}.get(level, "<eos>" if end_of_line else None)
    assert last is None or tokens(whole, "test")[-1] in (last, "<unk>")


def test_what_looks_like_padding_is_unknown(tmp_path: Path, language_model: Load) -> None:
    data = language_model(write(tmp_path / "a.txt", "a <pad> b <unk> " * 20))
    assert tokens(data, "train")[:4] == ["a", "<unk>", "b", "<unk>"]
    assert data.facts["unknown_rate"]["train"] == 0.5
    assert Tokens.from_spec(data.spec).encode(["<pad>", "a"]) == [1, 2]


def test_many_types_need_wider_ids(tmp_path: Path, language_model: Load) -> None:
    words = [f"w{i}" for i in range(1 << 16)]
    write(tmp_path / "train.txt", " ".join(words))
    for split in ("val", "test"):
        write(tmp_path / f"{split}.txt", "w0 w1")
    data = language_model(tmp_path)
    assert data.splits["train"].tokens.dtype == np.int32
    assert tokens(data, "train") == words
    data = language_model(tmp_path, vocabulary_size=1 << 16)
    assert data.splits["train"].tokens.dtype == np.uint16


def caches(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "cache" / "running").iterdir() if path.is_dir())


def test_the_cache_is_found_again_and_built_anew_when_torn(
    treebank: Path, tmp_path: Path, language_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tokens(language_model(treebank), "train")
    (directory,) = caches(tmp_path)
    assert {file.name for file in directory.iterdir()} == {
        *("train.npy", "val.npy", "test.npy", "text.json", "checksums.json"),
    }
    array = directory / "train.npy"
    os.truncate(array, array.stat().st_size - 2)
    assert tokens(language_model(treebank), "train") == before
    array.write_bytes(array.read_bytes()[:-1] + b"\7")
    assert tokens(language_model(treebank), "train") == before
    content = json.loads((directory / "text.json").read_text())
    (directory / "text.json").write_text(json.dumps(content | {"vocabulary": ["<pad>"]}))
    assert tokens(language_model(treebank), "train") == before
    assert caches(tmp_path) == [directory]

    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("seqbench.datamodules.language_model.encode", never)
    assert tokens(language_model(treebank), "train") == before


def test_the_text_is_looked_at_once(
    treebank: Path, language_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = language_model(treebank)
    monkeypatch.setattr(LanguageModel, "_text", None)
    for _ in range(2):  # as Lightning does for each of its loops
        data.prepare_data()
        data.setup()


def test_each_setting_that_matters_has_its_own_cache(
    treebank: Path, tmp_path: Path, language_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    other: dict[str, Any] = {
        "level": "word",
        "lowercase": True,
        "end_of_line": True,
        "vocabulary_size": 5,
        "min_count": 2,
        "val_fraction": 0.2,
        "test_fraction": 0.2,
    }
    assert {field.name for field in dataclasses.fields(TextSettings)} == other.keys()
    data = language_model(treebank)
    for number, (name, value) in enumerate({**other, "encoding": "latin-1"}.items(), start=2):
        changed = language_model(treebank, **{name: value})
        assert len(caches(tmp_path)) == number, name
        deciding = name in ("val_fraction", "test_fraction", "encoding")
        assert (changed.fingerprint != data.fingerprint) == deciding, name
    for same in ({"sequence_length": 3}, {"batch_size": 2}, {"eval_batch_size": 2}):
        assert language_model(treebank, **same).fingerprint == data.fingerprint
    assert len(caches(tmp_path)) == len(other) + 2
    with (treebank / "ptb.test.txt").open("a") as file:
        file.write("more\n")
    assert language_model(treebank).fingerprint != data.fingerprint
    assert len(caches(tmp_path)) == len(other) + 3
    monkeypatch.setattr("seqbench.datamodules.language_model.VERSION", -1)
    language_model(treebank)
    assert len(caches(tmp_path)) == len(other) + 4


def test_the_same_text_elsewhere_is_the_same(
    treebank: Path, tmp_path: Path, language_model: Load
) -> None:
    before = language_model(treebank).fingerprint
    moved = treebank.rename(tmp_path / "elsewhere")
    assert language_model(moved).fingerprint == before
    (moved / "ptb.train.txt").rename(moved / "train.txt")
    assert language_model(moved).fingerprint == before
    assert len(caches(tmp_path)) == 1


def test_the_built_in_text(language_model: Load) -> None:
    data = language_model(built_in="python_reference", level="word", min_count=2)
    assert data.facts["tokens"]["train"] > 50_000
    assert {"assert", "lambda", "generator"} <= set(data.spec.vocabulary)
    note = data.notes[0]
    assert "language reference that Python 3." in note
    assert f"{sum(data.facts['tokens'].values())} tokens" in note
    assert "task.path=FILE" in note


def test_a_text_of_ones_own_has_no_such_note(treebank: Path, language_model: Load) -> None:
    (note,) = language_model(treebank, built_in="python_reference").notes
    assert note == (
        "tokens: train 33, val 3, test 6; vocabulary 9 with padding and unknown, of 8 types in "
        "train; unknown: train 18.18%, val 33.33%, test 50.00%"
    )


def test_the_loaders_read_the_whole_text(tmp_path: Path, language_model: Load) -> None:
    words = [f"w{i}" for i in range(200)]
    data = language_model(
        write(tmp_path / "a.txt", " ".join(words)),
        batch_size=4,
        eval_batch_size=2,
        sequence_length=6,
        val_fraction=0.2,
    )
    train = list(data.train_dataloader())
    assert [batch.inputs.shape for batch in train] == [(4, 6)] * 5 + [(4, 5)]  # 139 targets
    assert sum(int((batch.targets != IGNORE).sum()) for batch in train) == 139
    # As many tokens a chunk as in training.
    assert [batch.inputs.shape for batch in data.val_dataloader()] == [(2, 12), (2, 8)]


def test_an_n_gram_stands_beside_it(
    tmp_path: Path, language_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ngrams, "CHUNK", 37)  # the text's ids are read a stretch at a time
    data = language_model(write(tmp_path / "text.txt", text_of(0)), level="char")
    rows = {
        split: ngrams.Rows.stream(part.tokens[:-1], part.tokens[1:])
        for split, part in data.splits.items()
    }
    size = len(data.spec.vocabulary)
    wanted = ngrams.add_one(rows.pop("train"), rows, order=3, ids=size, outcomes=size - 1)
    assert data.baselines == {"trigram": wanted.metrics(data.characters)}
    assert {"loss", "perplexity", "bits_per_character"} == {*data.baselines["trigram"]["test"]}


def test_the_rows_to_look_into_a_network_with(treebank: Path, language_model: Load) -> None:
    """As many places as asked for, each as long as a chunk of training, whatever evaluation reads.

    Of a text that is too short as many as there can be.
    """
    data = language_model(path=treebank, sequence_length=4, batch_size=2, eval_batch_size=1)
    data.setup()
    batch = data.probe("train", 3)
    assert batch.inputs.shape == (3, 4)
    text = [int(i) for i in data.splits["train"].tokens]
    for row in batch.inputs.tolist():
        assert any(row == text[i : i + 4] for i in range(len(text)))
    assert batch.reset is not None
    assert batch.reset.all()
    few = data.probe("val", 50)
    assert few.inputs.shape == (len(data.splits["val"]), 1)

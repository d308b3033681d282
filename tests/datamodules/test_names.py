"""Single names, each a sequence."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.batch import IGNORE
from seqbench.datamodules.names import Names
from seqbench.datamodules.texts.files import BUILT_IN
from seqbench.datamodules.texts.tokens import END, START
from seqbench.errors import UserError

NAMES = ["Анна", "Ия", "Дарья", "Яна", "Нина", "Инна", "Ада", "Анна", "Зоя", "Ева", "Лия", "Майя"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text("\n".join(NAMES), "utf-8")
    return path


def made(path: Path | None = None, **settings: Any) -> Names:
    data = Names(path=str(path) if path else None, **settings)
    data.setup()
    return data


def rows(data: Names, split: str) -> list[tuple[list[str], list[str]]]:
    """Tokens in and tokens out of each name, as a batch has them."""
    vocabulary = data.spec.vocabulary
    batch = data.splits[split][np.arange(len(data.splits[split]))]
    assert batch.reset is None
    found = []
    for inputs, targets, length in zip(batch.inputs, batch.targets, batch.lengths, strict=True):
        assert (targets[length:] == IGNORE).all()
        assert (inputs[length:] == 0).all()
        found.append(
            ([vocabulary[i] for i in inputs[:length]], [vocabulary[i] for i in targets[:length]])
        )
    return found


def written(data: Names, split: str) -> set[str]:
    return {"".join(inputs[1:]) for inputs, _ in rows(data, split)}


def test_a_name_goes_from_mark_to_mark(file: Path) -> None:
    data = made(file)
    assert data.spec.vocabulary[:5] == ("<pad>", "<unk>", START, END, "а")
    assert (data.spec.start_id, data.spec.end_id, data.spec.padding_id) == (2, 3, 0)
    assert data.spec.input_size == data.spec.output_size == len(data.spec.vocabulary)
    assert (data.spec.metric, data.spec.mode) == ("bits_per_character", "min")
    for inputs, targets in rows(data, "train"):
        assert (inputs[0], targets[-1]) == (START, END)
        assert inputs[1:] == targets[:-1]
    assert data.characters == {"train": 1.0, "val": 1.0, "test": 1.0}


def test_splits_hold_each_name_once(file: Path) -> None:
    data = made(file)
    parts = [written(data, split) for split in data.splits]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 11
    assert data.facts["rows"] == {"train": 12}
    assert data.facts["duplicates"] == data.facts["duplicates_left_out"] == {"train": 1}
    assert not any(data.facts["overlaps"].values())
    assert "left out by task.duplicates=drop: train 1" in data.notes[1]
    kept = made(file, duplicates="keep", val_fraction=0.3)
    assert sum(map(len, kept.splits.values())) == 12
    assert kept.facts["duplicates_left_out"] == {"train": 0}


def test_the_vocabulary_is_that_of_train(tmp_path: Path) -> None:
    for split, names in (("train", "Анна\nАда\n"), ("val", "Ада\n"), ("test", "Яна\n\nАнна\n")):
        (tmp_path / f"{split}.txt").write_text(names, "utf-8")
    data = made(tmp_path)
    assert data.spec.vocabulary[4:] == ("А", "а", "н", "д")
    assert data.facts["unknown_rate"] == {"train": 0.0, "val": 0.0, "test": pytest.approx(1 / 7)}
    assert data.facts["overlaps"] == {"train/val": 1, "train/test": 1, "val/test": 0}
    assert data.facts["dropped"] == {"train": 0, "val": 0, "test": 1}
    assert (["<s>", "<unk>", "н", "а"], ["<unk>", "н", "а", END]) in rows(data, "test")


def test_as_textbooks_do(file: Path) -> None:
    data = made(file, lowercase=True, marks=False, pad_with_spaces=True)
    assert (data.spec.start_id, data.spec.end_id) == (None, None)
    assert START not in data.spec.vocabulary
    assert {len(inputs) for inputs, _ in rows(data, "train")} == {4}
    every = [row for split in data.splits for row in rows(data, split)]
    assert (list("ия  "), list("я   ")) in every
    assert (list("дарь"), list("арья")) in every
    plain = made(file, marks=False)
    assert (["И"], ["я"]) in [row for split in plain.splits for row in rows(plain, split)]


def test_the_baseline_counts_what_the_network_predicts(tmp_path: Path) -> None:
    for split, names in (("train", "аб\nаб\nб\n"), ("val", "аб\n"), ("test", "бб\n")):
        (tmp_path / f"{split}.txt").write_text(names, "utf-8")
    data = made(tmp_path, duplicates="keep")
    # What can come: unknown, the end, а, б. After the start: а twice and б once; аб ends always.
    start, after, end = (2 + 1) / (3 + 4), (2 + 1) / (2 + 4), (2 + 1) / (2 + 4)
    wanted = -(math.log(start) + math.log(after) + math.log(end)) / 3
    val = data.baselines["trigram"]["val"]
    assert val["loss"] == pytest.approx(wanted)
    assert val["bits_per_character"] == pytest.approx(wanted / math.log(2))
    test = -(math.log(2 / 7) + math.log(1 / 5) + math.log(1 / 4)) / 3
    assert data.baselines["trigram"]["test"]["loss"] == pytest.approx(test)
    assert data.baselines["bigram"].keys() == {"val", "test"}


def test_the_fingerprint_is_that_of_what_is_learnt_from(file: Path) -> None:
    first = made(file).fingerprint
    assert made(file).fingerprint == first
    for settings in ({"marks": False}, {"lowercase": True}, {"data_seed": 1}):
        assert made(file, **settings).fingerprint != first
    moved = file.with_name("moved.txt")
    moved.write_bytes(file.read_bytes())
    assert made(moved).fingerprint == first
    moved.write_text("\n".join([*NAMES, "Ася"]), "utf-8")
    assert made(moved).fingerprint != first


def test_a_file_by_another_s_vocabulary(file: Path, tmp_path: Path) -> None:
    data = made(file, lowercase=True)
    more = tmp_path / "more.csv"
    more.write_text("text,n\nАНЯ,1\n,2\nWow,3\n", "utf-8")
    found = data.from_file(str(more), data.spec)
    ids = data.spec.vocabulary.index
    assert found.targets.tolist() == [ids("а"), ids("н"), ids("я"), 3, 1, 1, 1, 3]
    assert found.offsets.tolist() == [0, 4, 8]
    assert data.characters["more.csv"] == 1.0
    padded = made(file, pad_with_spaces=True)
    assert padded.from_file(str(more), padded.spec).lengths.tolist() == [6, 6]


def test_the_built_in_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQBENCH_DATA_DIR", raising=False)
    data = made(folder="names/none.txt", built_in="names")
    assert data.notes[0].startswith("data: the small built-in list names, 36")
    assert "task.path=FILE, or SEQBENCH_DATA_DIR" in data.notes[0]
    names = (BUILT_IN / "names.txt").read_text("utf-8").splitlines()
    assert len(set(names)) == len(names) > 300
    letters = {*"".join(names).lower()}
    assert letters <= {*"абвгдеёжзийклмнопрстуфхцчшщъыьэюя"}
    with pytest.raises(UserError, match=r"task\.built_in=pets: no such list; there are: names"):
        made(built_in="pets")


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (b"", {}, r"split train\): no name there"),
        (b"\n  \n", {}, r"split train\): no name there"),
        (b"Anna\n", {}, r"split train\): 1 names in all; at least one each is needed"),
        (b"Anna\nAda\n", {}, r"split train\): 2 names in all; at least one each is needed"),
        (b"\x00\x01\x02", {}, r"line 1 holds a NUL character"),
        ("Анна\nАда\nЯна".encode("cp1251"), {}, r"not in the encoding utf-8 from line 1 on"),
        (b"Anna\nAda\nJ\nEva\n", {"marks": False}, r"'J' is one letter, .* set task\.marks=true"),
        (b"A\nB\nC\n", {"marks": False, "pad_with_spaces": True}, r"is one letter"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, content: bytes, settings: dict[str, Any], message: str
) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        made(path, **settings)
    assert "\n" not in str(caught.value)
    assert "names.txt" in str(caught.value)


def test_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQBENCH_DATA_DIR", raising=False)
    with pytest.raises(UserError, match=r"^no data: set task\.path=FILE to a file with a name"):
        made()
    with pytest.raises(UserError, match=r"^no data: set SEQBENCH_DATA_DIR .* holds a/b\.txt, or"):
        made(folder="a/b.txt")
    with pytest.raises(UserError, match=r"^task\.path=nowhere: no such file"):
        made(Path("nowhere"))

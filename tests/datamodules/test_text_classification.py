"""The data module for labelled texts: splits, vocabulary, counts, cache."""

import csv
import inspect
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf

from seqbench.datamodules.base import TaskData
from seqbench.datamodules.text_classification import TextClassification, length_bounds
from seqbench.datamodules.texts.encoder import UNKNOWN_ID, TextEncoder
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

WORDS = [f"w{i}" for i in range(50)]


def review(random: np.random.Generator) -> str:
    return " ".join(random.choice(WORDS, random.integers(3, 20))) + "."


def write(path: Path, rows: Sequence[tuple[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    random = np.random.default_rng(seed)
    return [(review(random), ("neg", "pos")[i % 2]) for i in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "data" / "train.csv", reviews(200))
    write(tmp_path / "data" / "test.csv", reviews(100, seed=1))
    return tmp_path / "data"


def load(path: Path, cache: Path | None = None, **settings: Any) -> TextClassification:
    cache = cache or path.parent / "cache"
    data = TextClassification(cache_dir=str(cache), path=str(path), **settings)
    data.prepare_data()
    data.setup()
    return data


def decoded(data: TextClassification, split: str) -> list[str]:
    ragged = data.splits[split]
    rows = np.split(ragged.tokens, ragged.offsets[1:-1])
    return [" ".join(data.spec.vocabulary[i] for i in row) for row in rows]


def test_spec_and_batches(folder: Path) -> None:
    data = load(folder, batch_size=16, max_length=10)
    assert data.spec.kind == "classify"
    assert data.spec.labels == ("neg", "pos")
    assert (data.spec.output_size, data.spec.input_size) == (2, len(data.spec.vocabulary))
    assert data.spec.padding_id == 0
    assert data.spec.length_bounds == (5, 10)
    assert TaskSpec.from_dict(json.loads(json.dumps(data.spec.to_dict()))) == data.spec
    batches = list(data.train_dataloader())
    assert max(batch.inputs.shape for batch in batches) == (16, 10)
    assert all(batch.inputs.shape[1] == batch.lengths.max() for batch in batches)
    assert {label for batch in batches for label in batch.targets.tolist()} == {0, 1}
    assert data.tests == ["test"]
    assert sum(len(b.targets) for b in data.test_dataloader()[0]) == 100


def test_encoder_rebuilt_from_the_spec_gives_what_the_data_hold(folder: Path) -> None:
    for settings in ({}, {"level": "char"}, {"lowercase": False, "strip_html": True}):
        data = load(folder, vocabulary_size=30, max_length=7, keep="head+tail", **settings)
        with (folder / "test.csv").open(encoding="utf-8") as file:
            texts = [row["text"] for row in csv.DictReader(file)]
        encoder = TextEncoder.from_spec(TaskSpec.from_dict(data.spec.to_dict()))
        ragged = data.splits["test"]
        held = [row.tolist() for row in np.split(ragged.tokens, ragged.offsets[1:-1])]
        assert encoder.encode(texts) == held
        rows = np.arange(100)
        assert encoder.dataset(texts)[rows].inputs.equal(ragged[rows].inputs)


def test_the_yaml_writes_out_every_setting_with_its_default() -> None:
    file = Path(__file__).parents[2] / "conf" / "task" / "text_classification.yaml"
    node = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(node, dict)
    assert node["task"].pop("_target_").endswith(".TextClassification")
    signatures = [inspect.signature(each.__init__) for each in (TaskData, TextClassification)]
    defaults = {
        name: parameter.default
        for signature in signatures
        for name, parameter in signature.parameters.items()
        if name not in ("self", "kwargs", "cache_dir", "seed")
    }
    assert node["task"] == defaults


def test_a_text_of_no_token_is_one_unknown(tmp_path: Path) -> None:
    data = load(write(tmp_path / "a.csv", [("<br />", "a"), ("b", "b")] * 5), strip_html=True)
    assert {"<unk>", "b"} == {text for split in data.splits for text in decoded(data, split)}


def test_own_splits_are_kept_in_order(folder: Path) -> None:
    write(folder / "val.csv", reviews(30, seed=2))
    data = load(folder, vocabulary_size=1000)
    assert data.facts["sizes"] == {"train": 200, "val": 30, "test": 100}
    assert decoded(data, "test") == [text.replace(".", " .") for text, _ in reviews(100, seed=1)]


def test_drawn_splits_are_stratified_and_seeded(tmp_path: Path) -> None:
    rows = [(" ".join(f"{i:03}"), "often" if i % 10 else "seldom") for i in range(1000)]
    path = write(tmp_path / "a.csv", rows)
    data = load(path, val_fraction=0.2, test_fraction=0.1)
    counts = data.facts["class_counts"]
    assert counts["test"] == {"often": 90, "seldom": 10}
    assert counts["val"] == {"often": 162, "seldom": 18}
    assert counts["train"] == {"often": 648, "seldom": 72}
    texts = {split: decoded(data, split) for split in data.splits}
    again = load(path, tmp_path / "other", val_fraction=0.2, test_fraction=0.1, seed=5)
    assert {split: decoded(again, split) for split in again.splits} == texts
    other = load(path, val_fraction=0.2, test_fraction=0.1, data_seed=1)
    assert decoded(other, "val") != texts["val"]


def test_a_class_of_one_row_stays_in_train(tmp_path: Path) -> None:
    rows = [*reviews(40), ("alone", "single"), *[("both of", "double")] * 2]
    data = load(write(tmp_path / "a.csv", rows))
    counts = data.facts["class_counts"]
    assert counts["train"]["single"] == 1
    assert counts["val"]["single"] == counts["test"]["single"] == 0
    assert counts["train"]["double"] == counts["test"]["double"] == 1


def test_too_few_rows_to_draw_from_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [("one", "a"), ("two", "b")])
    with pytest.raises(UserError, match="no row is left for it; at least two classes"):
        load(path)


def test_vocabulary_is_from_train_without_validation(folder: Path) -> None:
    rows = [*((f"common id{i}", str(i % 2)) for i in range(100))]
    write(folder / "train.csv", rows)
    write(folder / "test.csv", [("common onlytest", "0"), ("common", "1")])
    data = load(folder)
    known = set(data.spec.vocabulary)
    assert "onlytest" not in known
    train, val = " ".join(decoded(data, "train")), " ".join(decoded(data, "val"))
    assert sum(f"id{i}" in known for i in range(100)) == 90
    assert "<unk>" not in train
    assert val.split() == ["common", "<unk>"] * 10
    assert data.facts["unknown_rate"] == {"train": 0.0, "val": 0.5, "test": 1 / 3}
    assert data.spec.vocabulary[:3] == ("<pad>", "<unk>", "common")
    assert list(data.spec.vocabulary[3:]) == sorted(data.spec.vocabulary[3:])
    assert load(folder, min_count=2).spec.vocabulary == ("<pad>", "<unk>", "common")
    assert load(folder, vocabulary_size=5).facts["vocabulary_size"] == 5


def test_overlaps_and_duplicates_are_counted_told_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write(folder / "train.csv", [*reviews(40), ("same", "neg"), ("same", "neg"), ("both", "neg")])
    write(folder / "val.csv", reviews(20, seed=1))
    write(folder / "test.csv", [("same", "neg"), ("both", "pos"), ("both", "pos"), ("x", "neg")])
    data = load(folder)
    assert data.facts["duplicates"] == {"train": 1, "val": 0, "test": 1}
    assert data.facts["overlaps"] == {"train/val": 0, "train/test": 2, "val/test": 0}
    assert data.facts["contradictions"] == 1
    assert data.facts["sizes"] == {"train": 43, "val": 20, "test": 4}
    told = "\n".join(data.notes)
    assert "more than once: train 1, test 1" in told
    assert "in two splits: train/test 2" in told
    assert load(folder).notes == data.notes


def test_what_drawing_separates_is_counted_as_overlap(tmp_path: Path) -> None:
    data = load(write(tmp_path / "a.csv", [("same", "a"), ("again", "b")] * 50))
    assert data.facts["overlaps"] == {"train/val": 2, "train/test": 2, "val/test": 2}
    assert data.facts["duplicates"] == {"train": 98}


def test_majority_is_the_class_most_frequent_in_train(folder: Path) -> None:
    write(folder / "train.csv", [(f"t{i}", "abb"[i % 3]) for i in range(90)])
    write(folder / "test.csv", [(f"t{i}", "aabc"[i % 4]) for i in range(40)])
    with pytest.raises(UserError, match=r"row 4 has the unknown label 'c'; the classes are a, b"):
        load(folder)
    write(folder / "train.csv", [(f"t{i}", "abbc"[i % 4]) for i in range(80)])
    data = load(folder)
    assert data.facts["majority"] == "b"
    scores = data.baselines["majority"]
    assert scores["val"]["accuracy"] == 0.5
    assert scores["test"] == {"accuracy": 0.25, "macro_f1": pytest.approx(0.4 / 3)}


def test_share_of_cut_texts(tmp_path: Path) -> None:
    data = load(write(tmp_path / "a.csv", [("a b c", "a"), ("a", "b")] * 50), max_length=2)
    assert data.facts["cut"] == {"train": 0.5, "val": 0.5, "test": 0.5}
    assert data.splits["train"].lengths.max() == 2


def test_length_bounds_are_round_and_end_with_the_longest() -> None:
    assert length_bounds(np.arange(1, 16), 17) == (2, 5, 10, 17)
    assert length_bounds(np.full(10, 50), 50) == (50,)
    assert length_bounds(np.linspace(90, 400, 100).astype(int), 400) == (200, 400)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_of_one_class_is_refused(folder: Path, split: str) -> None:
    write(folder / f"{split}.csv", [(f"t{i}", "pos") for i in range(30)])
    with pytest.raises(UserError) as caught:
        load(folder, classes=["neg", "pos"])
    assert f"{split}.csv (split {split}): all 30 rows have the label 'pos'" in str(caught.value)
    assert not [path for path in (folder.parent / "cache").glob("*/*") if path.is_dir()]


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 1, -1], ["neg", "pos"], "row 3 has the unknown label -1; the classes are neg, pos"),
        ([0, 1, 2], ["neg", "pos"], "row 3 has the unknown label 2"),
        (["neg", "pos", "Pos"], ["neg", "pos"], "row 3 has the unknown label 'Pos'"),
        (["0", "1", "2"], ["neg", "pos"], "row 3 has the unknown label '2'"),
        (["0", "1", "neg"], ["1", "neg"], "row 1 has the unknown label '0'"),
    ],
)
def test_an_unknown_label_is_refused(
    tmp_path: Path, labels: list[Any], classes: list[str], message: str
) -> None:
    table = pa.table({"text": [f"t{i}" for i in range(30)], "label": labels * 10})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError) as caught:
        load(tmp_path / "a.parquet", classes=classes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "classes", "names"),
    [
        ([1, 0], ["neg", "pos"], ("neg", "pos")),
        (["1", "0"], ["neg", "pos"], ("neg", "pos")),
        (["pos", "neg"], ["neg", "pos"], ("neg", "pos")),
        ([10, 9], None, ("9", "10")),
        (["10", "9"], None, ("9", "10")),
        (["b", "a"], None, ("a", "b")),
    ],
)
def test_labels_are_names_or_indices(
    tmp_path: Path, labels: list[Any], classes: list[str] | None, names: tuple[str, ...]
) -> None:
    texts = ["second", "first"] * 10
    pq.write_table(pa.table({"text": texts, "label": labels * 10}), tmp_path / "a.parquet")
    data = load(tmp_path / "a.parquet", classes=classes)
    assert data.spec.labels == names
    for split, ragged in data.splits.items():
        named = [("first", "second")[i] for i in ragged.targets]
        assert named == decoded(data, split)


def test_a_wrong_number_of_rows_is_refused(folder: Path) -> None:
    load(folder, expected_rows={"train": 200, "test": 100})
    with pytest.raises(
        UserError, match=r"train\.csv \(split train\): 200 rows, but task\.expected"
    ):
        load(folder, expected_rows={"train": 201})
    with pytest.raises(UserError, match="split val: 0 rows"):
        load(folder, expected_rows={"val": 10})


@pytest.mark.parametrize(("distinct", "kind"), [(65_534, np.uint16), (65_535, np.int32)])
def test_tokens_take_two_bytes_where_they_fit(
    tmp_path: Path, distinct: int, kind: type[np.generic]
) -> None:
    words = [f"w{i}" for i in range(distinct)]
    rows = [(" ".join(words), "a"), ("w1", "b")] * 3
    data = load(write(tmp_path / "a.csv", rows), vocabulary_size=100_000)
    assert data.splits["train"].tokens.dtype == kind
    assert data.splits["train"].tokens.max() == distinct + 1
    assert UNKNOWN_ID not in data.splits["train"].tokens


def test_how_often_train_has_each_token(folder: Path) -> None:
    data = load(folder, vocabulary_size=20)
    there = Counter(" ".join(decoded(data, "train")).split())
    counts = data.token_counts()
    assert counts.tolist() == [there[token] for token in data.spec.vocabulary]
    assert counts[UNKNOWN_ID] > 0


def test_words_may_be_left_whole(tmp_path: Path) -> None:
    rows = [("Don't  go!", "a"), ("go! <pad>", "b")] * 10
    data = load(write(tmp_path / "a.csv", rows), level="whitespace")
    assert {*data.spec.vocabulary[2:]} == {"don't", "go!"}
    assert {*decoded(data, "train")} == {"don't go!", "go! <unk>"}
    given = TextEncoder.from_spec(data.spec).encode(["go! <pad>"])
    assert [data.spec.vocabulary[i] for i in given[0]] == ["go!", "<unk>"]

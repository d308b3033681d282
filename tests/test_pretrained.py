"""Runs that begin with the vectors of a file, from the command line to what is trained."""

import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.usefixtures("composed_once")

Train = Callable[..., int]
Result = Callable[[Path], dict[str, Any]]

GOOD, BAD, FILLER = ["fine", "great", "lovely"], ["poor", "awful", "dull"], ["the", "a", "film"]
VECTORS = {
    **{word: [1.0, 0.5, 0.0, 0.25] for word in GOOD},
    **{word: [-1.0, -0.5, 0.0, 0.25] for word in BAD},
    "film": [0.0, 0.125, 1.0, -0.25],
    "cow": [9.0, 9.0, 9.0, 9.0],
}
SHARED = ["model=gru", "model.embedding.size=4", "trainer.accelerator=cpu", "threads=1"]
SHARED += ["logger=none", "progress=lines", "trainer.max_epochs=1"]
REVIEWS = ["task=text_classification", "task.path=reviews.csv", "model.hidden_size=4", *SHARED]
BOOK = ["task=word_lm", "task.path=book.txt", "task.sequence_length=5", "task.batch_size=4"]
BOOK += ["model.hidden_size=4", "model.head.tied=true", "callbacks.samples.length=3", *SHARED]


@pytest.fixture
def data(here: Path) -> Path:
    """Reviews of words that tell their class, and a book of the same words."""
    draw = random.Random(0)
    reviews = [
        (label, " ".join([*draw.choices(FILLER, k=2), *draw.choices(words, k=2)]))
        for _ in range(30)
        for label, words in (("good", GOOD), ("bad", BAD))
    ]
    rows = "".join(f"{text},{label}\n" for label, text in reviews)
    (here / "reviews.csv").write_text(f"text,label\n{rows}")
    (here / "book.txt").write_text("".join(f"{text}\n" for _, text in reviews))
    write(here / "vectors.txt")
    return here


def write(file: Path, **changed: list[float]) -> None:
    text = "".join(f"{w} {' '.join(map(str, row))}\n" for w, row in (VECTORS | changed).items())
    packed = file.suffix == ".gz"
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())


def table(folder: Path, name: str = "best") -> dict[str, torch.Tensor]:
    """The vector of each word in the one checkpoint below a folder."""
    (checkpoint,) = folder.rglob(f"{name}.ckpt")
    content = torch.load(checkpoint, weights_only=True)
    words = content["seqbench"]["spec"]["vocabulary"]
    weight = content["state_dict"]["network.embedding.table.weight"]
    return dict(zip(words, weight, strict=True))


def same(found: dict[str, torch.Tensor]) -> set[str]:
    """The words that still have the file's vector."""
    return {w for w, row in VECTORS.items() if w in found and found[w].tolist() == row}


def test_frozen_vectors_from_training_to_use_without_the_file(
    train: Train, data: Path, result: Result, capfd: pytest.CaptureFixture[str]
) -> None:
    from seqbench import load

    place = data / "векторы, a=b" / "my vectors.txt.gz"
    place.parent.mkdir()
    write(place)
    words = [*REVIEWS, f"model.embedding.path={place.relative_to(data)}"]
    assert train(*words, "model.embedding.freeze=true", "optimizer.lr=0.1") == 0
    note = f"{place.relative_to(data)}: 7 of 9 words of the vocabulary (77.8%), "
    (log,) = data.rglob("train.log")
    assert note in capfd.readouterr().err
    assert note in log.read_text("utf-8")
    content = result(data)
    kept = content["embedding"]
    assert (kept["path"], kept["size"]) == (str(place.relative_to(data)), 4)
    assert (kept["found"], kept["vocabulary"], kept["by_lower_case"]) == (7, 9, 0)
    train_words = [w for w in GOOD + BAD + FILLER if w not in ("the", "a")]
    assert len(train_words) == 7
    assert 0.5 < kept["train_share"] < 0.9
    found = table(data)
    assert same(found) == {*train_words}
    assert found["<pad>"].tolist() == [0, 0, 0, 0]
    frozen = sum(row.numel() for row in found.values())
    trained = load(data)
    every = sum(parameter.numel() for parameter in trained.module.network.parameters())
    assert content["parameters"] == every - frozen

    place.unlink()
    trained = load(data)
    assert [each.label for each in trained.predict(["a fine film", "the dull film"])]
    assert trained.evaluate("test").metrics == pytest.approx(content["metrics"]["test"])


def test_vectors_are_trained_where_they_are_not_frozen(train: Train, data: Path) -> None:
    assert train(*REVIEWS, "model.embedding.path=vectors.txt", "optimizer.lr=0.1") == 0
    assert same(table(data)) == set()


def test_content_not_place_makes_the_run(
    train: Train,
    data: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def runs(*words: str) -> int:
        assert train(*REVIEWS, *words) == 0
        return len(list(data.rglob("result.json")))

    assert runs("model.embedding.path=vectors.txt") == 1
    home = data / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    write(home / "others.txt", cow=[0.0, 0.0, 0.0, 0.0])
    capfd.readouterr()
    assert runs("model.embedding.path=~/others.txt") == 1
    assert "trained already" in capfd.readouterr().err
    write(home / "others.txt", film=[1.0, 2.0, 3.0, 4.0])
    assert runs("model.embedding.path=~/others.txt") == 2
    assert runs("model.embedding.path=vectors.txt", "model.embedding.freeze=true") == 3
    assert runs() == 4


def test_a_test_left_out_is_made_up_for(train: Train, data: Path, result: Result) -> None:
    words = [*REVIEWS, "model.embedding.path=vectors.txt"]
    assert train(*words, "test=false") == 0
    before = result(data)
    assert "test" not in before["metrics"]
    assert train(*words) == 0
    after = result(data)
    assert "test" in after["metrics"]
    assert after["embedding"] == before["embedding"]


@pytest.mark.parametrize("freeze", [True, False])
def test_a_tied_output_shares_the_vectors(
    train: Train, data: Path, result: Result, freeze: bool
) -> None:
    from seqbench import load

    words = [*BOOK, "model.embedding.path=vectors.txt", "optimizer.lr=0.1"]
    assert train(*words, f"model.embedding.freeze={str(freeze).lower()}") == 0
    first, last = table(data), table(data, "last")
    assert same(first) == ({*GOOD, *BAD, "film"} if freeze else set())
    if freeze:
        assert all(torch.equal(first[word], last[word]) for word in first)
    assert first["<pad>"].tolist() == [0, 0, 0, 0]
    assert 0.5 < result(data)["embedding"]["train_share"] < 0.9
    (data / "vectors.txt").unlink()
    trained = load(data)
    head, embedding = trained.module.network.head, trained.module.network.embedding
    assert head.linear.tables[0] is embedding.table  # type: ignore[union-attr, index]
    assert trained.generate("the film", length=3)


def test_no_vectors_no_word_of_them(train: Train, data: Path, result: Result) -> None:
    assert train(*REVIEWS) == 0
    assert "embedding" not in result(data)

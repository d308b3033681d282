"""The real Large Movie Review Dataset, where it is at hand."""

import os
from pathlib import Path

import pytest

from seqbench.datamodules.text_classification import TextClassification

pytestmark = pytest.mark.skipif(
    not (Path(os.environ.get("SEQBENCH_DATA_DIR", "/nowhere")) / "imdb").exists(),
    reason="needs the folder imdb under SEQBENCH_DATA_DIR",
)


@pytest.fixture(scope="session")
def imdb(tmp_path_factory: pytest.TempPathFactory) -> TextClassification:
    data = TextClassification(
        cache_dir=str(tmp_path_factory.mktemp("cache")),
        folder="imdb",
        classes=["negative", "positive"],
        expected_rows={"train": 25_000, "test": 25_000},
        strip_html=True,
        max_length=400,
        keep="head+tail",
    )
    data.prepare_data()
    data.setup()
    return data


def test_counts(imdb: TextClassification) -> None:
    facts = imdb.facts
    assert facts["sizes"] == {"train": 22_500, "val": 2_500, "test": 25_000}
    assert facts["class_counts"]["val"] == {"negative": 1_250, "positive": 1_250}
    # Letter by letter 96 and 199; two more each differ in nothing that a model sees.
    assert facts["duplicates"] == {"train": 98, "test": 201}
    assert facts["overlaps"]["train/test"] == 123
    assert facts["contradictions"] == 0
    assert facts["dropped"] == {"train": 0, "test": 0}
    assert 0.0 < facts["unknown_rate"]["val"] < facts["unknown_rate"]["test"] < 0.02
    assert imdb.baselines["majority"]["test"]["accuracy"] == 0.5


def test_spec_and_a_batch(imdb: TextClassification) -> None:
    assert imdb.spec.input_size == 30_000
    assert imdb.spec.vocabulary[2:5] == ("the", ".", ",")
    assert "br" not in imdb.spec.vocabulary[:1000]
    assert imdb.spec.length_bounds == (100, 200, 400)
    batch = next(iter(imdb.train_dataloader()))
    assert batch.inputs.shape == (64, batch.lengths.max())
    assert set(batch.targets.tolist()) == {0, 1}

"""What tests of labelled texts share: loading them, and what is said where that is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.datamodules.language_model import LanguageModel
from seqbench.datamodules.text_classification import TextClassification
from seqbench.errors import UserError

Load = Callable[..., TextClassification]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """``load(path, **settings)``: the data, set up."""

    def ready(path: Path | None = None, **settings: Any) -> TextClassification:
        settings["path"] = str(path) if path else None
        data = TextClassification(cache_dir=str(tmp_path / "cache"), **settings)
        data.prepare_data()
        data.setup()
        return data

    return ready


@pytest.fixture
def refusal(tmp_path: Path, load: Load) -> Callable[..., str]:
    """``refusal(path, **settings)``: the one line; nothing but a lock is added to the cache."""

    def told(path: Path, **settings: Any) -> str:
        before = {*(tmp_path / "cache").rglob("*")}
        with pytest.raises(UserError) as caught:
            load(path, **settings)
        assert "\n" not in str(caught.value)
        left = {file for file in (tmp_path / "cache").rglob("*") if file.suffix != ".lock"}
        assert left - before <= {tmp_path / "cache" / "texts"}
        return str(caught.value)

    return told


@pytest.fixture
def rows() -> Callable[[TextClassification], list[tuple[str, str]]]:
    """All rows of all splits, as ``(tokens between spaces, label)``, sorted."""

    def decoded(data: TextClassification) -> list[tuple[str, str]]:
        found = []
        for ragged in data.splits.values():
            texts = np.split(ragged.tokens, ragged.offsets[1:-1])
            for text, label in zip(texts, ragged.targets, strict=True):
                words = " ".join(data.spec.vocabulary[i] for i in text)
                found.append((words, data.spec.labels[label]))
        return sorted(found)

    return decoded


@pytest.fixture
def language_model(tmp_path: Path) -> Callable[..., LanguageModel]:
    """``language_model(path, **settings)``: a text's streams, set up."""

    def ready(path: Path | str | None = None, **settings: Any) -> LanguageModel:
        given = {"level": "whitespace", "batch_size": 1, "eval_batch_size": 1, **settings}
        cache = str(tmp_path / "cache")
        data = LanguageModel(cache_dir=cache, path=str(path) if path else None, **given)
        data.prepare_data()
        data.setup()
        return data

    return ready

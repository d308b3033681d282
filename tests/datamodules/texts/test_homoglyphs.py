"""Letters that look alike: mended in mixed words, and nowhere else."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.datamodules.text_classification import TextClassification
from seqbench.datamodules.texts.encoder import TextEncoder
from seqbench.datamodules.texts.homoglyphs import CYRILLIC, LATIN, mend
from seqbench.spec import TaskSpec

Load = Callable[..., TextClassification]


def test_the_table_pairs_letters_of_two_scripts_and_of_one_case() -> None:
    assert len(LATIN) == len(CYRILLIC) == len({*LATIN}) == len({*CYRILLIC})
    for latin, cyrillic in zip(LATIN, CYRILLIC, strict=True):
        assert unicodedata.name(latin).startswith("LATIN")
        assert unicodedata.name(cyrillic).startswith("CYRILLIC")
        assert latin.isupper() == cyrillic.isupper()


@pytest.mark.parametrize(
    ("text", "mended", "words"),
    [
        ("Бapcик", "Барсик", 1),  # a, p, c are Latin
        ("Tоm", "Tom", 1),  # о is Cyrillic
        ("Тузик, Toшка", "Тузик, Тошка", 1),
        ("Tom", "Tom", 0),
        ("Том", "Том", 0),
        ("Tom и Том", "Tom и Том", 0),
        ("cор", "сор", 1),  # no letter decides: two of three are Cyrillic
        ("coр", "cop", 1),
        ("аo", "ао", 1),  # a tie: as the first letter
        ("oа", "oa", 1),
        ("Ваsя", "Ваѕя", 1),
        ("Фëдор", "Фёдор", 1),
        ("Жuк", "Жuк", 0),  # u looks like no Cyrillic letter
        ("Кот-cat", "Кот-cat", 0),
        ("кот2cat", "кот2cat", 0),
        ("мap\u0301ка", "мар\u0301ка", 1),  # an accent is part of the word
        ("αοа", "αοа", 0),  # Greek stays
    ],
)
def test_mixed_words_become_one_script(text: str, mended: str, words: int) -> None:
    assert mend(text) == (mended, words)


def test_mending_is_counted_told_and_part_of_the_spec(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "БAPСИК,cat\nБобик Tоm,dog\n<b>кот,cat\n" * 10, "utf-8")
    plain = load(path, level="char")
    assert plain.facts["mended"] == {"train": 0, "val": 0, "test": 0}
    data = load(path, level="char", mend_homoglyphs=True, strip_html=True)
    counts = data.facts["mended"]
    assert sum(counts.values()) == 20
    assert counts["val"] < data.facts["sizes"]["val"]
    told = f"mended: train {counts['train']}, val {counts['val']}"
    assert any(told in note for note in data.notes)
    assert not any("mended" in note for note in plain.notes)
    assert "p" in plain.spec.vocabulary
    assert "p" not in data.spec.vocabulary
    spec = TaskSpec.from_dict(json.loads(json.dumps(data.spec.to_dict())))
    assert spec.encoding["mend_homoglyphs"] is True
    encoder = TextEncoder.from_spec(spec)
    assert encoder.encode(["бapсик"]) == encoder.encode(["барсик"])
    del spec.encoding["mend_homoglyphs"]  # as in a checkpoint of an earlier version
    assert TextEncoder.from_spec(spec).encode(["бapсик"]) != encoder.encode(["барсик"])

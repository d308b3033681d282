"""Caches and data that would run code: nothing is."""

import io
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.bad_input.hostile.evil import Evil, Refused

from seqbench.datamodules.cache import CHECKSUMS, file_digest


def objects(evil: Evil) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([evil, 1], dtype=object), allow_pickle=True)
    return file.getvalue()


def zipped(evil: Evil) -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.array([evil], dtype=object))
    return file.getvalue()


def lying(evil: Evil) -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(3))
    return file.getvalue().replace(b"(3,)", b"(9,)")


PAYLOADS: list[Callable[[Evil], bytes]] = [objects, zipped, lying, pickle.dumps, lambda evil: b""]


@pytest.fixture
def encoded(trained: tuple[Path, list[str]], here: Path) -> Path:
    """The cache of this test, with the texts of the run in it."""
    shutil.copytree(trained[0] / "cache", here.parent / "cache")
    return here.parent / "cache"


def test_a_cache_with_right_checksums(
    refused: Refused, words: list[str], here: Path, marker: Path, encoded: Path
) -> None:
    (here / "a.txt").write_text("abc de " * 3000)
    letters = ["task=char_lm", "task.path=a.txt", "threads=1", "progress=none"]
    # Refused, but for no fault of the data: they are encoded by then.
    refused("train", *letters, "optimizer.lr=1e400", parts=["lr"])
    texts, running = (next((encoded / kind).rglob(CHECKSUMS)).parent for kind in KINDS)
    for folder in (texts, running):
        for payload in PAYLOADS if folder == texts else PAYLOADS[:2]:
            for file in folder.glob("*.npy"):
                file.write_bytes(payload(Evil(marker)))
            seal(folder)
            called = words if folder == texts else letters
            refused("train", *called, parts=["cache", folder.name, "remove it"])
    assert not marker.exists()


KINDS = "texts", "running"


def test_words_of_a_cache(refused: Refused, words: list[str], here: Path, encoded: Path) -> None:
    (path,) = encoded.rglob("corpus.json")
    for content in ("[1]", '{"classes": [1]}', "[" * 3000, "nul"):
        path.write_text(content)
        seal(path.parent)
        refused("train", *words, parts=["cache", path.parent.name, "remove it"])


def seal(folder: Path) -> None:
    files = [file for file in folder.iterdir() if file.name != CHECKSUMS]
    (folder / CHECKSUMS).write_text(json.dumps({f.name: file_digest(f) for f in files}))


# The config that a run keeps


def test_a_parquet_file_with_a_pickled_type(
    refused: Refused, words: list[str], here: Path, marker: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Evil(marker)),
    }
    schema = pa.schema([pa.field("x", pa.string(), metadata=kind), pa.field("y", pa.string())])
    rows = [[f"{'ab' if i % 2 else 'cd'}{i}" for i in range(40)], [*"pq" * 20]]
    pq.write_table(pa.table(rows, schema=schema), here / "a.parquet")
    refused("train", *words, "task.path=a.parquet", "optimizer.lr=1e400", parts=["lr"])
    assert not marker.exists()

"""Which files are which split, and their text as it is read."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqbench.datamodules.texts.pieces import LONGEST
from seqbench.datamodules.texts.running import TextFiles, find_texts
from seqbench.errors import UserError

Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Write:
    """``folder("a/b.txt", ...)``: a folder of such files, each holding its own path."""

    def make(*names: str) -> Path:
        for name in names:
            file = tmp_path / "data" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{name}\n")
        return tmp_path / "data"

    return make


def parquet(file: Path, texts: list[str | None], column: str = "text") -> Path:
    pq.write_table(pa.table({column: pa.array(texts, pa.string()), "n": range(len(texts))}), file)
    return file


def found(folder: Path) -> dict[str, list[str]]:
    files = find_texts(str(folder))
    return {
        split: [str(file.relative_to(folder)) for file in paths] for split, paths in files.items()
    }


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (
            ["ptb.train.txt", "ptb.valid.txt", "ptb.test.txt", "ptb.char.train.md"],
            {
                "train": ["ptb.char.train.md", "ptb.train.txt"],
                "val": ["ptb.valid.txt"],
                "test": ["ptb.test.txt"],
            },
        ),
        (
            ["train/b.txt", "train/a/c.txt", "valid/a.txt", "test/x.rst"],
            {"train": ["train/a/c.txt", "train/b.txt"], "val": ["valid/a.txt"]}
            | {"test": ["test/x.rst"]},
        ),
        (
            [
                "train-00001-of-00002.parquet",
                "train-00000-of-00002.parquet",
                "validation-00000-of-00001.parquet",
            ],
            {
                "train": ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
                "val": ["validation-00000-of-00001.parquet"],
            },
        ),
        (
            [
                *("b.txt", "a/z.TXT", "a/b/c.md", "notes.pdf", "README.md", "a/Readme.txt"),
                *(".hidden.txt", ".git/x.txt", "a/.cache/y.txt"),
            ],
            {"train": ["a/b/c.md", "a/z.TXT", "b.txt"]},
        ),
        (["train.txt", "dev.txt", "README"], {"train": ["train.txt"], "val": ["dev.txt"]}),
        (["training.txt", "contest.txt"], {"train": ["contest.txt", "training.txt"]}),
    ],
)
def test_what_is_found(folder: Write, there: list[str], wanted: dict[str, list[str]]) -> None:
    assert found(folder(*there)) == wanted


@pytest.mark.parametrize(
    ("there", "named"),
    [
        (["train.txt", "dev.txt", "other.txt"], "train.txt is of the split train .* other.txt"),
        (["night-train.txt", "b1.txt", "b2.txt"], "night-train.txt .* b1.txt, b2.txt of none"),
        (["train/a.txt", "more/b.txt"], "train/a.txt .* more/b.txt of none"),
    ],
)
def test_a_text_of_no_split_beside_splits(folder: Write, there: list[str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        found(folder(*there))


@pytest.mark.parametrize(
    ("there", "parts"),
    [
        (["test.txt"], "but test.txt"),
        (["a.pdf", "b.docx"], "but a.pdf, b.docx"),
        (["README.md"], "but README.md"),
    ],
)
def test_nothing_to_train_on(folder: Write, there: list[str], parts: str) -> None:
    with pytest.raises(UserError, match=f"no text to train on there, {parts}"):
        find_texts(str(folder(*there)))


@pytest.mark.parametrize(("path", "why"), [("/dev/null", "neither"), ("none.txt", "no such file")])
def test_no_file_or_folder(path: str, why: str) -> None:
    with pytest.raises(UserError, match=f"{path}: {why}"):
        find_texts(path)


def read(path: Path, encoding: str = "utf-8", column: str = "text") -> str:
    text = TextFiles(find_texts(str(path)), encoding, column)
    return "".join(text.read("train"))


def test_files_one_after_another_in_the_order_of_their_paths(folder: Write) -> None:
    place = folder("b.txt", "a/z.txt", "c.txt")
    (place / "b.txt").write_bytes(b"no newline")
    (place / "c.txt").write_bytes(b"")
    assert read(place) == "a/z.txt\nno newline\n"


@pytest.mark.parametrize(
    ("content", "encoding", "wanted"),
    [
        (b"a\r\nb\rc\n\n", "utf-8", "a\nb\nc\n\n"),
        (b"\xef\xbb\xbfa\xef\xbb\xbf\n", "utf-8", "a\ufeff\n"),
        (b"\xef\xbb\xbf", "utf-8", ""),
        ("Ёж и ёлка".encode("cp1251"), "cp1251", "Ёж и ёлка\n"),
        ("Ёж\r\n".encode("utf-16"), "utf-16", "Ёж\n"),
    ],
)
@pytest.mark.parametrize("block", [1, 2, 1 << 20])
def test_a_file_as_it_is_decoded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    encoding: str,
    wanted: str,
    block: int,
) -> None:
    monkeypatch.setattr("seqbench.datamodules.texts.lines.BLOCK", block)
    (tmp_path / "a.txt").write_bytes(content)
    assert read(tmp_path / "a.txt", encoding) == wanted


def test_a_column_of_parquet_files(tmp_path: Path) -> None:
    parquet(tmp_path / "train-0.parquet", ["b", None, "two\nlines", ""], "story")
    parquet(tmp_path / "train-1.parquet", ["end", *[None] * 1_500], "story")
    assert read(tmp_path, column="story") == "b\ntwo\nlines\nend\n"
    with pytest.raises(UserError, match="no column 'text'; there are 'story', 'n'"):
        read(tmp_path)
    with pytest.raises(UserError, match="the column 'n' holds int64, no strings"):
        read(tmp_path, column="n")


def test_parquet_and_text_together(tmp_path: Path) -> None:
    parquet(tmp_path / "b.parquet", ["from parquet"])
    (tmp_path / "a.txt").write_text("from a file")
    assert read(tmp_path) == "from a file\nfrom parquet\n"


def test_parquet_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"a\.parquet: damaged, or no parquet file"):
        read(file)
    half = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    pq.write_table(pa.table({"text": half}), file)
    with pytest.raises(UserError, match=r"a\.parquet: damaged, or no parquet file.*utf-8"):
        read(file)


@pytest.mark.parametrize(
    ("content", "encoding", "parts"),
    [
        ("ok\nёж\n".encode("cp1251"), "utf-8", "line 2 on; set task.encoding, for instance"),
        (b"one\ntwo \0\n", "utf-8", "line 2 holds a NUL"),
        ("a".encode("utf-16"), "utf-8", "to utf-16"),
        (b"a +2AA- b", "utf-7", "not in the encoding utf-7"),
        (b"a", "klingon", "no such encoding"),
    ],
)
@pytest.mark.parametrize("block", [3, 1 << 20])
def test_what_is_no_text(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    encoding: str,
    parts: str,
    block: int,
) -> None:
    monkeypatch.setattr("seqbench.datamodules.texts.lines.BLOCK", block)
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError, match=parts):
        read(tmp_path / "a.txt", encoding)


def test_the_content_is_that_of_the_files_in_their_order(folder: Write) -> None:
    place = folder("a.txt", "b.txt")

    def content(encoding: str = "utf-8") -> str:
        return TextFiles(find_texts(str(place)), encoding, "text").content

    first = content()
    (place / "b.txt").rename(place / "c.txt")
    assert content() == first
    (place / "a.txt").rename(place / "d.txt")
    assert content() != first
    assert content("latin-1") != content()


def test_a_word_may_not_be_endless(tmp_path: Path, language_model: Callable[..., object]) -> None:
    (tmp_path / "a.txt").write_text("a" * 2 * LONGEST + " b" * 100)
    with pytest.raises(UserError, match=r"no white space within \d+ characters.*task.level=char"):
        language_model(tmp_path / "a.txt")
    language_model(tmp_path / "a.txt", level="char", lowercase=True)

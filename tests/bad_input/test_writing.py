"""Texts that cannot be learnt from, prompts and options that nothing can be written by."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import seqbench
from seqbench.choice import Choice
from seqbench.errors import UserError

Refused = Callable[..., str]
Accepted = Callable[..., tuple[str, str]]

TEXT = "one two three four five six seven eight nine ten\n" * 20
"""200 words, 980 characters."""

SETTINGS: list[tuple[bytes, list[str], list[str]]] = [
    (b"", [], ["a.txt", "no text in it"]),
    (b"\xef\xbb\xbf", [], ["a.txt", "no text in it"]),
    (b" \n\t\r\n", [], ["a.txt", "no text in it"]),
    (b"a\n", [], ["a.txt", "too short"]),
    (b"a b c\n", ["task.level=char"], ["a.txt", "too short", "val has 1"]),
    (b"a b c d e f g h i j k " * 2, [], ["train", "too few", "20 streams", "task.batch_size=20"]),
    (TEXT.encode(), ["task.eval_batch_size=50"], ["val", "too few", "task.eval_batch_size=50"]),
    (b"\x7fELF\0\1\2\n", [], ["a.txt", "line 1", "NUL"]),
    (b"one\ntwo\nthree \0\n", [], ["a.txt", "line 3", "NUL"]),
    ("ёж и уж\n".encode("cp1251"), [], ["a.txt", "utf-8", "line 1", "cp1251"]),
    (TEXT.encode(), ["task.encoding=utf-16"], ["a.txt", "utf-16"]),
    (TEXT.encode(), ["task.encoding=klingon"], ["task.encoding=klingon", "utf-8"]),
    (TEXT.encode(), ["task.min_count=1000"], ["task.min_count=1000", "lower it"]),
    (TEXT.encode(), ["task.vocabulary_size=2"], ["task.vocabulary_size", "3"]),
    (TEXT.encode(), ["task.sequence_length=9"], ["task.sequence_length=9", "8 steps", "lower"]),
    (TEXT.encode(), [f"task.sequence_length={10**30}"], ["task.sequence_length", "longer"]),
    (TEXT.encode(), ["task.sequence_length=0"], ["task.sequence_length"]),
    (TEXT.encode(), [f"task.batch_size={10**30}"], ["too few", "task.batch_size"]),
    (TEXT.encode(), ["task.val_fraction=0.5", "task.test_fraction=0.5"], ["leave nothing"]),
    (TEXT.encode(), ["task.val_fraction=1"], ["task.val_fraction"]),
    (
        TEXT.encode(),
        ["task.min_count=2", "task.unknown_singletons=0.5"],
        ["task.unknown_singletons", "task.min_count=1"],
    ),
    (TEXT.encode(), ["task.level=char", "task.end_of_line=true"], ["task.end_of_line"]),
    (TEXT.encode(), ["task.level=letters"], ["task.level", "letters", "char"]),
    (TEXT.encode(), ["task.shuffle=true"], ["task.shuffle"]),
    (b"a" * 3_000_000, [], ["a.txt", "no white space", "task.level=char"]),
    (TEXT.encode(), ["model.bidirectional=true"], ["bidirectional"]),
]

FOLDERS: list[tuple[dict[str, bytes], list[str]]] = [
    ({}, ["no text to train on", "nothing"]),
    ({"a.pdf": b"x", "README.txt": b"x"}, ["no text to train on", "README.txt, a.pdf"]),
    ({"test.txt": TEXT.encode()}, ["no text to train on", "test.txt"]),
    ({"train.txt": TEXT.encode(), "valid.txt": b""}, ["valid.txt", "split val", "no text"]),
    ({"train.txt": TEXT.encode(), "valid.txt": b"one"}, ["valid.txt", "too short", "1 tokens"]),
    ({"train.txt": b" ", "valid.txt": b"one two"}, ["train.txt", "no text"]),
    ({"a.txt": TEXT.encode(), "b.txt": b"a\nb\0"}, ["b.txt", "line 2", "NUL"]),
    ({"train.parquet": b"PAR1"}, ["train.parquet", "parquet"]),
]

PROMPTS: list[tuple[list[str], list[str]]] = [
    ([], ["give a prompt"]),
    (["--prompt", ""], ["prompt is empty"]),
    (["--prompt", "xyz"], ["nothing of the prompt", "x, y, z"]),
    (["--prompt", "x" * 5000], ["nothing of the prompt", "vocabulary: x"]),
    (["--prompt", "а\udcff"], ["prompt", "Unicode"]),
    (["--label", "кошка"], ["label кошка", "without a label"]),
    (["--prompt", "а", "--label", "b" * 5000], ["without a label"]),
    (["а"], ["unrecognized arguments", "а", "--help"]),
]

OPTIONS: list[tuple[list[str], list[str]]] = [
    (["--top-k", "0"], ["top-k 0", "1 or more"]),
    (["--top-k", "-3"], ["top-k -3", "1 or more"]),
    (["--top-k", "many"], ["--top-k", "'many'"]),
    (["--top-k", "2.5"], ["--top-k", "'2.5'"]),
    (["--top-k", "9" * 5000], ["--top-k", "999"]),
    (["--temperature", "0"], ["temperature 0.0", "greater than 0", "top-k 1"]),
    (["--temperature", "-1"], ["temperature -1.0", "greater than 0"]),
    (["--temperature", "nan"], ["temperature nan", "number greater than 0"]),
    (["--temperature", "inf"], ["temperature inf", "number greater than 0"]),
    (["--temperature", "warm"], ["--temperature", "'warm'"]),
    (["--top-p", "0"], ["top-p 0.0", "at most 1"]),
    (["--top-p", "1.5"], ["top-p 1.5", "at most 1"]),
    (["--top-p", "nan"], ["top-p nan"]),
    (["--uniform"], ["uniform", "top-k or top-p"]),
    (["--length", "0"], ["length 0", "1 or more"]),
    (["--length", "-1"], ["length -1"]),
    (["--length", "long"], ["--length", "'long'"]),
    (["--num-samples", "0"], ["num-samples 0", "1 or more"]),
    (["--seed", "-1"], ["seed -1", "0 or more"]),
    (["--backend", "fast"], ["--backend", "'fast'", "native"]),
    (["--tmeperature", "1"], ["--tmeperature", "'--temperature'"]),
    (["--topk", "1"], ["--topk", "'--top-k'"]),
    (["--prompt"], ["--prompt", "expected one argument"]),
]

SAMPLES: list[tuple[list[str], list[str]]] = [
    (["prompts=[xyz]"], ["callbacks.samples", "nothing of the prompt"]),
    (["prompts=['']"], ["callbacks.samples", "prompt is empty"]),
    (["prompts=[one,'']"], ["callbacks.samples", "prompt is empty"]),
    (["prompts=one"], ["callbacks.samples.prompts"]),
    (["labels=[cat]"], ["callbacks.samples", "without a label"]),
    (["top_k=0"], ["callbacks.samples", "top-k 0"]),
    (["temperature=0"], ["callbacks.samples", "temperature 0"]),
    (["temperature=nan"], ["callbacks.samples", "temperature nan"]),
    (["top_p=2"], ["callbacks.samples", "top-p 2"]),
    (["uniform=true"], ["callbacks.samples", "uniform"]),
    (["length=0"], ["callbacks.samples.length"]),
    (["num_samples=0"], ["callbacks.samples.num_samples"]),
    (["seed=-1"], ["callbacks.samples.seed"]),
    (["every_n_epochs=0"], ["callbacks.samples.every_n_epochs"]),
    (["lenght=5"], ["callbacks.samples.lenght", "length"]),
]


@pytest.fixture
def words() -> list[str]:
    """Overrides for a text a.txt, and one short epoch."""
    return [
        "task=word_lm",
        "task.path=a.txt",
        "task.min_count=1",
        "task.sequence_length=4",
        "model=gru",
        "model.hidden_size=8",
        "model.embedding.size=4",
        "callbacks.samples.length=5",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
        "logger=none",
        "progress=none",
        "threads=1",
    ]


@pytest.fixture
def nothing_kept(here: Path) -> Callable[[], None]:
    """No file of a text that is refused; one whose streams are too short is encoded by then."""

    def check() -> None:
        left = {file.suffix for file in (here.parent / "cache").rglob("*") if file.is_file()}
        assert left <= {".lock", ".npy", ".json"}
        assert not [*here.parent.rglob("*.building")]

    return check


@pytest.mark.parametrize(("content", "settings", "parts"), SETTINGS)
def test_a_text_and_its_settings(
    refused: Refused,
    words: list[str],
    here: Path,
    nothing_kept: Callable[[], None],
    content: bytes,
    settings: list[str],
    parts: list[str],
) -> None:
    (here / "a.txt").write_bytes(content)
    refused("train", *words, *settings, parts=parts)
    nothing_kept()


@pytest.mark.parametrize(("files", "parts"), FOLDERS)
def test_a_folder(
    refused: Refused,
    words: list[str],
    here: Path,
    nothing_kept: Callable[[], None],
    files: dict[str, bytes],
    parts: list[str],
) -> None:
    (here / "data").mkdir()
    for name, content in files.items():
        (here / "data" / name).write_bytes(content)
    refused("train", *words, "task.path=data", parts=["data", *parts])
    nothing_kept()


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (["task.path=none.txt"], ["none.txt", "no such file"]),
        (["task.path=/dev/null"], ["/dev/null", "neither a file nor a folder"]),
        ([f"task.path={'a' * 300}"], ["aaa", "too long"]),
        (["task.path=null", "task.built_in=null"], ["no text", "task.path=FILE"]),
        (
            ["task.path=null", "task.built_in=null", "task.folder=ptb"],
            ["no text", "SEQBENCH_DATA_DIR", "ptb"],
        ),
        (["task.path=null", "task.built_in=bible"], ["task.built_in", "python_reference"]),
    ],
)
def test_no_text(refused: Refused, words: list[str], settings: list[str], parts: list[str]) -> None:
    refused("train", *words, *settings, parts=parts)


@pytest.mark.parametrize(("settings", "parts"), SAMPLES)
def test_samples(
    refused: Refused, words: list[str], here: Path, settings: list[str], parts: list[str]
) -> None:
    (here / "a.txt").write_text(TEXT)
    given = [f"callbacks.samples.{setting}" for setting in settings]
    given = [f"+{word}" if "lenght" in word or "labels" in word else word for word in given]
    refused("train", *words, *given, parts=parts)
    assert not (here / "outputs").exists()


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (TEXT, ["callbacks.samples.prompts=[]"]),
        (TEXT, [f"callbacks.samples.top_k={10**30}", "callbacks.samples.num_samples=65"]),
        (TEXT, ["callbacks.samples.every_n_steps=3", "callbacks.samples.every_n_epochs=null"]),
        # Nothing to begin with in validation: unknown words, empty lines, and punctuation that is
        # one token where it stands together.
        ("a b " * 100 + "x y z " * 30, ["task.min_count=50"]),
        ("a b " * 100 + "\n" * 60, ["task.end_of_line=true", "task.level=whitespace"]),
        ("a . b . " * 100 + ". " * 400, []),
    ],
)
def test_samples_that_work(
    accepted: Accepted, words: list[str], here: Path, text: str, settings: list[str]
) -> None:
    (here / "a.txt").write_text(text)
    accepted("train", *words, "task.eval_batch_size=1", "task.batch_size=4", *settings)


@pytest.mark.parametrize(("options", "parts"), PROMPTS)
def test_prompts(refused: Refused, letters_run: Path, options: list[str], parts: list[str]) -> None:
    refused("generate", str(letters_run), *options, parts=parts)


@pytest.mark.parametrize(("options", "parts"), OPTIONS)
def test_options(refused: Refused, letters_run: Path, options: list[str], parts: list[str]) -> None:
    refused("generate", str(letters_run), "--prompt", "а", *options, parts=parts)


@pytest.mark.parametrize(
    "options",
    [
        ["--top-k", str(10**30)],
        ["--seed", str(10**30)],
        ["--temperature", "1e-320"],
        ["--temperature", "1e300"],
        ["--top-p", "1e-300"],
        ["--top-k", "1", "--uniform"],
        ["--num-samples", "130", "--length", "2"],
        ["--prompt", " "],
        ["--prompt", "а" * 10_000],
    ],
)
def test_odd_options_work(accepted: Accepted, letters_run: Path, options: list[str]) -> None:
    out, _ = accepted("generate", str(letters_run), "--prompt", "аб", "--length", "5", *options)
    assert set(re.sub(r"--- \d+ ---", "", out)) <= set("абв \n")


def test_unknown_letters_of_a_prompt_are_told(accepted: Accepted, letters_run: Path) -> None:
    out, err = accepted("generate", str(letters_run), "--prompt", "аxбx", "--length", "3")
    assert out.startswith("аxбx")
    assert err.splitlines()[-1] == "seqbench: unknown, read as one and the same: x"


def test_a_cold_network_takes_the_likeliest() -> None:
    logits = torch.tensor([[-math.inf, 3.0, 5.0, 4.0]])
    draws = torch.tensor([0.999], dtype=torch.double)
    for temperature in (1e-320, 1e-300, 1e-9):
        assert Choice(temperature)(logits, draws).tolist() == [2]


@pytest.mark.parametrize("number", [5, ["а"], b"abc"])
def test_a_prompt_that_is_no_text(letters_run: Path, number: Any) -> None:
    with pytest.raises(UserError, match=r"prompt: .* is no text"):
        seqbench.load(letters_run, threads=1).generate(number)


def test_networks_do_what_they_were_trained_to(
    refused: Refused, letters_run: Path, names_run: Path, sums_run: Path
) -> None:
    for run in (names_run, sums_run):
        refused("generate", str(run), "--prompt", "а", parts=["trained to label", "predict"])
    refused("predict", str(letters_run), "а", parts=["trained to write", "generate"])


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (None, ["a.txt", "no such file"]),
        (b"", ["a.txt", "too short", "0 tokens"]),
        ("абв\n".encode("cp1251"), ["a.txt", "line 1", "task.encoding", "settings of the run"]),
        (b"a\0b\n", ["a.txt", "line 1", "NUL"]),
    ],
)
def test_a_text_to_evaluate_on(
    refused: Refused, letters_run: Path, here: Path, content: bytes | None, parts: list[str]
) -> None:
    if content is not None:
        (here / "a.txt").write_bytes(content)
    refused("evaluate", str(letters_run), "--data", "a.txt", parts=parts)

"""How a run fares class by class, as the terminal and TensorBoard show it."""

import csv
import random
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqbench import summary

Train = Callable[..., int]
SPLITS = ("val", "test")
WORDS = [
    "task=text_classification",
    "task.path=names.csv",
    "task.level=char",
    "model=gru",
    "model.hidden_size=8",
    "model.embedding.size=4",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "progress=lines",
    "threads=1",
]


@pytest.fixture
def names(here: Path) -> Callable[[list[str]], None]:
    """Writes names.csv: thirty names of each class, made of the same letters."""

    def write(classes: list[str]) -> None:
        draw = random.Random(0)
        with (here / "names.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            for label in classes:
                for _ in range(30):
                    writer.writerow(("".join(draw.choices("абвгде", k=6)), label))

    return write


def report(labels: list[str], scale: int = 1000) -> dict[str, Any]:
    """A report with some numbers in it."""
    draw = random.Random(0)
    confusion = [[draw.randrange(scale) for _ in labels] for _ in labels]
    return {
        "classes": {
            label: {"precision": 0.25, "recall": 0.5, "f1": 1 / 3, "support": sum(row)}
            for label, row in zip(labels, confusion, strict=True)
        },
        "confusion": confusion,
    }


def printed(table: Table, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_a_run_shows_its_classes(
    train: Train,
    names: Callable[[list[str]], None],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    names(["кошка", "собака", "[other]"])
    assert train(*WORDS) == 0
    out = capsys.readouterr().out
    assert "confusion matrix of test: rows true, columns predicted" in out
    reports = result(here)["reports"]
    rows = [line.split() for line in out.splitlines()]
    for label, counts in zip(reports["test"]["classes"], reports["test"]["confusion"], strict=True):
        assert [label, *map(str, counts)] in rows
        numbers = [
            f"{reports[split]['classes'][label][name]:.4f}"
            if name != "support"
            else str(reports[split]["classes"][label][name])
            for split in ("train", "test")
            for name in ("precision", "recall", "f1", "support")
        ]
        assert [label, *numbers] in rows


def test_where_the_test_is_unread_val_is_shown(
    train: Train, names: Callable[[list[str]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    names(["x", "y"])
    assert train(*WORDS, "test=false") == 0
    out = capsys.readouterr().out
    assert "confusion matrix of val" in out
    assert "test" not in out
    assert train(*WORDS) == 0
    assert "confusion matrix of test" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "parts"),
    [
        (12, ["precision", "confusion matrix of val: rows true"]),
        (13, ["precision", "13 classes: the confusion matrix is in result.json"]),
        (21, ["21 classes: the report by class is in result.json"]),
    ],
)
def test_many_classes_are_left_to_the_result(count: int, parts: list[str]) -> None:
    console = Console(file=StringIO(), width=80)
    with console.capture() as capture:
        summary.show_classes(console, {"val": report([f"class {i}" for i in range(count)])})
    out = capture.get()
    for part in parts:
        assert part in out
    assert ("precision" in out) == (count <= 20)
    assert ("rows true" in out) == (count <= 12)


def spans(count: int) -> dict[str, Any]:
    """A report of so many types of spans."""
    values = {"precision": 0.25, "recall": 0.5, "f1": 1 / 3, "support": 7}
    return {"spans": {f"[kind] {i}": values for i in range(count)}}


@pytest.mark.parametrize("count", [1, 20, 21])
def test_spans_are_shown_by_type(count: int) -> None:
    console = Console(file=StringIO(), width=80)
    with console.capture() as capture:
        summary.show_classes(console, {"train": {}, "val": spans(3), "test": spans(count)}, "there")
    out = capture.get()
    rows = [line.split() for line in out.splitlines()]
    numbers = ["0.2500", "0.5000", "0.3333", "7"]
    shown = [row for row in rows if row[2:] == numbers]
    assert shown == [["[kind]", str(i), *numbers] for i in range(count) if count <= 20]
    assert ("21 types of spans: their report is there" in out) == (count == 21)
    assert ("type of span" in out) == (count <= 20)
    assert "confusion" not in out


def test_a_task_without_classes_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    summary.show_classes(Console(), {"train": {}, "val": {}})
    assert capsys.readouterr().out == ""


def letters(text: str) -> str:
    """A text without numbers, and with folded labels in one again."""
    return re.sub(r"[\d\s.]", "", text)


@pytest.mark.parametrize(
    ("labels", "scale"),
    [
        (["собака-подозревака [красная]", "日本語のラベル", "x"], 10**6),
        ([f"Supercalifragilisticexpialidocious {i}" for i in range(12)], 10**4),
        ([f"[a] {i}" for i in range(12)], 10**5),
    ],
)
def test_tables_keep_labels_and_numbers_whole_at_80_columns(labels: list[str], scale: int) -> None:
    found = report(labels, scale)
    both = printed(summary.report_table({"train": found, "test": found}))
    matrix = printed(summary.confusion_table(found))
    for values in found["classes"].values():
        numbers = f"0.2500 0.5000 0.3333 {values['support']:7}"
        assert both.count(f"{numbers}    {numbers}") == 1
    for counts in found["confusion"]:
        assert [str(count) for count in counts] in [
            line.split()[-len(labels) :] for line in matrix.splitlines()
        ]
    for table in (both, matrix):
        for label in labels:
            assert letters(label) in letters(table)


def texts(folder: Path) -> dict[str, list[str]]:
    """TensorBoard's texts below a folder, by tag."""
    (events,) = {path.parent for path in folder.rglob("events.*")}
    board = EventAccumulator(str(events))
    board.Reload()
    return {
        tag.removesuffix("/text_summary"): [
            event.tensor_proto.string_val[0].decode() for event in board.Tensors(tag)
        ]
        for tag in board.Tags()["tensors"]
        if tag.endswith("/text_summary")
    }


def test_tensorboard_has_the_confusion_of_val_and_test(
    train: Train,
    names: Callable[[list[str]], None],
    here: Path,
    result: Callable[[Path], dict[str, Any]],
) -> None:
    names(["кошка", "a|b"])
    assert train(*WORDS, "test=false") == 0
    assert set(texts(here)) == {"z_config", "examples/val", "tables/confusion/val"}
    assert train(*WORDS) == 0
    found = texts(here)
    tags = {f"{what}/{split}" for what in ("examples", "tables/confusion") for split in SPLITS}
    assert set(found) == {"z_config", *tags}
    for split in SPLITS:
        first, second = result(here)["reports"][split]["confusion"]
        assert found[f"tables/confusion/{split}"] == [
            "| true &#92; predicted | a&#124;b | кошка |\n"
            "| --- | ---: | ---: |\n"
            f"| a&#124;b | {first[0]} | {first[1]} |\n"
            f"| кошка | {second[0]} | {second[1]} |"
        ]


def test_tensorboard_gets_no_matrix_of_many_classes(
    train: Train, names: Callable[[list[str]], None], here: Path
) -> None:
    names([f"class {i}" for i in range(31)])
    assert train(*WORDS) == 0
    assert set(texts(here)) == {"z_config", "examples/val", "examples/test"}

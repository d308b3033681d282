"""Tables for TensorBoard, as TensorBoard itself makes HTML of them."""

import html
import random
import re
import string
import warnings
from html.parser import HTMLParser

import pytest

from seqbench.callbacks import markdown
from seqbench.examples import Example, Examples
from seqbench.predictions import Prediction

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what TensorBoard is made of
    from tensorboard import plugin_util


class Cells(HTMLParser):
    """The text of each row's cells, and which tags there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(plugin_util.markdown_to_safe_html(text))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "br":
            self.rows[-1][-1] += " "

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and data != "\n":
            self.rows[-1][-1] += data


TABLE = {"table", "thead", "tbody", "tr", "th", "td", "p", "strong", "br"}


def example(text: str, true: str = "x", said: str = "y") -> Example:
    return Example([], text, true, Prediction(said, {"x": 0.25, "y": 0.75}, 1, 0), 1.0)


HOSTILE = [
    "a | b || c",
    "<script>alert(1)</script><b>bold</b><br />",
    "**bold** _it_ `code` ``x`y`` ~~gone~~ \\| \\\\| \\",
    "[a](http://b.c) ![i](x.png) <http://d.e> http://f.g me@h.i [r]: x",
    "# head",
    "1. one\n2. two\n\n---\n| --- | --- |\n    code",
    "&lt; &amp; &#42; &nbsp;",
    "$x^2$ :smile: [^1] *[HTML]: x {: .a } ==m== ++u++",
    "''quoted'' \"so\" -- ...",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_steers_the_table(text: str) -> None:
    found = Cells(markdown.examples(Examples(1, 1, [example(text)])))
    assert found.tags <= TABLE
    assert found.rows[1] == ["no", " ".join(text.split()), "x", "y", "0.750", "0.250"]


def test_nor_does_any_other() -> None:
    draw = random.Random(0)
    texts = ["".join(draw.choices(string.punctuation + "a1 é", k=12)) for _ in range(300)]
    rows = [example(text) for text in texts]
    found = Cells(markdown.examples(Examples(9, 9, rows)))
    assert found.tags <= TABLE
    assert [row[1] for row in found.rows[1:]] == [" ".join(text.split()) for text in texts]


def test_what_is_no_letter_is_spelt() -> None:
    (_, row) = Cells(markdown.examples(Examples(1, 1, [example("a\x1b[2J\u202eb\ud800\x00")]))).rows
    assert row[1] == "a\\u001b[2J\\u202eb\\ud800\\u0000"


def test_long_texts_are_cut() -> None:
    (_, row) = Cells(markdown.examples(Examples(1, 1, [example("word " * 200)]))).rows
    assert len(row[1]) < 305
    assert row[1].endswith("word ...")
    steps = [str(i) for i in range(60)]
    found = Prediction(["1"] * 60, [0.5] * 60, 60, 0)
    tags = Example(steps, "", [*["1"] * 9, "2", *["1"] * 50], found, 1.0)
    (_, row) = Cells(markdown.examples(Examples(1, 1, [tags]))).rows
    assert row[1].split() == [*steps[:40], "..."]
    assert row[4] == "1 of 60"
    tags = Example(steps, "", ["1"] * 59 + ["2"], found, 1.0)
    (_, row) = Cells(markdown.examples(Examples(1, 1, [tags]))).rows
    assert row[1].split() == ["...", *steps[54:]], "a mistake that is late is seen, too"
    assert row[4] == "1 of 60, from step 60"


def test_a_label_a_step_shows_where_it_is_wrong() -> None:
    found = Prediction(["O", "B-PER", "O"], [0.5, 0.5, 0.5], 3, 0)
    tags = Example(["so", "*said*", "Ida"], "", ["O", "O", "B-PER"], found, 1.0)
    text = markdown.examples(Examples(5, 3, [], [tags]))
    page = html.unescape(plugin_util.markdown_to_safe_html(text))
    assert "<td>O <strong>B-PER</strong> <strong>O</strong></td>" in page
    assert "<td>so *said* Ida</td>" in page
    assert "Worst mistakes: 0, drawn at random: 1, of 3 rows (of 5)." in page


def test_lines_leave_room_for_words() -> None:
    """TensorBoard breaks the words of a narrow column."""
    words = markdown.examples(Examples(1, 1, [example("some words of a review " * 12)]))
    cells = words.splitlines()[-1].split("|")
    assert len(cells[2].split("<br>")) == 4
    assert all(len(line) <= 80 for line in cells[2].split("<br>"))
    labels = ["O", "B-PERSON", "O", "I-PERSON"] * 5
    steps = Example(["the"] * 20, "", labels, Prediction(["O"] * 20, [0.5] * 20, 20, 0), 1.0)
    lines = [
        [re.sub(r"&#\d+;|\*", "", line).split() for line in cell.strip().split("<br>")]
        for cell in markdown.examples(Examples(1, 1, [steps])).splitlines()[-1].split("|")[2:5]
    ]
    counts = [[len(line) for line in column] for column in lines]
    assert counts[0] == counts[1] == counts[2], "a step and its labels are at one height"
    assert sum(counts[0]) == 20
    assert len(counts[0]) > 2


def test_slices_of_length() -> None:
    slices = {
        "10": {"accuracy": 0.5, "exact_match": 0.25, "rows": 4},
        "longer": {"accuracy": 1.0, "exact_match": 0.0, "rows": 1},
    }
    assert Cells(markdown.by_length(slices)).rows == [
        ["length", "accuracy", "exact_match", "rows"],
        ["up to 10", "0.5000", "0.2500", "4"],
        ["longer", "1.0000", "0.0000", "1"],
    ]

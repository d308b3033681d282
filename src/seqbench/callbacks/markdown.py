"""Tables for TensorBoard's TEXT page, in which nothing but the table is Markdown or HTML."""

import re
from collections.abc import Mapping, Sequence
from textwrap import wrap

from seqbench.examples import Example, Examples
from seqbench.metrics import Report
from seqbench.terminal import visible

LETTERS = 300
"""Of a text that is shown as an example; longer ones are cut."""

STEPS, BEFORE = 40, 5
"""Steps of a sequence that are shown, with a label each; of them before the first mistake."""

WIDE = 80
"""Letters in a line of a text."""

BREAK = "<br>"


def plain(text: str) -> str:
    """A text that is shown as it is, on one line, whatever stands in it."""
    line = visible(" ".join(text.split()))
    return re.sub(r"[!-/:-@\[-`{-~]", lambda mark: f"&#{ord(mark[0])};", line)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table of cells that are Markdown. words: columns at its left that hold no numbers."""
    sides = [*["---"] * words, *["---:"] * (len(heading) - words)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, sides, *rows))


def confusion(report: Report) -> str:
    """The confusion matrix."""
    labels = [*map(plain, report["classes"])]
    rows = zip(labels, report["confusion"], strict=True)
    return table(
        ["true &#92; predicted", *labels], [[label, *map(str, counts)] for label, counts in rows]
    )


def spans(report: Report) -> str:
    """Precision, recall, F1 and support by type of span."""
    shares = ("precision", "recall", "f1")
    return table(
        ["type of span", *shares, "support"],
        [
            [plain(kind), *(f"{values[name]:.4f}" for name in shares), str(values["support"])]
            for kind, values in report["spans"].items()
        ],
    )


def by_length(slices: Mapping[str, Mapping[str, float]]) -> str:
    """Accuracy by slice of length, and how many rows each has."""
    names = [name for name in next(iter(slices.values())) if name != "rows"]
    return table(
        ["length", *map(plain, names), "rows"],
        [
            [up_to(bound), *(f"{values[name]:.4f}" for name in names), str(values["rows"])]
            for bound, values in slices.items()
        ],
    )


def up_to(bound: str) -> str:
    """What a slice is called. bound: its upper bound, which the last has not."""
    return bound if bound == "longer" else f"up to {bound}"


def examples(found: Examples) -> str:
    """The worst mistakes, the worst first, and then some rows drawn at random."""
    rows = [*found.worst, *found.drawn]
    shown = [_steps(row) if isinstance(row.true, list) else _whole(row) for row in rows]
    heading = ["right", *shown[0]] if shown else []
    told = f"Worst mistakes: {len(found.worst)}, drawn at random: {len(found.drawn)}"
    of = f"of {found.seen:,} rows" + (f" (of {found.rows:,})" if found.rows > found.seen else "")
    cells = [
        ["yes" if row.right else "**no**", *columns.values()]
        for row, columns in zip(rows, shown, strict=True)
    ]
    return f"{told}, {of}.\n\n{table(heading, cells, words=len(heading))}"


def _whole(row: Example) -> dict[str, str]:
    """The columns of a sequence that has one label, or becomes one text."""
    assert isinstance(row.found.label, str)
    assert isinstance(row.true, str)
    text = row.text if len(row.text) <= LETTERS else f"{row.text[:LETTERS].rstrip()} ..."
    chance = row.found.probabilities
    columns = {"text": _wrapped(text), "true": plain(row.true), "predicted": plain(row.found.label)}
    if isinstance(chance, dict):
        of_true = {"of the true one": f"{chance[row.true]:.3f}"}
        return columns | {"probability": f"{chance[row.found.label]:.3f}"} | of_true
    return columns | {"probability": f"{min(chance):.3f} at least"}


def _wrapped(text: str) -> str:
    """A text in lines, so that it leaves the columns beside it room for their words."""
    return BREAK.join(map(plain, wrap(visible(" ".join(text.split())), WIDE)))


def _steps(row: Example) -> dict[str, str]:
    """The columns of a sequence that has a label at each step; wrong ones are bold.

    Their lines have as many steps each, so that a step and its labels are at one height.
    """
    true, said = row.true, row.found.label
    assert isinstance(true, list)
    assert isinstance(said, list)
    wrong = sum(a != b for a, b in zip(true, said, strict=True))
    first = next((i for i, (a, b) in enumerate(zip(true, said, strict=True)) if a != b), 0)
    start = first - BEFORE if first >= STEPS else 0  # or no mistake would be seen
    of = f"{wrong} of {len(true)}" + (f", from step {first + 1}" if start else "")
    before, more = "... " if start else "", " ..." if len(true) > start + STEPS else ""
    shown_steps = slice(start, start + STEPS)
    lines = [[""], [""], [""]]
    widths = [0, 0, 0]
    for step in zip(row.steps[shown_steps], true[shown_steps], said[shown_steps], strict=False):
        widths = [width + len(word) + 1 for width, word in zip(widths, step, strict=True)]
        if max(widths) > WIDE // 2:
            widths = [len(word) for word in step]
            for column in lines:
                column.append("")
        bold = "**" if step[1] != step[2] else ""
        cells = (plain(step[0]), plain(step[1]), f"{bold}{plain(step[2])}{bold}")
        for column, cell in zip(lines, cells, strict=True):
            column[-1] += f" {cell}" if column[-1] else cell
    shown = [before + BREAK.join(filter(None, column)) + more for column in lines]
    return dict(zip(("sequence", "true", "predicted"), shown, strict=True)) | {"wrong": of}

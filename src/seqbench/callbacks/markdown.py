"""Tables for TensorBoard's TEXT page, in which nothing but the table is Markdown or HTML."""

import re
from collections.abc import Mapping, Sequence

from seqbench.examples import Example, Examples
from seqbench.metrics import Report
from seqbench.terminal import visible

LETTERS = 300
"""Of a text that is shown as an example; longer ones are cut."""

STEPS = 40
"""Of a sequence that is shown with a label a step."""


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
    columns = {"text": plain(text), "true": plain(row.true), "predicted": plain(row.found.label)}
    if isinstance(chance, dict):
        of_true = {"of the true one": f"{chance[row.true]:.3f}"}
        return columns | {"probability": f"{chance[row.found.label]:.3f}"} | of_true
    return columns | {"probability": f"{min(chance):.3f} at least"}


def _steps(row: Example) -> dict[str, str]:
    """The columns of a sequence that has a label at each step; wrong ones are bold."""
    true, said = row.true, row.found.label
    assert isinstance(true, list)
    assert isinstance(said, list)
    more = " ..." if len(true) > STEPS else ""
    pairs = [*zip(true, said, strict=True)]
    shown = [f"**{plain(b)}**" if a != b else plain(b) for a, b in pairs[:STEPS]]
    return {
        "sequence": plain(" ".join(row.steps[:STEPS])) + more,
        "true": plain(" ".join(true[:STEPS])) + more,
        "predicted": " ".join(shown) + more,
        "wrong": f"{sum(a != b for a, b in pairs)} of {len(pairs)}",
    }

"""The short tables that end a run."""

import io
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqbench.runs import BASELINE
from seqbench.terminal import plain_console, visible

COLUMNS = (
    "span_f1",
    "accuracy",
    "sequence_accuracy",
    "exact_match",
    "macro_f1",
    "auroc",
    "bits_per_character",
    "perplexity",
    "rmse",
    "mae",
    "loss",
)
HEADINGS = {"bits_per_character": "bits/char"}

CLASSES, MATRIX = 20, 12
"""Classes, or types of spans, up to which a summary shows them one by one, and a confusion
matrix."""


def as_text(result: dict[str, Any], path: Path) -> str:
    """What ``show`` prints, 100 columns wide."""
    text = io.StringIO()
    plain = Console(
        file=text,
        width=100,
        force_terminal=False,
        force_jupyter=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    show(result, path, plain)
    return text.getvalue().rstrip()


def show(result: dict[str, Any], path: Path, console: Console | None = None) -> None:
    """Print a result's metrics beside their baseline, its classes, its costs, and where it lies."""
    console = console or plain_console()
    name = f" ({result['experiment']})" if "experiment" in result else ""
    is_baseline = result.get("kind") == BASELINE
    whose = "a baseline" if is_baseline else f"seed {result['seed']}"
    title = f"{result['task']} / {result['model']}{name}, {whose}"
    console.print(visible(title), style="bold", soft_wrap=True)
    console.print(metrics_table(result["metrics"], result["baselines"]))
    show_classes(console, result.get("reports", {}))
    console.print(_fitted(result) if is_baseline else _trained(result), soft_wrap=True)
    console.print(visible(str(path)), soft_wrap=True)


def _trained(result: dict[str, Any]) -> str:
    """What a network's training took."""
    speed = result["throughput"]["train_tokens_per_second"]
    return (
        f"{result['parameters']:,} parameters, "
        + (f"{speed:,.0f} tokens a second, " if speed else "")
        + f"best after epoch {result['best_epoch'] + 1} of {result['epochs']}, "
        + _seconds(result, "training")
    )


def _fitted(result: dict[str, Any]) -> str:
    """What was chosen for a baseline, and what that took."""
    found = result["baseline"]
    return visible(
        f"{result['parameters']:,} parameters; {said(found['chosen'])}: best on validation of "
        f"{len(found['tried'])} settings; {_seconds(result, 'fitting')}"
    )


def said(settings: dict[str, Any]) -> str:
    """A baseline's settings as one says them: ``ngrams 1-2, C 10``."""
    parts = []
    for key, value in settings.items():
        if isinstance(value, list):
            parts.append(f"{key} {'-'.join(map(str, value))}")
        else:
            parts.append(f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}")
    return ", ".join(parts)


def _seconds(result: dict[str, Any], what: str) -> str:
    fit, test = result["seconds"]["fit"], result["seconds"]["test"]
    return f"{fit:.0f} s {what}" + (f", {test:.0f} s testing" if test is not None else "")


def show_classes(
    console: Console, reports: dict[str, dict[str, Any]], whole: str = "in result.json"
) -> None:
    """Print how train and the first test (or, where none was read, val) fare class by class, or
    type by type of the spans.

    whole: where to find what is too large to be shown.
    """
    reports = {split: report for split, report in reports.items() if report}
    if not reports:
        return
    split = next((name for name in reports if name not in ("train", "val")), [*reports][-1])
    part = "classes" if "classes" in reports[split] else "spans"
    count = len(reports[split][part])
    if count <= CLASSES:
        chosen = {name: reports[name] for name in ("train", split) if name in reports}
        console.print("", report_table(chosen, part), sep="\n")
    if part == "spans":
        console.print(
            "" if count <= CLASSES else f"\n{count} types of spans: their report is {whole}\n"
        )
    elif count <= MATRIX:
        console.print(f"\nconfusion matrix of {visible(split)}: rows true, columns predicted")
        console.print(confusion_table(reports[split]), "", sep="\n")
    else:
        what = "the confusion matrix" if count <= CLASSES else "the report by class"
        console.print(f"\n{count} classes: {what} is {whole}\n")


def metrics_table(
    metrics: dict[str, dict[str, float]], baselines: dict[str, dict[str, dict[str, float]]]
) -> Table:
    """Metrics by split, beside the first of them that each baseline has."""
    names = [name for name in COLUMNS if any(name in values for values in metrics.values())]
    beside = {
        baseline: next(name for name in names if any(name in values for values in by.values()))
        for baseline, by in baselines.items()
        if any(name in values for name in names for values in by.values())
    }
    table = Table(box=None, pad_edge=False)
    table.add_column("split")
    for name in names:
        table.add_column(HEADINGS.get(name, name), justify="right")
    for baseline, name in beside.items():
        heading = baseline if name == "accuracy" else f"{baseline}\n{HEADINGS.get(name, name)}"
        table.add_column(visible(heading, "\n"), justify="right", style="dim")
    for split, values in metrics.items():
        numbers = [_number(values, name) for name in names]
        numbers += [_number(baselines[b].get(split, {}), name) for b, name in beside.items()]
        table.add_row(visible(split), *numbers)
    return table


def _number(values: dict[str, float], name: str) -> str:
    if name not in values:
        return ""
    if abs(values[name]) >= 1e6:
        return f"{values[name]:.3g}"
    return f"{values[name]:.{2 if name == 'perplexity' else 4}f}"


def report_table(reports: dict[str, dict[str, Any]], part: str = "classes") -> Table:
    """A row a class: precision, recall, F1 and support in each split of ``reports``.

    part: of a report: ``classes``, or ``spans``, which has a row a type of spans.
    """
    table = _table({"classes": "class", "spans": "type of span"}[part])
    for split in reports:
        for i, name in enumerate(("precision", "recall", "f1", "support")):
            heading = f"{'' if i else visible(split)}\n{name}"
            table.add_column(heading, justify="right", no_wrap=True)
    labels = list(dict.fromkeys(label for report in reports.values() for label in report[part]))
    for label in labels:
        cells = []
        for report in reports.values():
            values = report[part][label]
            cells += [f"{values[name]:.4f}" for name in ("precision", "recall", "f1")]
            cells.append(str(values["support"]))
        table.add_row(_label(label), *cells)
    return table


def confusion_table(report: dict[str, Any]) -> Table:
    """The confusion matrix: a row for each true class, a column for each predicted one.

    A long label is cut above its column, so that all fits 80 columns; its row has it whole.
    """
    table = _table("true \\ predicted")
    labels = [_label(label) for label in report["classes"]]
    share = 64 // len(labels)  # the gap before a column counts as its width
    for label, counts in zip(labels, zip(*report["confusion"], strict=True), strict=True):
        heading = label.copy()
        heading.no_wrap, heading.overflow = True, "ellipsis"
        least = max(len(str(count)) for count in counts) + 1
        table.add_column(heading, justify="right", min_width=least, max_width=max(least, share))
    for label, counts in zip(labels, report["confusion"], strict=True):
        table.add_row(label, *map(str, counts))
    return table


def _table(first: str) -> Table:
    """A table whose first column, of labels, folds them where the terminal is narrow."""
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1), collapse_padding=True)
    table.add_column(Text(first), overflow="fold", vertical="bottom")
    return table


def _label(label: str) -> Text:
    """A label as it is, on one line and with its brackets."""
    return Text(visible(" ".join(label.split())))

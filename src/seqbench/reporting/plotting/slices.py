"""Quality by slice of a split, as by the length of the sequences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqbench.reporting.leaderboard import Leaderboard, Row
from seqbench.reporting.plotting.labels import End, column
from seqbench.reporting.plotting.looks import Look
from seqbench.reporting.plotting.paper import SMALL, Drawing, barred, sheet, show
from seqbench.reporting.plotting.seeds import Span, span
from seqbench.reporting.plotting.views import View, view
from seqbench.reporting.plotting.words import counts, finite, names, on, seeds, short

MOST = 8
"""Rows in one picture."""

MANY = 12
"""Slices in one picture."""

Slices = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Sliced:
    """What a leaderboard's runs say by slice. of: what the slices are by. spans: by the row's
    name, in the order of ``slices``; None where a row has none."""

    of: str
    split: str
    metric: str
    slices: Sequence[str]
    spans: Mapping[str, Sequence[Span | None]]
    sizes: Sequence[str]


def slices(board: Leaderboard, looks: Mapping[str, Look], name: str) -> Drawing | None:
    """A line a row over the slices; None where there are not at least two of them."""
    found = sliced(board)
    if found is None:
        return None
    called = names(board)
    shown = [*found.spans][:MOST]
    figure, axes = sheet(3.2)
    known = [s for key in shown for s in found.spans[key] if s]
    seen = view([v for s in known for v in (s.low, s.high)], [], board.mode)
    ends = []
    for place, key in enumerate(shown):
        look = looks[key]
        aside = 0.5 * (place - (len(shown) - 1) / 2) / max(len(shown), 4)
        drawn = [(x + aside, s) for x, s in enumerate(found.spans[key]) if s]
        barred(axes, drawn, called[key], look)
        ends.append(End(called[key], seen.nearest(drawn[-1][1].mean), look))
    count = len(found.slices)
    show(axes, "x", View(-0.45, count - 0.55, False, False))
    show(axes, "y", seen)
    texts = [f"{s}\n{r}".rstrip() for s, r in zip(found.slices, found.sizes, strict=True)]
    axes.set_xticks(range(count), texts)
    axes.grid(visible=False, axis="x")
    by = short(found.of.replace("_", " "))
    unit = f"{by} (steps)" if found.of == "length" else by
    rows_told = " and rows of each slice" if any(found.sizes) else ""
    axes.set(xlabel=f"{unit}{rows_told}", ylabel=on(found.split, found.metric))
    of = [row for row in board.rows if row.name in shown]
    bars_told = any(s.seeds > 1 for s in known)
    some = f"; the best {MOST} of {len(found.spans)} rows" if len(found.spans) > MOST else ""
    made = "mean over seeds, bars from the lowest to the highest" if bars_told else "one seed each"
    axes.set_title(f"{short(board.task)}: {made}{some}", fontsize=SMALL)
    column(axes, ends)
    return Drawing(
        f"{name}-slices",
        f"{short(board.task)} by {by}",
        _caption(board, found, of, by, seen),
        figure,
    )


def sliced(board: Leaderboard) -> Sliced | None:
    """The first kind of slices that the runs have on the board's split, or else on validation."""
    rows = [row for row in board.rows if row.kind != "trivial"]
    for split in dict.fromkeys((board.split, "val")):
        kinds = dict.fromkeys(kind for row in rows for run in _runs(row, split) for kind in run)
        for kind in kinds:
            if (found := _sliced(rows, split, kind, board)) is not None:
                return found
    return None


def _sliced(rows: Sequence[Row], split: str, kind: str, board: Leaderboard) -> Sliced | None:
    runs = {row.name: [run[kind] for run in _runs(row, split) if kind in run] for row in rows}
    keys = {key: None for every in runs.values() for run in every for key in run}
    order = sorted(keys, key=_bound) if all(map(_is_bound, keys)) else [*keys]
    measured = {
        m: None for every in runs.values() for run in every for s in run.values() for m in s
    }
    metrics = [m for m in (board.metric, *measured) if m in measured and m != "rows"]
    if not 1 < len(order) <= MANY or not metrics:
        return None
    spans = {
        name: [_whole([_number(run, key, metrics[0]) for run in every]) for key in order]
        for name, every in runs.items()
    }
    spans = {name: found for name, found in spans.items() if any(found)}
    if not spans:
        return None
    every = [run for name in spans for run in runs[name]]
    sizes = [_size(finite([_number(run, key, "rows") for run in every])) for key in order]
    return Sliced(kind, split, metrics[0], _said(order), spans, sizes)


def _runs(row: Row, split: str) -> list[Mapping[str, Slices]]:
    """The slices of each run of a row."""
    every = [((run.result or {}).get("slices") or {}).get(split) for run in row.runs]
    return [found for found in every if found]


def _number(run: Slices, key: str, metric: str) -> float | None:
    value: Any = run.get(key, {}).get(metric)
    return float(value) if isinstance(value, int | float) else None


def _whole(values: Sequence[float | None]) -> Span | None:
    """None where a seed has no finite number: a mean of the others would flatter."""
    found = span(values)
    return found if found and found.seeds == len(values) else None


def _is_bound(key: str) -> bool:
    return key == "longer" or key.isdecimal()


def _bound(key: str) -> float:
    return float("inf") if key == "longer" else int(key)


def _said(keys: Sequence[str]) -> list[str]:
    """``1–5``, ``6–10``, ``> 10`` of upper bounds, and other slices by their names."""
    if not all(map(_is_bound, keys)):
        return [short(key, 14) for key in keys]
    starts = [1, *(int(key) + 1 for key in keys if key != "longer")]
    return [
        f"> {start - 1:,}"
        if key == "longer"
        else key
        if start == int(key)
        else f"{start:,}–{int(key):,}"
        for start, key in zip(starts, keys, strict=False)
    ]


def _size(rows: Sequence[float]) -> str:
    """``1,187 rows``, or from how many to how many where the rows have other data."""
    if not rows:
        return ""
    low, high = int(min(rows)), int(max(rows))
    if low == high:
        return f"{low:,} row{'' if low == 1 else 's'}"
    return f"{low:,}–{high:,} rows"


def _caption(board: Leaderboard, found: Sliced, rows: Sequence[Row], by: str, seen: View) -> str:
    what = on(found.split, found.metric)
    text = f"{what[0].upper()}{what[1:]} by {by}"
    text += ", on a logarithmic axis." if seen.log else "."
    if any(s.seeds > 1 for key in found.spans for s in found.spans[key] if s):
        text += (
            f" Means over the seeds that ended well ({seeds(rows)}), bars from the lowest seed to"
            " the highest."
        )
    else:
        text += " There is one seed a row, so no bars."
    if any(found.sizes):
        text += " Below each slice how many rows it has: the fewer, the less it says."
    text += " Rows are a little apart only to be seen."
    if found.split != board.split:
        text += f" (The {board.split} split keeps no slices.)"
    if found.metric != board.metric:
        text += f" Slices do not have the {on(board.split, board.metric)}."
    if len(found.spans) > MOST:
        text += f" Of {counts([*found.spans], 'row')} the best {MOST} are shown."
    return text

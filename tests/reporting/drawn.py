"""Leaderboards made by hand, to be drawn."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from seqbench.reporting.entries import Entry
from seqbench.reporting.leaderboard import Costs, Estimate, Leaderboard, Row
from seqbench.reporting.plotting.looks import looks
from seqbench.reporting.plotting.paper import Drawing, paper


class Bench:
    """Runs with a metric, and rows of them. per_epoch: validations in an epoch."""

    def __init__(self, folder: Path, metric: str = "accuracy", mode: Any = "max") -> None:
        self.folder, self.metric, self.mode = folder, metric, mode
        self.per_epoch = 1
        self.rows: list[Row] = []

    def run(
        self,
        course: Sequence[float] = (),
        test: float = 0.5,
        seed: int = 0,
        val: float | None = None,
        slices: Mapping[str, Any] | None = None,
    ) -> Entry:
        """course: of validation, the first number before training."""
        path = self.folder / f"run-{len([*self.folder.iterdir()])}"
        path.mkdir()
        lines = ["step,epoch,seconds,split,name,value"]
        for place, value in enumerate(course):
            epoch = max(place - 1, 0) // self.per_epoch
            lines.append(f"{place * 10},{epoch},{place}.5,val,{self.metric},{value}")
            lines.append(f"{place * 10},{epoch},{place}.5,train,{self.metric},0.123")
        (path / "metrics.csv").write_text("\n".join(lines), "utf-8")
        metrics = {"val": {self.metric: test if val is None else val}, "test": {self.metric: test}}
        result = {"metrics": metrics, "slices": {"test": slices or {}}}
        return Entry(path, "ok", "t", "m", seed, "g", result=result)

    def row(self, name: str, *runs: Entry, model: str = "", **more: Any) -> Row:
        """Of a network, or of what else ``more`` says."""
        by = {place: float(run.metric("test", self.metric) or 0) for place, run in enumerate(runs)}
        if by:
            several = len(by) > 1
            low, high = (min(by.values()), max(by.values())) if several else (None, None)
            mean = fmean(by.values())
            more.setdefault("estimate", Estimate(mean, mean, low, high, by))
        row = Row(name, model or name, more.pop("kind", "network"), runs, **more)
        self.rows.append(row)
        return row

    def baseline(self, name: str, test: float, val: float, kind: Any = "trivial") -> Row:
        """A row without runs, or of a classical model."""
        return self.row(
            name,
            kind=kind,
            estimate=Estimate(test, test, None, None, {0: test}),
            further={f"val/{self.metric}": val},
            costs=Costs(parameters=50, fit_seconds=2.0) if kind == "baseline" else Costs(),
        )

    def board(self, task: str = "pets") -> Leaderboard:
        sign = -1 if self.mode == "max" else 1
        rows = sorted(self.rows, key=lambda r: sign * r.estimate.mean if r.estimate else 1e9)
        return Leaderboard(task, "test", self.metric, self.mode, rows)


def drawn(kind: Any, board: Leaderboard) -> Drawing | None:
    """One kind of picture."""
    with paper():
        found: Drawing | None = kind(board, looks(board), "pets")
        return found


def sure(kind: Any, board: Leaderboard) -> tuple[Any, str]:
    """The axes of a picture that there must be, the first of them, and its caption."""
    drawing = drawn(kind, board)
    assert drawing
    return drawing.figure.axes[0], drawing.caption


def lines(axes: Any) -> dict[str, Any]:
    """Those that show data, by their labels."""
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def points(line: Any) -> list[tuple[float, float]]:
    return [(round(float(x), 9), round(float(y), 9)) for x, y in zip(*line.get_data(), strict=True)]


def bars(axes: Any) -> dict[str, list[tuple[float, float]]]:
    """The ends of the bars of each label, from the left."""
    return {
        container.get_label()[1:]: [
            (round(float(low), 9), round(float(high), 9))
            for (_, low), (_, high) in container.lines[2][0].get_segments()
        ]
        for container in axes.containers
    }


def band(axes: Any, label: str) -> list[tuple[float, float, float]]:
    """x, low and high of a band."""
    (found,) = (each for each in axes.collections if each.get_label() == f"_{label}")
    ends: dict[float, list[float]] = {}
    for path in found.get_paths():
        for x, y in path.vertices:
            ends.setdefault(float(x), []).append(round(float(y), 9))
    return [(x, min(ys), max(ys)) for x, ys in sorted(ends.items())]


def texts(axes: Any) -> list[str]:
    """All that stands within and beside the axes but their ticks."""
    from matplotlib.text import Text

    ticks = {*axes.get_xticklabels(), *axes.get_yticklabels()}
    return [t.get_text() for t in axes.findobj(Text) if t not in ticks and t.get_text()]


@contextmanager
def settings_of_a_user() -> Iterator[None]:
    """As a matplotlibrc may have them."""
    import matplotlib as mpl

    own: dict[Any, Any] = {
        "font.size": 20,
        "axes.facecolor": "red",
        "text.color": "pink",
        "lines.linewidth": 9,
    }
    with mpl.rc_context(own):
        yield


def with_rate(row: Row, rate: float) -> Row:
    return replace(row, settings={**row.settings, "optimizer.lr": rate})

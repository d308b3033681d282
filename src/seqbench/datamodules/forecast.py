"""The next values of a time series."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt

from seqbench.datamodules.base import Fraction, TaskData
from seqbench.datamodules.series import BUILT_IN, Numbers, Series, SeriesFile
from seqbench.datamodules.texts.files import Whereabouts, whereabouts
from seqbench.datamodules.times import Gaps, described
from seqbench.datamodules.windows import Windows, baseline, last_value, least_squares
from seqbench.errors import UserError, nearest, place
from seqbench.spec import TaskSpec

Ints = npt.NDArray[np.int64]

MOST = 2000
"""Numbers of a window up to which the linear baseline is fitted; memory grows as their square."""


class Forecast(TaskData):
    """What comes next in a series? ``0.1 0.5 0.8 0.9 0.9 -> 0.7 0.4 ...``

    The data are ``path`` or, if there is none, ``built_in``. The first rows are train, those after
    them val, the last ones test. A window of val or test may reach back into the rows before; what
    is to be forecast never does.

    path: a csv, tsv or parquet file, a row a step of time.
    built_in: ``sine`` or ``henon``, see ``series``, ``length`` steps of it.
    columns: those that are read; null: all but the time.
    targets: those that are forecast; null: all that are read.
    time_column, time_format, encoding, delimiter, decimal, gaps: see ``SeriesFile``.
    window: steps that are read. horizon: steps that are forecast, all at once.
    normalise: what the network reads: ``standard``, less the mean and over the standard deviation
        of train; ``minmax``, train's least and largest value as 0 and 1; ``none``, as they are.
    val_fraction, test_fraction: shares of the rows.

    ``facts`` has ``rows``, ``columns``, ``filled`` (cells), ``added`` (rows) and, by column,
    ``center`` and ``scale``. Baselines: ``last``, each value said again, and ``linear``, the
    least-squares linear function of the window, fitted on train.

    Raises ``UserError`` where ``SeriesFile`` does, and for a window and horizon that a split has
    too few rows for.
    """

    unit = "windows"
    splits: dict[str, Windows]

    def __init__(
        self,
        *,
        path: str | None = None,
        built_in: str | None = None,
        length: PositiveInt = 10000,
        columns: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        time_column: str | None = None,
        time_format: str | None = None,
        encoding: str = "utf-8",
        delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None,
        decimal: Annotated[str, Field(min_length=1, max_length=1)] = ".",
        gaps: Gaps = "refuse",
        window: PositiveInt = 50,
        horizon: PositiveInt = 10,
        normalise: Literal["standard", "minmax", "none"] = "standard",
        val_fraction: Fraction = 0.15,
        test_fraction: Fraction = 0.15,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        if path is None and built_in not in BUILT_IN:
            near = nearest(built_in or "", BUILT_IN)
            raise UserError(
                f"task.built_in={built_in}: no such series{near}; set it to "
                f"{' or '.join(BUILT_IN)}, or give task.path=FILE"
            )
        if val_fraction + test_fraction >= 1:
            raise UserError(
                f"task.val_fraction={val_fraction} and task.test_fraction={test_fraction} leave "
                "nothing to train on; lower them"
            )
        self.path, self.built_in, self.length = path, built_in, length
        self.columns, self.targets = columns, targets
        self.file = SeriesFile(
            columns, time_column, time_format, encoding, delimiter, decimal, gaps
        )
        self.window, self.horizon, self.normalise = window, horizon, normalise
        self.fractions = val_fraction, test_fraction

    def setup(self, stage: str | None = None) -> None:
        if hasattr(self, "spec"):
            return
        series = self._series()
        rows = len(series.values)
        val, test = (int(rows * fraction) for fraction in self.fractions)
        ends = {"train": rows - val - test, "val": rows - test, "test": rows}
        center, scale = self._fitted(series.values[: ends["train"]])
        chosen = self._chosen(series)
        self.spec = self._spec(series, chosen, center, scale)
        values = ((series.values - center) / scale).astype(np.float32)
        self.splits, begin = {}, self.window
        for split, end in ends.items():
            starts = np.arange(begin, end - self.horizon + 1)
            if not len(starts):
                raise UserError(
                    f"task.window={self.window} and task.horizon={self.horizon} are too long for "
                    f"{split}, which has {end - (begin if split != 'train' else 0)} of "
                    f"{rows} rows; lower them, or give more rows"
                )
            self.splits[split] = self._windows(values, starts, chosen)
            begin = end
        content = f"{series.names} {series.values.shape}".encode() + series.values.tobytes()
        self.fingerprint = hashlib.sha256(content).hexdigest()
        self.facts = {
            "rows": rows,
            "columns": list(series.names),
            "filled": series.filled,
            "added": series.added,
            "center": center.tolist(),
            "scale": scale.tolist(),
        }
        output_scale = np.tile(scale[chosen], self.horizon)
        self.baselines = {"last": baseline(self.splits, last_value, output_scale)}
        if self.window * len(series.names) <= MOST:
            fitted = least_squares(self.splits["train"])
            self.baselines["linear"] = baseline(self.splits, fitted, output_scale)
        else:
            self.notes.append(
                f"no linear baseline: a window has more than {MOST:,} numbers to fit it to"
            )
        if self.path is None:
            self.notes.append(
                f"data: the built-in series {self.built_in}, {rows} steps; for one of your own "
                "give task.path=FILE"
            )
        if series.filled or series.added:
            self.notes.append(
                f"{series.filled} empty cells and {series.added} missing times have the values "
                "before them"
            )

    def whereabouts(self) -> Whereabouts | None:
        return whereabouts(self.path, None, place, built_in=self.built_in)

    def _series(self) -> Series:
        if self.path is not None:
            return self.file.read(self.path)
        return BUILT_IN[str(self.built_in)](self.length, self.data_seed)

    def _fitted(self, train: Numbers) -> tuple[Numbers, Numbers]:
        """Of each column what is taken off, and what a difference of 1 then stands for."""
        columns = train.shape[1]
        if not len(train) or self.normalise == "none":
            return np.zeros(columns), np.ones(columns)
        if self.normalise == "standard":
            center, scale = train.mean(0), train.std(0)
        else:
            center, scale = train.min(0), np.ptp(train, 0)
        # The deviation of equal numbers may be their rounding.
        return center, np.where(scale > 1e-12 * np.abs(train).max(0), scale, 1.0)

    def _chosen(self, series: Series) -> list[int]:
        if len(set(self.targets or ())) < len(self.targets or ()):
            raise UserError("task.targets: a column stands there twice; name it once")
        for name in self.targets or ():
            if name not in series.names:
                raise UserError(
                    f"task.targets: {name!r} is none of the columns read, "
                    f"{', '.join(series.names)}{nearest(name, series.names)}"
                )
        return [series.names.index(name) for name in self.targets or series.names]

    def _spec(self, series: Series, chosen: list[int], center: Numbers, scale: Numbers) -> TaskSpec:
        names = [series.names[i] for i in chosen]
        ahead = [f"t+{step}" for step in range(1, self.horizon + 1)]
        outputs = [f"{name} {step}" if len(names) > 1 else step for step in ahead for name in names]
        return TaskSpec(
            kind="regress",
            features=True,
            input_size=len(series.names),
            output_size=len(outputs),
            metric="rmse",
            mode="min",
            encoding={
                "columns": list(series.names),
                "targets": names,
                "window": self.window,
                "step": [series.times.step, series.times.unit],
                "center": center.tolist(),
                "scale": scale.tolist(),
                "outputs": outputs,
                "output_center": np.tile(center[chosen], self.horizon).tolist(),
                "output_scale": np.tile(scale[chosen], self.horizon).tolist(),
            },
            synthetic=self.path is None,
        )

    def _windows(
        self, values: npt.NDArray[np.float32], starts: Ints, chosen: Sequence[int]
    ) -> Windows:
        return Windows(values, starts, window=self.window, horizon=self.horizon, targets=chosen)

    def from_file(self, path: str, spec: TaskSpec) -> Windows:
        """The windows of a whole file, normalised as the training data were."""
        encoding = spec.encoding
        names = encoding["columns"]
        series = self._more(path, spec)
        starts = np.arange(self.window, len(series.values) - self.horizon + 1)
        if not len(starts):
            raise UserError(
                f"{path}: has {len(series.values)} rows, where a window and what follows it take "
                f"{self.window + self.horizon}"
            )
        values = (series.values - np.array(encoding["center"])) / np.array(encoding["scale"])
        chosen = [names.index(name) for name in encoding["targets"]]
        windows = self._windows(values.astype(np.float32), starts, chosen)
        scale = np.array(encoding["output_scale"])
        self.baselines = {"last": baseline({Path(path).name: windows}, last_value, scale)}
        return windows

    def _more(self, path: str, spec: TaskSpec) -> Series:
        """Another file with the columns of the run, as far apart in time."""
        series = replace(self.file, columns=spec.encoding["columns"]).read(path)
        step, unit = spec.encoding["step"]
        if series.times.differs(step, unit):
            there, wanted = described(series.times.step, series.times.unit), described(step, unit)
            raise UserError(f"{path}: its rows are {there} apart, those of the run {wanted}")
        return series

    def asked(self, path: str, spec: TaskSpec) -> list[tuple[str, list[float]]]:
        """The last window of a file."""
        series = self._more(path, spec)
        return [(f"the end of {path}", series.values[-self.window :].ravel().tolist())]

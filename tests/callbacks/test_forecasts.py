"""Forecasts drawn against truth: that they are kept, and change nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqbench import figures, run
from seqbench.batch import Batch
from seqbench.callbacks.forecasts import Forecasts, draw
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

SMALL = [
    "task=forecast",
    "task.length=400",
    "task.window=10",
    "task.horizon=4",
    "model=gru",
    "model.hidden_size=4",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "progress=none",
    "threads=1",
]
ENCODING: dict[str, Any] = {
    "columns": ["a", "b"],
    "targets": ["b", "a"],
    "center": [0.0, 10.0],
    "scale": [1.0, 2.0],
}


def test_pictures_are_kept_and_change_nothing(here: Path) -> None:
    drawn = run(SMALL)
    assert (drawn.path / "forecasts.svg").read_text("utf-8").count(">forecast<") == 1
    events = EventAccumulator(str(drawn.path))
    events.Reload()
    assert len(events.Images("forecasts")) == 2
    none = run([*SMALL, "callbacks.forecasts=null", "force=true"])
    assert none.path != drawn.path
    assert not (none.path / "forecasts.svg").exists()
    first, second = (
        torch.load(each.path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for each in (drawn, none)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_drawn_is_in_the_data_s_own_units() -> None:
    """Of two targets the first, which is the second column."""
    spec = TaskSpec("regress", input_size=2, output_size=4, features=True, encoding=ENCODING)
    inputs = torch.tensor([[[5.0, 0.0], [6.0, 1.0], [7.0, 2.0]]])
    batch = Batch(inputs, torch.tensor([3]), torch.tensor([[3.0, 8.0, 4.0, 9.0]]))
    figure = draw(spec, batch, np.array([[3.5, 0, 4.5, 0]]))
    history, truth, forecast, _ = figure.axes[0].lines
    assert [*map(float, history.get_ydata())] == [10, 12, 14]  # type: ignore[arg-type]
    assert [*map(float, history.get_xdata())] == [-2, -1, 0]  # type: ignore[arg-type]
    assert [*map(float, truth.get_ydata())] == [16, 18]  # type: ignore[arg-type]
    assert [*map(float, forecast.get_ydata())] == [17, 19]  # type: ignore[arg-type]
    assert [*map(float, forecast.get_xdata())] == [1, 2]  # type: ignore[arg-type]
    assert figures.pixels(figure).shape[2] == 4


def test_without_matplotlib_it_trains_all_the_same(
    here: Path, train: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise UserError("pictures need matplotlib: pip install 'seqbench[plots]'")

    monkeypatch.setattr(figures, "require_matplotlib", missing)
    result = run([*SMALL, "logger=none", "trainer.max_epochs=1"])
    assert not (result.path / "forecasts.svg").exists()
    assert "seqbench[plots]" in (result.path / "train.log").read_text("utf-8")


def test_it_is_refused_for_other_tasks(tmp_path: Path) -> None:
    spec = TaskSpec("tag", input_size=2, output_size=2)
    with pytest.raises(UserError, match=r"^callbacks\.forecasts is for tasks that give numbers"):
        Forecasts(str(tmp_path), spec)

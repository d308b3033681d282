"""The gradient's curves while a network trains: kept, shown, and the training none the wiser."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import seqbench
from seqbench import figures, gradients
from seqbench.callbacks.gradients import GradientCurves, scalars
from seqbench.callbacks.throughput import Throughput
from seqbench.curves import Gradients, Layer, Measurement
from seqbench.train import Result

Train = Callable[..., int]
DEEP = ["model=lstm", "model.num_layers=2", "model.dropout=0.5", "test=false"]
TARGET = "+callbacks.gradients._target_=seqbench.callbacks.gradients.GradientCurves"


def weights(result: Result) -> dict[str, Any]:
    kept = torch.load(result.path / "checkpoints" / "last.ckpt", weights_only=True)
    state: dict[str, Any] = kept["state_dict"]
    return state


def test_it_is_kept_and_shown_and_training_does_not_notice(tiny: list[str], here: Path) -> None:
    words = [*tiny, *DEEP]
    watched = seqbench.run([*words, "callbacks=gradients", "paths.output_dir=a"])
    other = seqbench.run([*words, "paths.output_dir=b"])
    assert watched.content["identity"] == other.content["identity"]
    assert watched.metrics == other.metrics
    first, second = weights(watched), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], value) for name, value in second.items())
    assert not (other.path / "gradients.json").exists()

    found = Gradients.read(watched.path / "gradients.json")
    assert found.epochs == [0, 1, 2]
    steps = [each.step for each in found.measurements]
    assert steps == [0, watched.content["steps"] // 2, watched.content["steps"]]
    # The longest sequences of validation, of which there are 20.
    assert (found.split, found.rows, found.length, found.depth) == ("val", 20, 7, 2)
    assert found.parts(0) == found.parts(1) == ["h", "c"]

    # What the checkpoint gives is what was seen when it was written.
    best = watched.model.gradients(rows=20).measurements[0]
    (seen,) = [each for each in found.measurements if each.epoch == best.epoch]
    assert best.epoch == watched.content["best_epoch"] + 1
    assert best.step == seen.step
    for one, two in zip(best.layers, seen.layers, strict=True):
        for part in ("h", "c"):
            assert one.norms[part] == pytest.approx(two.norms[part], rel=1e-4)
        assert one.step_radius == pytest.approx(two.step_radius, rel=1e-4)

    events = EventAccumulator(str(watched.path)).Reload()
    assert [event.step for event in events.Images("gradients")] == steps
    image = events.Images("gradients")[-1]
    # Four panels, one below another, as wide as a card.
    assert image.height > 2 * image.width == 2 * figures.CARD
    tags = {f"gradients/layer_{n}/{name}" for n in (1, 2) for name in SHOWN}
    assert tags == {tag for tag in events.Tags()["scalars"] if tag.startswith("gradients")}
    curve = [event.value for event in events.Scalars("gradients/layer_2/log10_ratio_c")]
    ratios = [each.layers[1].log10_ratio("c") for each in found.measurements]
    assert curve == pytest.approx(ratios, abs=1e-5)


SHOWN = ["log10_ratio_h", "log10_ratio_c", "step_radius", *(f"radius_W_h{gate}" for gate in "ifgo")]


def test_when_and_of_how_many(
    tiny: list[str], train: Train, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*tiny, "model=rnn", "test=false", "logger=none"]
    settings = ["every_n_epochs=2", "rows=3", "picture=false"]
    asked = [TARGET, *(f"+callbacks.gradients.{setting}" for setting in settings)]
    assert train(*words, *asked, "trainer.max_epochs=3") == 0
    (path,) = here.rglob("gradients.json")
    content = json.loads(path.read_text("utf-8"))
    # The end is always measured.
    assert [each["epoch"] for each in content["measurements"]] == [0, 2, 3]
    assert content["rows"] == 3
    assert content["length"] == 7
    assert path.parent.joinpath("status.json").exists()
    path.unlink()
    capfd.readouterr()
    assert train(*words, *asked, "trainer.max_epochs=3") == 0
    said = capfd.readouterr().err
    assert "trained already, without gradients.json; force=true trains it anew" in said
    assert train(*words, "trainer.max_epochs=3") == 0
    assert "trained already; force=true" in capfd.readouterr().err


def test_a_text_is_followed_as_far_as_training_does(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validation reads one long stream. And the clock of the training stands still meanwhile."""
    (here / "a.txt").write_text("the cat sat on the mat\n" * 100, "utf-8")
    measure, start = gradients.measure, Throughput.on_train_epoch_start
    clocks: list[Throughput] = []
    running: list[list[float]] = []

    def started(clock: Throughput, *arguments: Any) -> None:
        clocks.append(clock)
        start(clock, *arguments)
        assert clock.epoch_since

    def measured(*arguments: Any) -> Measurement:
        running.append([clock.epoch_since for clock in clocks])
        return measure(*arguments)

    monkeypatch.setattr(Throughput, "on_train_epoch_start", started)
    monkeypatch.setattr(gradients, "measure", measured)
    words = ["task=char_lm", "task.path=a.txt", "task.batch_size=4", "task.sequence_length=10"]
    words += ["model=gru", "model.hidden_size=8", "trainer.max_epochs=1", "progress=none"]
    words += ["threads=1", "trainer.accelerator=cpu", "callbacks.samples=null", "logger=none"]
    result = seqbench.run([*words, "callbacks=gradients", "test=false"])
    found = Gradients.read(result.path / "gradients.json")
    assert (found.rows, found.length, found.epochs) == (32, 7, [0, 1])
    assert running == [[], [0.0]]


MEASURED = Measurement(1, 10, 1.0, [Layer({"h": [1.0, 0.0]}, 0.5, {"W_hh": float("nan")})])


def test_tensorboard_gets_numbers_alone() -> None:
    assert scalars(MEASURED) == {"gradients/step_radius": 0.5}


@pytest.mark.parametrize("torn", [False, True])
def test_a_training_that_goes_on_keeps_its_curves(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    torn: bool,
) -> None:
    """Of those measured, what is behind the checkpoint that it goes on from is measured anew."""
    monkeypatch.setattr(gradients, "require_measurable", lambda *_: None)
    callback = GradientCurves(str(tmp_path / "checkpoints"), cast(Any, None), cast(Any, None))
    before = [replace(MEASURED, epoch=epoch, step=10 * epoch) for epoch in (0, 1, 2)]
    text = json.dumps(Gradients.of("val", 4, before).to_dict())
    (tmp_path / "gradients.json").write_text(text[: 40 if torn else None], "utf-8")
    monkeypatch.setattr(callback, "_measure", lambda *_: None)
    trainer = cast(Any, SimpleNamespace(global_step=10, current_epoch=1))
    callback.on_train_start(trainer, cast(Any, None))
    assert [each.epoch for each in callback.measured] == ([] if torn else [0, 1])
    assert ("the curves begin here" in caplog.text) == torn


def test_no_picture_without_matplotlib(
    tiny: list[str],
    train: Train,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    assert train(*tiny, "callbacks=gradients") == 2
    err = capfd.readouterr().err
    assert "pip install 'seqbench[plots]', or callbacks.gradients.picture=false" in err
    assert len(err.splitlines()) == 1
    assert not [*here.iterdir()]

"""The comparison of two runs sees what differs, were it one number."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.runs.twins import assert_twins, run_below

Change = Callable[[Path], None]


def in_result(change: Callable[[dict[str, Any]], None]) -> Change:
    def edit(run: Path) -> None:
        content = json.loads((run / "result.json").read_text())
        change(content)
        (run / "result.json").write_text(json.dumps(content))

    return edit


def in_checkpoint(change: Callable[[dict[str, Any]], None], name: str = "last") -> Change:
    def edit(run: Path) -> None:
        path = run / "checkpoints" / f"{name}.ckpt"
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)

    return edit


def in_rows(change: Callable[[list[str]], object]) -> Change:
    def edit(run: Path) -> None:
        lines = (run / "metrics.csv").read_text().splitlines(keepends=True)
        change(lines)
        (run / "metrics.csv").write_text("".join(lines))

    return edit


def one_bit(tensors: dict[str, torch.Tensor]) -> None:
    first = next(iter(tensors.values())).view(-1)
    first[0] = torch.nextafter(first[0], torch.tensor(9.0))


def doubled(run: Path) -> None:
    (events,) = run.glob("events.out.tfevents.*")
    shutil.copy(events, events.with_name(f"{events.name}.1"))


@pytest.mark.parametrize(
    "change",
    [
        in_result(lambda content: content.update(steps=content["steps"] + 1)),
        in_result(lambda content: content["metrics"]["test"].update(loss=0.5)),
        in_result(lambda content: content["environment"].pop("torch")),
        in_result(lambda content: content["config"].update(unheard_of=1)),
        in_result(lambda content: content["seconds"].update(test=None)),
        in_checkpoint(lambda content: one_bit(content["state_dict"])),
        in_checkpoint(lambda content: one_bit(content["state_dict"]), "best"),
        in_checkpoint(lambda content: one_bit(content["optimizer_states"][0]["state"][0])),
        in_checkpoint(lambda content: content["lr_schedulers"][0].update(last_epoch=0)),
        in_checkpoint(
            lambda content: one_bit({"": content["optimizer_states"][0]["state"][1]["exp_avg"]})
        ),
        in_rows(lambda lines: lines.pop()),
        in_rows(lambda lines: lines.append(lines[-1])),
        in_rows(lambda lines: lines.__setitem__(slice(1, 3), lines[2:0:-1])),
        doubled,
        lambda run: (run / "checkpoints" / "previous.ckpt").touch(),
        lambda run: (run / "status.json").write_text('{"status": "interrupted"}'),
    ],
)
def test_whatever_differs_is_found(sums_run: Path, tmp_path: Path, change: Change) -> None:
    copy = tmp_path / sums_run.name
    shutil.copytree(sums_run, copy)
    assert_twins(sums_run, tmp_path)
    change(copy)
    with pytest.raises(AssertionError, match=r"differ|lacks"):
        assert_twins(sums_run, tmp_path)


def test_a_second_run_is_none_of_one(sums_run: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(sums_run, tmp_path / name)
    with pytest.raises(AssertionError, match="holds 2 runs"):
        run_below(tmp_path)

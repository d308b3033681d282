"""Run directories are read whatever state they are in, and each stands in its group."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.reporting.conftest import MakeRun, read

from seqbench.errors import UserError
from seqbench.reporting.entries import command
from seqbench.reporting.reading import entries


def test_each_state_is_told(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(seed=0)
    make_run(seed=1, status="failed")
    make_run(seed=2, status="interrupted")
    make_run(seed=3, status="running")  # nobody is at it
    (make_run(seed=4) / "result.json").write_text('{"metrics": {')
    (make_run(seed=5) / "result.json").unlink()
    (make_run(seed=6) / "status.json").write_text("{")
    newer = make_run(seed=7) / "result.json"
    newer.write_text(json.dumps(json.loads(newer.read_text()) | {"schema_version": 2}))
    (make_run(seed=8) / "result.json").write_text('{"metrics": {}, "schema_version": 1}')
    found = sorted(read([str(tmp_path / "outputs")]), key=lambda e: e.seed or 0)
    assert [each.state for each in found] == [
        "ok", "failed", "interrupted", "interrupted", "torn", "torn", "torn", "newer", "torn",
    ]  # fmt: skip
    assert [each.seed for each in found] == [*range(9)]
    assert {each.group for each in found[:4]} == {"lstm-0.01-f0"}
    assert found[1].error == "RunError: it fell over"
    assert "its result.json is no run's: task: Field required" in found[8].error


def test_a_run_that_kept_no_group_has_that_of_its_settings(
    make_run: MakeRun, tmp_path: Path
) -> None:
    make_run(seed=0)
    lost = make_run(seed=1, status="failed")
    (lost / "status.json").write_text('{"status": "failed", "error": "KilledError"}')
    other = make_run(seed=2, status="failed", lr=0.5)
    (other / "status.json").write_text('{"status": "failed"}')
    first, second, third = sorted(read([str(tmp_path)]), key=lambda e: e.seed or 0)
    assert second.group == first.group == "lstm-0.01-f0"
    assert third.group not in ("", first.group)


def test_a_run_is_found_once(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    (tmp_path / "way").symlink_to(tmp_path / "outputs")
    folders = [str(tmp_path / "outputs"), str(run.parent), str(run), str(tmp_path / "way")]
    assert len(read(folders)) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("metrics", {"test": {"accuracy": "high"}}),
        ("metrics", {"test": 0.9}),
        ("baselines", [1]),
        ("config", "text"),
        ("slices", {"test": {"length": {"5": 1}}}),
        ("seconds", {"fit": "long"}),
        ("seed", "first"),
    ],
)
def test_a_result_of_other_types_is_torn(
    key: str, value: object, make_run: MakeRun, tmp_path: Path
) -> None:
    make_run(seed=1)
    file = make_run(seed=0) / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    torn, ok = sorted(read([str(tmp_path)]), key=lambda e: e.seed or 0)
    assert (torn.state, ok.state) == ("torn", "ok")
    assert f"its result.json is no run's: {key}" in torn.error


def test_runs_hidden_or_within_a_run_are_none(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    shutil.copytree(run, run / "checkpoints" / "copy")
    shutil.copytree(run, tmp_path / "outputs" / ".trash" / "seed-0-1")
    assert [each.path for each in read([str(tmp_path / "outputs")])] == [run]


def test_what_stands_in_metrics_csv_is_read_up_to_a_torn_line(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(curve=[0.1, 0.4])
    with (run / "metrics.csv").open("a") as file:
        file.write("20,2,4.0,val,accuracy,nan\n30,3,6.0,val,accu")
    (found,) = read([str(tmp_path)])
    points = found.history["val", "accuracy"]
    assert [(p.step, p.epoch, p.seconds) for p in points] == [
        (0, 0, 0.0),
        (10, 1, 2.0),
        (20, 2, 4.0),
    ]
    assert [p.value for p in points[:2]] == [0.1, 0.4]
    (run / "metrics.csv").write_bytes(b"\xff\xfe\x00")
    assert not read([str(tmp_path)])[0].history


def test_a_config_of_references_is_left_alone(make_run: MakeRun, tmp_path: Path) -> None:
    """Nine lines of YAML can stand for a billion values."""
    run = make_run(status="failed")
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    (run / "config.yaml").write_text("\n".join(lines))
    (found,) = read([str(tmp_path)])
    assert not found.config
    assert (found.task, found.model, found.seed) == ("toy", "lstm", 0)


def test_the_command_makes_a_group_again(make_run: MakeRun, tmp_path: Path) -> None:
    words = ["task=toy", "model=lstm", "seed=7", "paths.output_dir=x", "progress=none", "a=b c"]
    for seed in (10, 2):
        make_run(seed=seed, config={"command": words, "seed": seed})
    found = read([str(tmp_path)])
    assert command(found) == "python -m seqbench.train -m task=toy model=lstm 'a=b c' seed=2,10"
    assert command(found[:1]).startswith("python -m seqbench.train task=toy")
    assert command([]) == ""


@pytest.mark.parametrize(
    "text", ["names: 2020-01-01", "a: !!set {b}", "a: !!binary aGk=", "1: 2", "null: 3", "[" * 3000]
)
def test_a_config_of_other_values_is_left_alone(
    text: str, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(status="failed")
    (run / "config.yaml").write_text(text)
    (found,) = read([str(tmp_path)])
    assert (found.state, found.model) == ("failed", "lstm")
    assert "names" not in found.config


def test_a_result_nested_too_deep_is_torn(make_run: MakeRun, tmp_path: Path) -> None:
    file = make_run() / "result.json"
    content = json.loads(file.read_text()) | {"config": "HERE"}
    file.write_text(json.dumps(content).replace('"HERE"', '{"a":' * 900 + "1" + "}" * 900))
    assert [each.state for each in read([str(tmp_path)])] == ["torn"]


def test_runs_behind_a_link_are_found_and_a_link_upwards_goes_nowhere(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run()
    elsewhere = tmp_path / "disk"
    run.parent.rename(elsewhere)
    run.parent.symlink_to(elsewhere)
    (elsewhere / "up").symlink_to(tmp_path)
    assert len(read([str(tmp_path / "outputs")])) == 1


def test_a_folder_that_cannot_be_read_is_told(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run("lstm")
    closed = make_run("gru").parent
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found, unread = entries([str(tmp_path)])
    assert [each.model for each in found] == ["lstm"]
    assert unread == [str(closed)]
    with pytest.raises(UserError, match="no runs in it that can be read"):
        entries([str(closed)])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "nowhere: is not there; name the folder that holds the runs"),
        ("file", "file: is no directory"),
        ("empty", "empty: no runs in it"),
    ],
)
def test_folders_without_runs(name: str, told: str, here: Path) -> None:
    (here / "empty" / "some").mkdir(parents=True)
    (here / "file").write_text("")
    with pytest.raises(UserError, match=told):
        entries([name])

"""Titles of runs side by side: short, and no two the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from seqbench.titles import distinct, titles


@pytest.mark.parametrize(
    ("names", "facts", "want"),
    [
        (["t a", "t b"], [{"x": 1}, {"x": 2}], ["a", "b"]),
        (["t a", "t a", "t b"], [{"m.x": 1}, {"m.x": 2}, {}], ["a x=1", "a x=2", "b"]),
        (["t a", "u a"], [{"x": 1}, {"x": 2}], ["t a", "u a"]),
        (["t a", "u a", "t a"], [{"x": 1}, {}, {"x": 2}], ["t a x=1", "u a", "t a x=2"]),
        (["t a", "t a"], [{"x": 1, "y": 1}, {"y": 2}], ["a x=1 y=1", "a x=None y=2"]),
        (["t a", "t a"], [{}, {"x": 1, "y": 1, "z": 1}], ["a", "a"]),
        (
            ["t a", "t a"],
            [{"m.optimizer._target_": "torch.optim.SGD"}, {"m.optimizer._target_": "my.Adam"}],
            ["a optimizer=SGD", "a optimizer=Adam"],
        ),
    ],
)
def test_titles_say_what_differs(
    names: list[str], facts: list[dict[str, Any]], want: list[str]
) -> None:
    pairs = [(name[0], name[2]) for name in names]
    assert distinct(pairs, facts) == want


def test_of_run_directories(tmp_path: Path) -> None:
    """Where it lies, how it is shown and what is measured on the way are no part of a title."""
    paths = []
    for seed in (0, 1):
        path = tmp_path / "sum" / "gru" / f"seed-{seed}-x"
        path.mkdir(parents=True)
        paths.append(path)
        config = {
            "seed": seed,
            "progress": seed,
            "callbacks": {"gradients": {"rows": seed}},
            "task": {"path": seed},
            "model": {"dropout": 0.5},
        }
        result = {"task": "sum", "model": "gru", "config": config, "metrics": {}}
        (path / "result.json").write_text(json.dumps(result), "utf-8")
        (path / "status.json").write_text("{}", "utf-8")
    assert titles(paths) == ["gru seed=0", "gru seed=1"]
    assert titles(paths[:1]) == ["gru"]
    for path in paths:  # not finished: what the directory says
        (path / "result.json").write_text("{", "utf-8")
    assert titles(paths) == ["gru seed-0-x", "gru seed-1-x"]
    assert titles([paths[0], paths[0]]) == ["1: gru", "2: gru"]
    assert titles([paths[0], tmp_path / "a\n\x1b[1m.ckpt"]) == ["gru", "a??[1m"]

"""Configs that would run code: nothing is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bad_input.hostile.evil import MINE, Evil, Refused, archive, put

from seqbench import UserError
from seqbench.checkpoint import saved_config


@pytest.fixture
def yaml(run: Path) -> Path:
    return run / "config.yaml"


def test_a_run_s_own_config_is_read_as_it_was(run: Path, yaml: Path) -> None:
    kept = json.loads((run / "result.json").read_text())["config"]
    assert saved_config(run) == kept
    yaml.write_text(yaml.read_text().replace("lr: 0.001", "lr: 1e-05"))
    assert saved_config(run)["optimizer"]["lr"] == 1e-5


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("seed: 0", "seed: !!python/object/apply:os.system [touch marker]", "no config that"),
        ("seed: 0", "seed: !!python/name:os.system", "no config that"),
        ("lr: 0.001", "lr: ${oc.env:HOME}", "optimizer.lr"),
        ("lr: 0.001", "lr: ${oc.env:", "no config that"),
        ("lr: 0.001", "${oc.env:HOME}: 1", "optimizer"),
        ("optimizer:", "other:", "lacks 'optimizer'"),
        ("\nseed: 0\n", "\nseed: 0\nseed: 0\n", "duplicate key"),
        ("task: text_classification", "task: ../../text", "names"),
        ("task: text_classification", "task: /tmp/text", "names"),
        ("task: text_classification", 'task: "a\\u001b[2J"', "names"),
        ("task: text_classification", "task: [a]", "names"),
    ],
)
def test_a_config_that_is_more_than_values(
    run: Path, yaml: Path, here: Path, old: str, new: str, part: str
) -> None:
    text = yaml.read_text()
    assert old in text
    yaml.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=part) as caught:
        saved_config(run)
    assert os.environ["HOME"] not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (here / "marker").exists()


@pytest.mark.parametrize(
    "content", [b"", b"- 1\n", b"1", b"\xff\xfe\x00", b"\x00", b"[" * 1500, b"a: &a [*a]"]
)
def test_a_file_that_is_no_config(run: Path, yaml: Path, content: bytes) -> None:
    yaml.write_bytes(content)
    with pytest.raises(UserError, match=r"config\.yaml"):
        saved_config(run)
    yaml.unlink()
    with pytest.raises(UserError, match=r"config\.yaml: cannot be read"):
        saved_config(run)


NODES = [
    ("model.cell", "os.system", "Python's own"),
    ("task", "builtins.exec", "Python's own"),
    ("optimizer", "a_hostile_package.Lion", "trust=[a_hostile_package"),
    ("optimizer", "torch.optim.os.system", "trust=[torch"),
    ("scheduler.schedule", "torch.optim.lr_scheduler.LRScheduler.__init__", "trust=[torch"),
    ("scheduler.schedule.lr_lambda", "torch.load", "trust=[torch"),
    ("trainer", "lightning.pytorch.cli.LightningCLI", "trust=[lightning"),
    ("trainer.plugins", "torch.load", "trust=[torch"),
    ("trainer.profiler", "lightning.pytorch.profilers.PyTorchProfiler", "trust=[lightning"),
    ("callbacks.a", "lightning.pytorch.callbacks.ModelCheckpoint", "trust=[lightning"),
    ("callbacks.a", "lightning.pytorch.callbacks.LambdaCallback", "trust=[lightning"),
    ("callbacks.a", "seqbench.train.main", "no part of"),
    ("logger.a", "lightning.pytorch.loggers.MLFlowLogger", "trust=[lightning"),
    ("logger.a", "logging.FileHandler", "Python's own"),
]


@pytest.mark.parametrize(("key", "target", "part"), NODES)
def test_a_config_that_names_other_code(
    run: Path, yaml: Path, package: str, marker: Path, key: str, target: str, part: str
) -> None:
    config = saved_config(run)
    put(config, key, {"_target_": target})
    yaml.write_text(json.dumps(config))
    with pytest.raises(UserError, match=re.escape(part)):
        saved_config(run)
    assert not marker.exists()
    assert package not in sys.modules


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("seed: 0", "seed: !!python/object/apply:os.system [touch marker]", "no config that"),
        ("lr: 0.001", "lr: ${oc.env:HOME}", "optimizer.lr"),
        ("torch.optim.AdamW", "a_hostile_package.Lion", "trust=[a_hostile_package]"),
        ("torch.optim.AdamW", "os.system", "Python's own"),
    ],
)
def test_no_run_goes_on_by_such_a_config(
    refused: Refused,
    run: Path,
    yaml: Path,
    here: Path,
    package: str,
    marker: Path,
    old: str,
    new: str,
    part: str,
) -> None:
    text = yaml.read_text()
    assert old in text
    yaml.write_text(text.replace(old, new))
    refused("train", f"resume={run}", parts=["config.yaml", part])
    assert not (here / "marker").exists()
    assert not marker.exists()
    assert package not in sys.modules


def test_no_run_goes_on_from_a_pickle(refused: Refused, run: Path, marker: Path) -> None:
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps(status | {"status": "interrupted"}))
    for path in (run / "checkpoints").iterdir():
        path.write_bytes(archive(Evil(marker), path.read_bytes()))
    refused("train", f"resume={run}", parts=["best.ckpt", "did not write it"])
    (run / "result.json").unlink()
    refused("train", f"resume={run}", parts=["last.ckpt", "did not write it"])
    assert not marker.exists()


def test_a_config_of_the_usual_parts(
    run: Path, yaml: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here.parent / "a_package_of_mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(here.parent)
    config = saved_config(run)
    for key, target in (
        ("optimizer", "torch.optim.Adagrad"),
        ("scheduler.schedule", "torch.optim.lr_scheduler.OneCycleLR"),
        ("trainer.profiler", "lightning.pytorch.profilers.SimpleProfiler"),
        ("callbacks.stop", "lightning.pytorch.callbacks.EarlyStopping"),
        ("callbacks.gradients", "seqbench.callbacks.gradients.GradientCurves"),
        ("logger.board", "seqbench.callbacks.loggers.TensorBoard"),
    ):
        put(config, key, {"_target_": target})
    yaml.write_text(json.dumps(config))
    assert saved_config(run) == config
    put(config, "optimizer._target_", "a_package_of_mine.Lion")
    put(config, "callbacks.kept._target_", "lightning.pytorch.callbacks.ModelCheckpoint")
    yaml.write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"trust=\[lightning\]"):
        saved_config(run, ["a_package_of_mine"])
    assert saved_config(run, ["a_package_of_mine", "lightning"]) == config


# Data and the current folder


def test_tags_in_a_folder_of_configs(refused: Refused, here: Path, marker: Path) -> None:
    (here / "mine" / "task").mkdir(parents=True)
    (here / "mine" / "task" / "evil.yaml").write_text(
        f"_target_: !!python/object/apply:os.system ['touch {marker}']\n"
    )
    refused("train", "--config-dir", "mine", "task=evil", parts=["evil.yaml", "no valid YAML"])
    assert not marker.exists()


def test_the_current_folder_comes_last_or_not_at_all() -> None:
    code = (
        "import os, sys; from seqbench.commands import guarded; sys.path[:] = [p for p in sys.path "
        "if p not in ('', os.getcwd())]; guarded(lambda *_: print(os.getcwd() in sys.path, "
        "sys.path[0] == os.getcwd()), None)"
    )
    for options, said in ((["-c"], "True False\n"), (["-P", "-c"], "False False\n")):
        ended = subprocess.run([sys.executable, *options, code], capture_output=True, text=True)
        assert ended.stdout == said, ended.stderr

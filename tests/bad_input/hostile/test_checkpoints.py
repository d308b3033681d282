"""Checkpoints that would run code, if anything of them were run: nothing is."""

import io
import json
import pickle
import shutil
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.bad_input.hostile.evil import MINE, VERBS, Accepted, Evil, Refused, archive, put

import seqbench
from seqbench import UserError
from seqbench.trust import check_trust


def test_the_payload_would_work(marker: Path) -> None:
    pickle.loads(pickle.dumps(Evil(marker)))
    assert marker.exists()


def legacy(evil: Evil, whole: bytes) -> bytes:
    return pickle.dumps({"state_dict": {}, "seqbench": evil})


def legacy_torch(evil: Evil, whole: bytes) -> bytes:
    file = io.BytesIO()
    torch.save({"seqbench": evil}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def two_in_one(evil: Evil, whole: bytes) -> bytes:
    """A pickle to whoever reads from the front, a sound archive to whoever reads from the end."""
    return legacy_torch(evil, whole) + whole


def torch_script(evil: Evil, whole: bytes) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), file)
    with zipfile.ZipFile(file, "a") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.writestr("archive/data.pkl", pickle.dumps(evil))
    return file.getvalue()


@pytest.mark.parametrize("payload", [legacy, legacy_torch, archive, two_in_one, torch_script])
def test_a_checkpoint_that_is_more_than_data(
    refused: Refused,
    run: Path,
    words: list[str],
    marker: Path,
    payload: Callable[[Evil, bytes], bytes],
) -> None:
    path = run / "checkpoints" / "best.ckpt"
    path.write_bytes(payload(Evil(marker), path.read_bytes()))
    shutil.copy(path, "alone.ckpt")
    for place in (str(run), "alone.ckpt"):
        for verb, options in VERBS.items():
            refused(verb, place, *options, parts=["ckpt"])
        with pytest.raises(UserError, match="ckpt"):
            seqbench.load(place, trust=["torch"])
    refused("train", *words, parts=["best.ckpt"])
    assert not marker.exists()


def test_an_archive_behind_something_else(refused: Refused, run: Path, here: Path) -> None:
    whole = (run / "checkpoints" / "best.ckpt").read_bytes()
    (here / "a.ckpt").write_bytes(b"#!/bin/sh\n" + whole)
    refused("predict", "a.ckpt", "ab", parts=["a.ckpt", "before its archive"])


TARGETS = [
    ("os.system", "Python's own"),
    ("builtins.exec", "Python's own"),
    ("subprocess.run", "Python's own"),
    ("pickle.load", "Python's own"),
    ("torch.load", "--trust torch"),
    ("torch.hub.load", "--trust torch"),
    ("hydra.utils.instantiate", "--trust hydra"),
    ("a_hostile_package.Cell", "--trust a_hostile_package"),
    ("a_hostile_package", "--trust a_hostile_package"),
    ("seqbench.train.sys.exit", "no part of"),
    ("seqbench.runs.os.system", "no part of"),
    ("seqbench.checkpoint.torch.load", "no part of"),
    ("seqbench.checkpoint.torch.nn.Linear", "--trust torch"),
    ("seqbench.models.cells.gru.GRU.load_state_dict", "no part of"),
    ("seqbench.config.locate", "no part of"),
    ("seqbench.runs.Run", "no part of"),
    ("seqbench.callbacks.loggers.TensorBoard", "no part of"),
    ("seqbench.train.main.__globals__", "nothing that can be built"),
    ("seqbench.Cell.__class__", "no part of"),
    ("seqbench. os.system", "where a class should stand"),
]
ALL_VERBS = ("os.system", "a_hostile_package.Cell", "seqbench.runs.os.system")


@pytest.mark.parametrize(("target", "part"), TARGETS)
def test_a_checkpoint_that_names_other_code(
    refused: Refused,
    changed: Callable[[str, Any], None],
    run: Path,
    package: str,
    marker: Path,
    target: str,
    part: str,
) -> None:
    changed("model.cell.extra", [1, {"deep": [{"_target_": target, "command": f"touch {marker}"}]}])
    for verb in VERBS if target in ALL_VERBS else ["predict"]:
        refused(verb, str(run), *VERBS[verb], parts=["best.ckpt", part])
    with pytest.raises(UserError, match="ckpt"):
        seqbench.load(run)
    changed("model", {"_target_": target})
    refused("predict", str(run), "ab", parts=["best.ckpt", part])
    assert not marker.exists()
    assert package not in sys.modules


def test_its_task_is_built_to_evaluate_alone(
    refused: Refused,
    accepted: Accepted,
    changed: Callable[[str, Any], None],
    run: Path,
    marker: Path,
) -> None:
    changed("task", {"_target_": "seqbench.runs.os.system", "command": f"touch {marker}"})
    for verb in ("evaluate", "inspect"):
        refused(verb, str(run), *VERBS[verb], parts=["no part of"])
    accepted("predict", str(run), "ab")
    assert not marker.exists()


def test_the_rest_of_its_config_is_never_built(
    accepted: Accepted, changed: Callable[[str, Any], None], run: Path, marker: Path
) -> None:
    node = {"_target_": "os.system", "command": f"touch {marker}"}
    for key in ("optimizer", "scheduler.schedule", "callbacks.a", "logger.a", "trainer.profiler"):
        changed(key, node)
    changed("trainer._target_", "os.system")
    accepted("predict", str(run), "ab")
    assert not marker.exists()


def test_nested_without_end(
    refused: Refused, changed: Callable[[str, Any], None], run: Path
) -> None:
    endless: list[Any] = []
    endless.append(endless)
    changed("model.cell.extra", endless)
    refused("predict", str(run), "ab", parts=["nested"])


@pytest.mark.parametrize("threads", [0, 10**6, "2", True, [1]])
def test_threads_of_a_checkpoint(
    refused: Refused, changed: Callable[[str, Any], None], run: Path, threads: Any
) -> None:
    changed("threads", threads)
    refused("predict", str(run), "ab", parts=["no config or weights"])


def test_what_trust_means(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here.parent / "a_good_package.py").write_text(MINE)
    monkeypatch.syspath_prepend(here.parent)

    def check(target: str, *trust: str) -> None:
        check_trust([{"_target_": target}], Path("a.ckpt"), trust)

    check("a_good_package.Mine", "a_good_package")
    check("a_good_package.Mine", "a_good_package.Mine")
    check("a_good_package.wipe", "a_good_package.wipe")
    check("torch.nn.Linear", "torch")
    check("torch.nn.Linear", "torch.nn")
    check("a_good_package.nn.Linear", "a_good_package", "torch")
    for target, trust, part in (
        ("a_good_package.Mine", "a_good", "--trust a_good_package"),
        ("a_good_package.Mine", "", "--trust a_good_package"),
        ("a_good_package.wipe", "a_good_package", "--trust a_good_package.wipe"),
        ("a_good_package.Lion", "a_good_package", "--trust a_good_package.Lion"),
        ("a_good_package.os.system", "a_good_package", "no part of"),
        ("a_good_package.nn.Linear", "a_good_package", "--trust torch"),
        ("torch.load", "torch", "--trust torch.load"),
        ("torch.os.system", "torch", "no part of"),
        ("os.system", "os", "Python's own"),
        ("os.system", "os.system", "Python's own"),
    ):
        with pytest.raises(UserError, match=part):
            check(target, trust)


def test_a_result_trusts_what_was_composed_and_no_more(
    run: Path, words: list[str], changed: Callable[[str, Any], None], package: str, marker: Path
) -> None:
    assert seqbench.run([*words, "test=false"]).model.spec.labels == ("p", "q")
    target = f"{package}.Cell"
    changed("model.cell._target_", target)
    content = json.loads((run / "result.json").read_text())
    put(content["config"], "model.cell._target_", target)
    (run / "result.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"--trust {package}"):
        _ = seqbench.run([*words, "test=false"]).model
    assert not marker.exists()


@pytest.mark.parametrize("name", ["train.log", "checkpoints/linked", "metrics.csv"])
def test_a_run_directory_with_links_is_not_written_to(
    refused: Refused, run: Path, words: list[str], here: Path, name: str
) -> None:
    target = here.parent / "startup"
    target.write_text("mine\n")
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(target)
    refused("train", *words, parts=[Path(name).name, "a link"])
    assert target.read_text() == "mine\n"


# Caches

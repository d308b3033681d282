"""Files of somebody else's that would run code, if anything of them were run: nothing is."""

import importlib
import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqbench
from seqbench import UserError
from seqbench.checkpoint import saved_config
from seqbench.datamodules.cache import CHECKSUMS, file_digest
from seqbench.trust import check_trust

Refused = Callable[..., str]
Accepted = Callable[..., tuple[str, str]]

VERBS = {
    "predict": ["ab"],
    "evaluate": [],
    "generate": ["--prompt", "a"],
    "inspect": ["--output", "a.svg"],
    "export": ["--output", "a.onnx"],
}


class Evil:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.command = f"touch '{marker}'"

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.fixture
def marker(here: Path) -> Path:
    return here.parent / "marker"


def test_the_payload_would_work(marker: Path) -> None:
    pickle.loads(pickle.dumps(Evil(marker)))
    assert marker.exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A home with ``outputs`` of one run that is not tested yet, and what trained it."""
    home = tmp_path_factory.mktemp("hostile")
    rows = "".join(f"{'ab' if i % 2 else 'cd'}{i},{'pq'[i % 2]}\n" for i in range(40))
    (home / "a.csv").write_text("x,y\n" + rows)
    words = [
        "task=text_classification",
        f"task.path={home / 'a.csv'}",
        "task.text_column=x",
        "task.label_column=y",
        "task.level=char",
        "model=gru",
        "model.hidden_size=4",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
        "logger=none",
        "progress=none",
        "threads=1",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("SEQBENCH_CACHE_DIR", str(home / "cache"))
        assert importlib.import_module("seqbench.train").main([*words, "test=false"]) == 0
    return home, words


@pytest.fixture
def run(trained: tuple[Path, list[str]], here: Path) -> Path:
    """A copy of that run, as ``outputs`` of the working directory."""
    shutil.copytree(trained[0] / "outputs", here / "outputs")
    return next((here / "outputs").rglob("status.json")).parent


@pytest.fixture
def words(trained: tuple[Path, list[str]]) -> list[str]:
    return trained[1]


@pytest.fixture
def changed(run: Path) -> Callable[[str, Any], None]:
    """``changed(key, value)``: sets a dotted key of the config in the run's best checkpoint."""
    path = run / "checkpoints" / "best.ckpt"

    def change(key: str, value: Any) -> None:
        content = torch.load(path, weights_only=True)
        put(content["seqbench"]["config"], key, value)
        torch.save(content, path)

    return change


def put(config: dict[str, Any], key: str, value: Any) -> None:
    *folders, last = key.split(".")
    for folder in folders:
        config = config.setdefault(folder, {})
    config[last] = value


def legacy(evil: Evil, whole: bytes) -> bytes:
    return pickle.dumps({"state_dict": {}, "seqbench": evil})


def legacy_torch(evil: Evil, whole: bytes) -> bytes:
    file = io.BytesIO()
    torch.save({"seqbench": evil}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def archive(evil: Evil, whole: bytes) -> bytes:
    content = torch.load(io.BytesIO(whole), weights_only=True)
    content["seqbench"]["evil"] = evil
    file = io.BytesIO()
    torch.save(content, file)
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


MODULE = "from pathlib import Path\nPath({!r}).touch()\nimport os\nfrom seqbench import Cell\n"


@pytest.fixture
def package(here: Path, marker: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package outside seqbench whose import makes the marker."""
    (here.parent / "a_hostile_package.py").write_text(MODULE.format(str(marker)))
    monkeypatch.syspath_prepend(here.parent)
    monkeypatch.delitem(sys.modules, "a_hostile_package", raising=False)
    return "a_hostile_package"


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


MINE = """
import os
from torch import nn
from torch.optim import Adam
from seqbench.models.cells.gru import GRU

class Mine(GRU):
    pass

class Lion(Adam):
    pass

def wipe(folder):
    os.rmdir(folder)
"""


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


def objects(evil: Evil) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([evil, 1], dtype=object), allow_pickle=True)
    return file.getvalue()


def zipped(evil: Evil) -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.array([evil], dtype=object))
    return file.getvalue()


def lying(evil: Evil) -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(3))
    return file.getvalue().replace(b"(3,)", b"(9,)")


PAYLOADS: list[Callable[[Evil], bytes]] = [objects, zipped, lying, pickle.dumps, lambda evil: b""]


@pytest.fixture
def encoded(trained: tuple[Path, list[str]], here: Path) -> Path:
    """The cache of this test, with the texts of the run in it."""
    shutil.copytree(trained[0] / "cache", here.parent / "cache")
    return here.parent / "cache"


def test_a_cache_with_right_checksums(
    refused: Refused, words: list[str], here: Path, marker: Path, encoded: Path
) -> None:
    (here / "a.txt").write_text("abc de " * 3000)
    letters = ["task=char_lm", "task.path=a.txt", "threads=1", "progress=none"]
    # Refused, but for no fault of the data: they are encoded by then.
    refused("train", *letters, "optimizer.lr=1e400", parts=["lr"])
    texts, running = (next((encoded / kind).rglob(CHECKSUMS)).parent for kind in KINDS)
    for folder in (texts, running):
        for payload in PAYLOADS if folder == texts else PAYLOADS[:2]:
            for file in folder.glob("*.npy"):
                file.write_bytes(payload(Evil(marker)))
            seal(folder)
            called = words if folder == texts else letters
            refused("train", *called, parts=["cache", folder.name, "remove it"])
    assert not marker.exists()


KINDS = "texts", "running"


def test_words_of_a_cache(refused: Refused, words: list[str], here: Path, encoded: Path) -> None:
    (path,) = encoded.rglob("corpus.json")
    for content in ("[1]", '{"classes": [1]}', "[" * 3000, "nul"):
        path.write_text(content)
        seal(path.parent)
        refused("train", *words, parts=["cache", path.parent.name, "remove it"])


def seal(folder: Path) -> None:
    files = [file for file in folder.iterdir() if file.name != CHECKSUMS]
    (folder / CHECKSUMS).write_text(json.dumps({f.name: file_digest(f) for f in files}))


# The config that a run keeps


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


def test_a_parquet_file_with_a_pickled_type(
    refused: Refused, words: list[str], here: Path, marker: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Evil(marker)),
    }
    schema = pa.schema([pa.field("x", pa.string(), metadata=kind), pa.field("y", pa.string())])
    rows = [[f"{'ab' if i % 2 else 'cd'}{i}" for i in range(40)], [*"pq" * 20]]
    pq.write_table(pa.table(rows, schema=schema), here / "a.parquet")
    refused("train", *words, "task.path=a.parquet", "optimizer.lr=1e400", parts=["lr"])
    assert not marker.exists()


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

"""Run directories of which something is torn, missing or of another kind."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench import checkpoint, runs
from seqbench.errors import UserError
from seqbench.runs import Run

Refused = Callable[..., str]
Accepted = Callable[..., tuple[str, str]]
Damage = Callable[[Path], None]

BEST = "checkpoints/best.ckpt"


@pytest.fixture
def copy(sums_run: Path, here: Path) -> Path:
    """A run to be damaged, where ``train`` finds it too."""
    outputs = sums_run.parents[2]
    shutil.copytree(outputs, here / "outputs")
    return here / "outputs" / sums_run.relative_to(outputs)


def missing(name: str) -> Damage:
    def damage(run: Path) -> None:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def holding(name: str, content: bytes) -> Damage:
    return lambda run: void((run / name).write_bytes(content))


def void(_: object) -> None:
    """For a lambda that only does something."""


def half(name: str) -> Damage:
    def damage(run: Path) -> None:
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[: len(content) // 2])

    return damage


def having(name: str, **values: Any) -> Damage:
    """The same JSON with other values; None takes a key away."""

    def damage(run: Path) -> None:
        content = json.loads((run / name).read_text("utf-8")) | values
        kept = {key: value for key, value in content.items() if value is not None}
        (run / name).write_text(json.dumps(kept))

    return damage


def folder(name: str) -> Damage:
    def damage(run: Path) -> None:
        missing(name)(run)
        (run / name).mkdir()

    return damage


def broken_link(name: str) -> Damage:
    def damage(run: Path) -> None:
        missing(name)(run)
        (run / name).symlink_to("nowhere")

    return damage


def newer_checkpoint(run: Path) -> None:
    content = torch.load(run / BEST, weights_only=True)
    content["seqbench"]["schema_version"] = 2
    torch.save(content, run / BEST)


def flipped(run: Path) -> None:
    content = bytearray((run / BEST).read_bytes())
    content[len(content) // 2] ^= 1
    (run / BEST).write_bytes(content)


DEEP = b"[" * 100_000

NOT_FINISHED: dict[str, Damage] = {
    "no status": missing("status.json"),
    "empty status": holding("status.json", b""),
    "half a status": half("status.json"),
    "no text": holding("status.json", b"\xff\xfe\0"),
    "deep": holding("status.json", DEEP),
    "a list": holding("status.json", b"[]"),
    "a number": having("status.json", status=1),
    "a list for a status": having("status.json", status=["ok"]),
    "no such status": having("status.json", status="fine"),
    "running, by nobody": having("status.json", status="running", pid=None),
    "running, by whom": having("status.json", status="running", pid="x", host=[], resumed={}),
    "status a folder": folder("status.json"),
    "status a broken link": broken_link("status.json"),
    "no result": missing("result.json"),
    "empty result": holding("result.json", b""),
    "half a result": half("result.json"),
    "result a list": holding("result.json", b"[]"),
    "result a text": holding("result.json", b'"schema_version"'),
    "result deep": holding("result.json", DEEP),
    "no metrics": having("result.json", metrics=None),
    "metrics a list": having("result.json", metrics=[]),
    "result a broken link": broken_link("result.json"),
}
NEWER: dict[str, Damage] = {
    "status": having("status.json", schema_version=2),
    "result": having("result.json", schema_version=2),
}
HARMLESS: dict[str, Damage] = {
    "no config": missing("config.yaml"),
    "half a config": half("config.yaml"),
    "half the metrics": half("metrics.csv"),
    "no metrics": missing("metrics.csv"),
    "half a log": half("train.log"),
}
NO_CHECKPOINT: dict[str, tuple[Damage, list[str]]] = {
    "no folder": (missing("checkpoints"), ["no checkpoints/best.ckpt"]),
    "none": (missing(BEST), ["no checkpoints/best.ckpt"]),
    "broken link": (broken_link(BEST), ["no checkpoints/best.ckpt"]),
    "empty": (holding(BEST, b""), [BEST, "damaged"]),
    "half": (half(BEST), [BEST, "damaged"]),
    "one bit": (flipped, [BEST, "damaged"]),
    "a folder": (folder(BEST), [BEST]),
    "newer": (newer_checkpoint, [BEST, "version 2"]),
}
VERBS: dict[str, list[str]] = {
    "evaluate": [],
    "predict": ["1 2 3"],
    "inspect": ["--json", "--rows", "2"],
}


@pytest.mark.parametrize("damage", NOT_FINISHED.values(), ids=NOT_FINISHED)
def test_what_cannot_be_read_is_not_finished(
    accepted: Accepted, copy: Path, caplog: pytest.LogCaptureFixture, damage: Damage
) -> None:
    assert Run(copy).status() == "ok"
    damage(copy)
    assert Run(copy).status() == "interrupted"
    for verb, words in VERBS.items():
        caplog.clear()
        accepted(verb, str(copy), *words)
        if (copy / "status.json").exists():
            assert "interrupted; its best checkpoint so far is used" in caplog.text


@pytest.mark.parametrize("damage", NEWER.values(), ids=NEWER)
def test_a_newer_version_s_run(accepted: Accepted, copy: Path, damage: Damage) -> None:
    damage(copy)
    assert Run(copy).status() == "unknown"
    for verb, words in VERBS.items():
        accepted(verb, str(copy), *words)


@pytest.mark.parametrize("damage", HARMLESS.values(), ids=HARMLESS)
def test_what_is_not_needed(
    accepted: Accepted, copy: Path, tiny: list[str], damage: Damage
) -> None:
    damage(copy)
    assert Run(copy).status() == "ok"
    for verb, words in VERBS.items():
        accepted(verb, str(copy), *words)
    _, err = accepted("train", *tiny)
    assert "trained already" in err


@pytest.mark.parametrize(("damage", "parts"), NO_CHECKPOINT.values(), ids=NO_CHECKPOINT)
def test_no_checkpoint(
    refused: Refused,
    accepted: Accepted,
    copy: Path,
    tiny: list[str],
    damage: Damage,
    parts: list[str],
) -> None:
    damage(copy)
    for verb, words in VERBS.items():
        refused(verb, str(copy), *words, parts=parts)
    _, err = accepted("train", *tiny)  # its result is there
    assert "trained already" in err


@pytest.mark.parametrize("name", ["status a folder", "half a result", "result deep"])
def test_what_is_not_finished_is_trained(
    accepted: Accepted, copy: Path, tiny: list[str], name: str
) -> None:
    NOT_FINISHED[name](copy)
    accepted("train", *tiny, "progress=none")
    assert runs.attempts(copy)[-1].status() == "ok"


@pytest.mark.parametrize("damage", NEWER.values(), ids=NEWER)
def test_a_newer_version_s_run_is_left_as_it_is(
    accepted: Accepted, copy: Path, tiny: list[str], damage: Damage
) -> None:
    damage(copy)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    accepted("train", *tiny, "progress=none")
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    assert Run(copy.with_name(f"{copy.name}-2")).status() == "ok"


@pytest.mark.parametrize("kind", ["file", "broken link"])
def test_something_else_in_the_place_of_a_run(
    accepted: Accepted, copy: Path, tiny: list[str], kind: str
) -> None:
    shutil.rmtree(copy)
    copy.write_text("mine") if kind == "file" else copy.symlink_to("nowhere")
    assert Run(copy).status() == "failed"
    accepted("train", *tiny, "progress=none")
    assert copy.is_file() or copy.is_symlink()
    assert Run(copy.with_name(f"{copy.name}-2")).status() == "ok"


@pytest.fixture
def flips(sums_run: Path, tmp_path: Path) -> Callable[[], Iterator[Path]]:
    """Checkpoints that differ from a whole one in one bit: half of them outside the weights."""

    def made() -> Iterator[Path]:
        draw = random.Random(0)
        whole = (sums_run / BEST).read_bytes()
        path = tmp_path / "flipped.ckpt"
        names = [place for place in range(len(whole)) if whole[place : place + 2] == b"PK"]
        for number in range(60):
            near = draw.choice(names) + draw.randrange(46)  # the headers of the archive's records
            place = near if number % 2 else draw.randrange(len(whole))
            content = bytearray(whole)
            content[min(place, len(whole) - 1)] ^= 1 << draw.randrange(8)
            path.write_bytes(content)
            yield path

    return made


def test_a_flipped_bit_is_seen_or_changes_nothing(
    sums_run: Path, flips: Callable[[], Iterator[Path]]
) -> None:
    module, kept = checkpoint.load(sums_run / BEST)
    gathered = kept.pop("gathered")
    weights = module.state_dict()
    seen = 0
    for path in flips():
        try:
            other, also_kept = checkpoint.load(path)
        except UserError:
            seen += 1
            continue
        also_gathered = also_kept.pop("gathered")
        assert all(torch.equal(also_gathered[name], value) for name, value in gathered.items())
        assert also_kept == kept
        loaded = other.state_dict()
        assert loaded.keys() == weights.keys()
        assert all(torch.equal(loaded[name], value) for name, value in weights.items())
    assert 20 < seen < 60

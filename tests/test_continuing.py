"""What an interrupted run goes on from, and what it refuses."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

Train = Callable[..., int]
Stop = Callable[[int | None], None]
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def words(tiny: list[str]) -> list[str]:
    return [*tiny, "callbacks.checkpoint.every_n_steps=1"]


@pytest.fixture
def ended(
    train: Train, words: list[str], here: Path, composed_once: None, stopped_after: Stop
) -> Path:
    """A run that was told to end in its second epoch, with two checkpoints to go on from."""
    stopped_after(8)
    assert train(*words) == 143
    stopped_after(None)
    (last,) = here.rglob("last.ckpt")
    assert (last.parent / "previous.ckpt").exists()
    return last.parent.parent


def status(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "status.json").read_text())
    return content


def twin(train: Train, words: list[str], run: Path) -> None:
    """The run ends as one that was never ended does."""
    from tests.runs.twins import assert_twins

    whole = run.parents[3] / "whole"
    assert train(*words, f"paths.output_dir={whole}") == 0
    assert_twins(run, whole)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edited(change: Edit) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)

    return edit


def replaced(path: Path) -> None:
    shutil.copy(path.parent / "best.ckpt", path)


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (emptied, "damaged"),
    (torn, "damaged"),
    (flipped, "checksum"),
    (replaced, "to predict with"),
    (edited(lambda c: c["continuation"].update(schema_version=99)), "of version 99"),
    (edited(lambda c: c["continuation"].update(identity="0123456789")), "of other settings"),
    (edited(lambda c: c["continuation"].pop("files")), "incomplete ('files')"),
    (edited(lambda c: c["continuation"].update(files=[1])), "incomplete"),
    (edited(lambda c: c.pop("callbacks")), "incomplete ('callbacks')"),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGES)
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(
    ended: Path,
    damage: Callable[[Path], None],
    told: str,
    train: Train,
    words: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    damage(ended / "checkpoints" / "last.ckpt")
    capfd.readouterr()
    assert train(*words) == 0
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "last.ckpt" in line)
    assert told in line
    assert "going on from previous.ckpt" in line
    twin(train, words, ended)


def test_the_one_before_is_enough(ended: Path, train: Train, words: list[str]) -> None:
    """A kill between the two renames leaves it alone."""
    (ended / "checkpoints" / "last.ckpt").unlink()
    assert train(*words) == 0
    twin(train, words, ended)


def test_with_nothing_to_go_on_from_it_is_trained_beside(
    ended: Path, train: Train, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("last.ckpt", "previous.ckpt"):
        emptied(ended / "checkpoints" / name)
    before = sorted(path.name for path in ended.iterdir())
    assert train(*words) == 0
    err = capfd.readouterr().err
    assert f"training anew in {ended.relative_to(Path.cwd())}-2" in err
    assert err.count("last.ckpt and previous.ckpt: damaged") == 1
    assert sorted(path.name for path in ended.iterdir()) == before, "nothing of it is lost"
    assert status(ended.with_name(f"{ended.name}-2"))["status"] == "ok"


def test_a_best_checkpoint_that_is_damaged_is_not_gone_on_with(
    ended: Path, train: Train, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    flipped(ended / "checkpoints" / "best.ckpt")
    assert train(*words) == 0
    assert "best.ckpt: damaged" in capfd.readouterr().err
    assert status(ended)["status"] == "interrupted"
    assert status(ended.with_name(f"{ended.name}-2"))["status"] == "ok"


def test_before_its_first_checkpoint_it_begins_again_where_it_lies(
    train: Train, tiny: list[str], here: Path, composed_once: None, stopped_after: Stop
) -> None:
    stopped_after(4)
    assert train(*tiny) == 143
    stopped_after(None)
    (run,) = (path.parent for path in here.rglob("status.json"))
    shutil.rmtree(run / "checkpoints")
    assert train(*tiny) == 0
    assert len(status(run)["resumed"]) == 1
    twin(train, tiny, run)


def test_metrics_that_were_torn_are_whole_again(
    ended: Path, train: Train, words: list[str]
) -> None:
    """What comes behind the checkpoint goes: whole rows, and the half one of a kill."""
    with (ended / "metrics.csv").open("a") as file:
        file.write("5,1,0.9,train,loss_step,1.5\r\n6,1,0.9,tra")
    assert train(*words) == 0
    twin(train, words, ended)


def test_metrics_that_lost_lines_are_told(
    ended: Path, train: Train, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    (ended / "metrics.csv").write_text("step,")
    assert train(*words) == 0
    assert "metrics.csv has lost some of its lines" in capfd.readouterr().err


# resume=RUN


def resumed(train: Train, run: Path, *words: str) -> int:
    return train(f"resume={run}", "progress=lines", *words)


def test_resume_goes_on_by_the_config_of_the_run(
    ended: Path, train: Train, words: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another directory, moved, and by the name of a directory above it."""
    elsewhere = here.parent / "elsewhere"
    elsewhere.mkdir()
    moved = shutil.move(here / "outputs", elsewhere / "moved")
    monkeypatch.chdir(elsewhere)
    assert resumed(train, Path("moved")) == 0
    (run,) = (path.parent for path in Path(moved).rglob("result.json"))
    assert run.name == ended.name
    twin(train, words, run)


def test_resume_goes_on_with_a_run_that_failed(ended: Path, train: Train, words: list[str]) -> None:
    path = ended / "status.json"
    path.write_text(path.read_text().replace('"interrupted"', '"failed"'))
    assert resumed(train, ended) == 0
    twin(train, words, ended)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["model.hidden_size=9"], "model.hidden_size=9: a run goes on with its own settings"),
        (["paths.output_dir=x"], "paths.output_dir=x: a run goes on with its own settings"),
        (["-m"], "-m: resume=RUN goes on with one run"),
        (["task.path=x"], "task.path=x: this run has no such setting"),
        (["progress=[x"], "progress=[x: "),
        (["progress=loud"], "progress (progress=loud): should be"),
    ],
)
def test_resume_takes_nothing_that_decides_the_training(
    ended: Path, train: Train, given: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    assert train(f"resume={ended}", *given) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"seqbench: {told}")
    assert status(ended)["status"] == "interrupted"


def in_config(old: str, new: str) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        path = run / "config.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def in_checkpoints(change: Edit) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        for name in ("last.ckpt", "previous.ckpt"):
            edited(change)(run / "checkpoints" / name)

    return edit


def without_checkpoints(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    in_config("train_size: 60", "train_size: 61")(run)


OTHERS: list[tuple[Callable[[Path], None], str]] = [
    (in_config("train_size: 60", "train_size: 80"), "of other data: their fingerprint was"),
    (in_config("hidden_size: 8", "hidden_size: 9"), "of other settings"),
    (
        in_checkpoints(
            lambda c: (
                c["seqbench"]["spec"].update(input_size=99),
                c["continuation"].update(identity=""),
            )
        ),
        "of 99 inputs and 10 outputs, and here are 11 and 10",
    ),
    (
        in_checkpoints(
            lambda c: (
                c["seqbench"]["spec"].update(vocabulary=["a"]),
                c["continuation"].update(identity=""),
            )
        ),
        "of another vocabulary",
    ),
    (in_checkpoints(lambda c: c["seqbench"].update(schema_version=99)), "of version 99"),
    (without_checkpoints, "it has no checkpoint yet, and its data or its code have changed"),
    (lambda run: (run / "config.yaml").unlink(), "config.yaml: cannot be read"),
    (in_config("threads: 1", "threads: ${oc.env:HOME}"), "but a run keeps values"),
]


@pytest.mark.parametrize(("change", "told"), OTHERS)
def test_resume_refuses_what_is_not_as_it_was(
    ended: Path,
    train: Train,
    change: Callable[[Path], None],
    told: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    change(ended)
    capfd.readouterr()
    before = (ended / "status.json").read_bytes()
    assert resumed(train, ended) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert told in line
    assert (ended / "status.json").read_bytes() == before
    assert len(list(ended.parent.glob("seed-*"))) == 1


@pytest.mark.parametrize("given", ["", "nowhere", "outputs/nothing"])
def test_resume_names_no_run(
    given: str, here: Path, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "outputs" / "nothing").mkdir(parents=True)
    assert train(f"resume={given}") == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("seqbench: resume=")

"""Numbers for a split or a file, from a run directory or a checkpoint alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seqbench import UserError, load
from seqbench.evaluate import main


def content(run: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((run / "result.json").read_text("utf-8"))
    return result


def files(run: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("run", ["names_run", "sums_run"])
def test_a_split_gives_the_result_s_numbers(
    run: str, split: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    path: Path = request.getfixturevalue(run)
    before = files(path)
    assert main([str(path), "--split", split, "--json", "--device", "cpu", "--threads", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    want = content(path)
    assert found["metrics"] == want["metrics"][split]
    assert found["slices"] == want["slices"][split]
    assert found["report"] == want["reports"][split]
    assert found["baselines"]["majority"][split] == want["baselines"]["majority"][split]
    assert found["rows"] == want["data"]["sizes"][split]
    assert files(path) == before


def test_the_table_is_for_reading(names_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(names_run)]) == 0
    out = capsys.readouterr().out
    for part in ("test: 60 sequences", "majority", "precision", "кошка", "rows true"):
        assert part in out


def test_train_is_measured_without_dropout_and_as_a_whole(names_run: Path) -> None:
    found = load(names_run).evaluate("train")
    assert found.rows == content(names_run)["data"]["sizes"]["train"]
    assert found.metrics["accuracy"] > 0.9
    assert sum(map(sum, found.report["confusion"])) == found.rows


def test_a_file_of_its_own(names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(names_run / "checkpoints" / "best.ckpt", "alone.ckpt")
    Path("новые.csv").write_text("имя,класс\nаеи,кошка\nбвг,собака\nбвв,кошка\n☃,собака\n", "utf-8")
    assert main(["alone.ckpt", "--data", "новые.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    labels = [each.label for each in load("alone.ckpt").predict(["аеи", "бвг", "бвв", "☃"])]
    right = sum(a == b for a, b in zip(labels, ["кошка", "собака", "кошка", "собака"], strict=True))
    assert found["metrics"]["accuracy"] == right / 4
    assert {path.name for path in here.iterdir()} == {"alone.ckpt", "новые.csv"}


def test_digits_of_its_own(sums_run: Path, here: Path) -> None:
    Path("digits.txt").write_text("3 1 4\n\n1 5 9 2\n")
    trained = load(sums_run)
    found = trained.evaluate(data="digits.txt")
    labels = [each.label for each in trained.predict(["3 1 4", "1 5 9 2"])]
    want = ["3", "4", "7", "1", "6", "0", "3"]
    given = [label for row in labels for label in (row or ())]
    right = sum(a == b for a, b in zip(given, want, strict=True))
    assert found.metrics["accuracy"] == right / 7
    Path("digits.txt").write_text("3 1 4\n1 x\n")
    with pytest.raises(UserError, match=r"digits.txt: line 2: 'x' should be a whole number"):
        trained.evaluate(data="digits.txt")


def test_write_keeps_it_in_the_run(names_run: Path, here: Path) -> None:
    run = here / "outputs" / "a" / "b" / "seed-0-x"
    shutil.copytree(names_run, run)
    assert main([str(run), "--split", "val", "--write"]) == 0
    kept = json.loads((run / "evaluation-val.json").read_text("utf-8"))
    assert kept["metrics"] == content(run)["metrics"]["val"]


def test_changed_data_are_not_taken_for_the_run_s(
    names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = names_run.parents[3] / "names.csv"
    before = data.read_text("utf-8")
    data.write_text(before + "\nаа,кошка", "utf-8")
    try:
        assert main([str(names_run)]) == 2
        assert "changed since it was trained" in capsys.readouterr().err
        data.unlink()
        assert main([str(names_run)]) == 2
        assert "names.csv: no such file" in capsys.readouterr().err
    finally:
        data.write_text(before, "utf-8")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--split", "tset"], "there are train, val, test"),
        (["--split", "val", "--data", "a.csv"], "one of them"),
        (["--data", "a.csv"], "a.csv: no such file"),
        (["--data", "a.csv", "--write"], "--write"),
    ],
)
def test_mistakes_get_one_line(
    names_run: Path, here: Path, capsys: pytest.CaptureFixture[str], words: list[str], part: str
) -> None:
    assert main([str(names_run), *words]) == 2
    err = capsys.readouterr().err
    assert part in err
    assert len(err.splitlines()) == 1

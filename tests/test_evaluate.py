"""Numbers for a split or a file, from a run directory or a checkpoint alone."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqbench import UserError, load, run
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
    assert found.metrics["auroc"] > 0.9
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
    kept = json.loads((run / "evaluation-best-val.json").read_text("utf-8"))
    assert kept["metrics"] == content(run)["metrics"]["val"]


def test_changed_data_are_not_taken_for_the_run_s(
    names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = names_run.parents[3] / "names.csv"
    before = data.read_text("utf-8")
    data.write_text(before + "\nаа,кошка", "utf-8")
    try:
        assert main([str(names_run)]) == 2
        assert "not the data that the run was trained on" in capsys.readouterr().err
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


def test_what_is_left_out_of_a_file_is_told(
    names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.csv").write_text("имя,класс\nаеи,кошка\n,собака\n\nбвг,\nае,кошка\n", "utf-8")
    assert main([str(names_run), "--data", "a.csv", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "2 texts; empty, dropped: 2" in err
    found = json.loads(out)
    assert found["rows"] == 2
    assert "auroc" not in found["metrics"], "of one class there is none"
    assert found["metrics"]["accuracy"] == 1


def test_bfloat16_gives_what_it_gave_in_training(here: Path) -> None:
    words = ["task=text_classification", "task.text_column=имя", "task.label_column=класс"]
    words += ["task.level=char", "model.hidden_size=16", "trainer.max_epochs=2", "threads=1"]
    words += ["trainer.precision=bf16-mixed", "trainer.accelerator=cpu", "progress=none"]
    lines = "".join(f"{'аеи'[i % 3] * (i % 7 + 1)},кошка\nбв{i},собака\n" for i in range(60))
    Path("a.csv").write_text(f"имя,класс\n{lines}", "utf-8")
    model = run([*words, "task.path=a.csv"]).model
    found = model.evaluate(data="a.csv")
    texts = [line.split(",")[0] for line in lines.splitlines()]
    told = [
        each.probabilities[label]
        for each, label in zip(model.predict(texts), ["кошка", "собака"] * 60, strict=True)
        if isinstance(each.probabilities, dict)
    ]
    nll = -sum(math.log(share) for share in told) / len(told)
    assert nll == pytest.approx(found.metrics["loss"], abs=1e-5)


def test_a_text_gives_the_numbers_of_the_split_that_it_is(letters_run: Path, here: Path) -> None:
    trained = load(letters_run, threads=1)
    text = Path(trained.config["task"]["path"]).read_text("utf-8")
    cut = len(text) - round(0.1 * len(text))
    (here / "a.txt").write_text(text[cut:], "utf-8")
    (here / "parts" / "of").mkdir(parents=True)
    middle = text.index("\n", cut) + 1
    (here / "parts" / "of" / "a.txt").write_text(text[cut:middle], "utf-8")
    (here / "parts" / "z.txt").write_text(text[middle:], "utf-8")
    wanted = trained.evaluate("test")
    for name in ("a.txt", "parts"):
        found = trained.evaluate(data=name)
        assert found.metrics == wanted.metrics
        assert (
            (found.rows, found.unit)
            == (wanted.rows, wanted.unit)
            == (len(text) - cut - 1, "tokens predicted")
        )
    assert "bits_per_character" in wanted.metrics
    (here / "other.txt").write_text("xyz" * 10, "utf-8")
    assert trained.evaluate(data="other.txt").rows == 30  # unknown, and a line's end
    assert trained.evaluate(data="other.txt").unknown == 30 / 31


def test_data_that_are_cut_into_other_tokens_are_refused(letters_run: Path) -> None:
    trained = load(letters_run, threads=1)
    spec = trained.spec
    trained.module.spec = replace(spec, vocabulary=(*spec.vocabulary[:-1], "another"))
    with pytest.raises(UserError, match="other tokens"):
        trained.evaluate("val")

"""Labels for raw sequences, from a run directory or a checkpoint alone."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench import UserError, checkpoint, load
from seqbench.predict import main


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_texts_get_labels_and_probabilities(
    names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(names_run), "АЕИ", "бвг"]) == 0
    first, second = lines(capsys.readouterr().out)
    assert (first["text"], first["label"], second["label"]) == ("АЕИ", "кошка", "собака")
    assert set(first["probabilities"]) == {"кошка", "собака"}
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert max(first["probabilities"], key=first["probabilities"].get) == first["label"]
    assert (first["tokens"], first["unknown"]) == (3, 0)
    assert list(here.iterdir()) == []


def test_a_checkpoint_alone_is_enough(
    names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(names_run / "checkpoints" / "best.ckpt", here / "мой файл.ckpt")
    assert main(["мой файл.ckpt", "бвг"]) == 0
    assert lines(capsys.readouterr().out)[0]["label"] == "собака"


def test_the_one_run_below_a_directory_is_found(
    names_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(names_run.parents[1]), "бвг"]) == 0
    assert lines(capsys.readouterr().out)[0]["label"] == "собака"


def test_of_the_runs_below_a_directory_the_finished_count(
    names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = here / "outputs" / "seed-0-abc"
    for name in ("seed-0-abc", "seed-0-abc-2", "seed-1-def"):
        shutil.copytree(names_run, base.with_name(name))
    (base.with_name("seed-1-def") / "status.json").write_text('{"status": "interrupted"}')
    assert checkpoint.find("outputs").parents[1].name == "seed-0-abc-2"
    (base.with_name("seed-1-def") / "status.json").write_text('{"status": "ok"}')
    assert main(["outputs", "бвг"]) == 2
    assert "there are 2 runs; name one" in capsys.readouterr().err
    for name in ("seed-0-abc", "seed-0-abc-2", "seed-1-def"):
        (base.with_name(name) / "status.json").write_text('{"status": "failed"}')
    assert main(["outputs", "бвг"]) == 2
    assert "none of its 3 runs is finished" in capsys.readouterr().err


def test_words_and_options_stand_in_any_order(
    names_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(names_run)
    for words in (["--top", "1", run, "бвг"], [run, "--top", "1", "бвг"], [run, "бвг", "--top=1"]):
        assert main(words) == 0
        assert len(lines(capsys.readouterr().out)[0]["probabilities"]) == 1
    assert main([run, "--top", "1", "--", "-бвг", "--top"]) == 0
    assert [each["text"] for each in lines(capsys.readouterr().out)] == ["-бвг", "--top"]


def test_an_unfinished_run_is_used_and_told(
    names_run: Path, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(names_run, here / "run")
    (here / "run" / "status.json").write_text('{"status": "interrupted"}')
    assert main(["run", "бвг"]) == 0
    assert "this run is interrupted" in caplog.text


def test_a_file_keeps_its_order_and_its_lines(
    names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["бвг", "", "а", "☃☃", "еио", "д"] * 400 + ["а" * 10_000]
    for encoding, newline in (("utf-8", "\n"), ("utf-8-sig", "\r\n")):
        file = here / "имена.txt"
        file.write_text(newline.join(names) + newline, encoding, newline="")
        assert main([str(names_run), "--input", "имена.txt", "--threads", "1"]) == 0
        out, err = capsys.readouterr()
        found = lines(out)
        assert [each["text"] for each in found] == names
        labels = [each["label"] for each in found]
        assert labels[1::6] == [None] * 400
        assert (labels[0], labels[2], labels[4], labels[5]) == (
            "собака", "кошка", "кошка", "собака"
        )  # fmt: skip
        assert labels[:6] == labels[6:12]
        assert labels[-1] == "кошка"
        assert "400 empty" in err
        assert "400 without a known token" in err


def test_a_table_for_a_terminal(names_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(names_run), "аеи", "бвг", "--format", "table"]) == 0
    assert re.search(r"кошка\s+кошка 0\.9\d+\s+собака 0\.0\d+", capsys.readouterr().out)


def test_a_text_s_prediction_does_not_depend_on_its_company(names_run: Path) -> None:
    trained = load(names_run)
    texts = ["бвгд", "а" * 500, "ем", "н"]
    together = trained.predict(texts)
    for text, want in zip(texts, together, strict=True):
        (alone,) = trained.predict([text])
        assert alone.probabilities == pytest.approx(want.probabilities, abs=1e-6)


def test_another_encoding(names_run: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.txt").write_bytes("бвг\nаеи".encode("cp1251"))
    assert main([str(names_run), "--input", "a.txt", "--encoding", "cp1251"]) == 0
    assert [each["text"] for each in lines(capsys.readouterr().out)] == ["бвг", "аеи"]
    assert main([str(names_run), "--input", "a.txt"]) == 2
    assert "a.txt: line 1 is not in the encoding utf-8" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-"], ["--input", "-"]])
def test_standard_input(
    names_run: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("бвг\nаеи\n".encode())))
    assert main([str(names_run), *words]) == 0
    assert [each["label"] for each in lines(capsys.readouterr().out)] == ["собака", "кошка"]


def test_numbers_get_a_label_a_step(sums_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sums_run), "3 1 4 1 5", "7,2"]) == 0
    first, second = lines(capsys.readouterr().out)
    assert (len(first["label"]), len(second["label"])) == (5, 2)
    assert {*first["label"]} <= set("0123456789")
    assert len(first["probabilities"]) == 5
    trained = load(sums_run)
    typed, given = trained.predict(["3 1 4 1 5", [3, 1, 4, 1, 5]])
    assert typed == given


def test_top_limits_the_classes(names_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(names_run), "бвг", "--top", "1"]) == 0
    assert list(lines(capsys.readouterr().out)[0]["probabilities"]) == ["собака"]


def test_a_reader_who_leaves_is_no_error(names_run: Path, here: Path) -> None:
    (here / "a.txt").write_text("бвг\n" * 20_000)
    command = f"{sys.executable} -m seqbench.predict {names_run} --input a.txt | head -1"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert json.loads(ended.stdout)["label"] == "собака"
    assert ended.stderr == ""
    assert ended.returncode == 141


def test_what_is_no_sequence_is_refused(names_run: Path, sums_run: Path) -> None:
    unknown: Any = None
    with pytest.raises(UserError, match="sequence 2: None is no text"):
        load(names_run).predict(["бвг", unknown])
    with pytest.raises(UserError, match="sequence 1: None is no sequence of numbers"):
        load(sums_run).predict([unknown])
    numbers: Any = np.array([3, 1])
    empty, array, listed = load(sums_run).predict([[], numbers, [3, 1]])
    assert empty.label is None
    assert array == listed

"""Taggers from the command line: files as users have them, trained, measured and used."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqbench import UserError, evaluate, load, predict

Train = Callable[..., int]
Result = Callable[[Path], dict[str, Any]]

SMALL = [
    "task=tagging",
    "task.batch_size=4",
    "model=gru",
    "model.hidden_size=8",
    "model.embedding.size=8",
    "trainer.max_epochs=3",
    "trainer.accelerator=cpu",
    "progress=none",
    "threads=1",
]

IOB1 = """\
-DOCSTART- -X- -X- O

Ada NNP I-NP I-PER
Byron NNP I-NP I-PER
left VBD I-VP O
Turin NNP I-NP I-LOC
. . O O

Ida NNP I-NP I-PER
Bruno NNP B-NP B-PER
wrote VBD I-VP O

-DOCSTART- -X- -X- O

Turin NNP I-NP I-LOC
slept VBD I-VP O
""".replace("\n", "\r\n")

CONLLU = """\
# sent_id = {0}
# text = They don't sleep {0}
1\tThey\tthey\tPRON\tPRP\t_\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\tsleep\tsleep\tVERB\tVB\t_\t0\troot\t_\t_
4.1\tsleep\tsleep\tVERB\tVB\t_\t_\t_\t_\t_
5\t{0}\t{0}\tNUM\tCD\t_\t4\tobj\t_\t_

"""


def write(files: dict[str, str]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8", newline="")


def texts(folder: Path) -> dict[str, str]:
    """TensorBoard's texts below a folder, by tag."""
    (events,) = {path.parent for path in folder.rglob("events.*")}
    board = EventAccumulator(str(events))
    board.Reload()
    return {
        tag.removesuffix("/text_summary"): board.Tensors(tag)[0].tensor_proto.string_val[0].decode()
        for tag in board.Tags()["tensors"]
        if tag.endswith("/text_summary")
    }


def test_a_folder_in_the_form_of_conll_2003(
    train: Train, here: Path, result: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    write({f"ner/eng.{name}": IOB1 for name in ("train", "testa", "testb")})
    assert train(*SMALL, "task.path=ner", "optimizer.lr=0.05", "trainer.max_epochs=40") == 0
    out = capsys.readouterr().out
    assert "by_word" in out
    found = result(here)
    assert found["data"]["sizes"] == {"train": 3, "val": 3, "test": 3}
    assert found["data"]["overlaps"]["train/test"] == 3
    assert found["metrics"]["test"]["span_f1"] == 1
    # by word Bruno is B-PER, which after Ida begins a span as it should; Ada Byron is one as well
    assert found["baselines"]["by_word"]["test"]["span_f1"] == 1
    assert found["reports"]["test"]["spans"]["PER"]["support"] == 3
    rows = [line.split() for line in out.splitlines()]
    assert ["PER", "1.0000", "1.0000", "1.0000", "3"] in rows
    assert ["LOC", "1.0000", "1.0000", "1.0000", "2"] in rows
    assert "confusion" not in out
    (run,) = (path.parent for path in here.rglob("result.json"))
    (given,) = load(run).predict(["Ada Byron left Turin ."])
    assert given.label == ["I-PER", "I-PER", "O", "I-LOC", "O"]
    tags = {f"{what}/{split}" for what in ("examples", "tables/spans") for split in ("val", "test")}
    assert {*texts(here)} == {"z_config", *tags}
    assert texts(here)["tables/spans/test"].splitlines() == [
        "| type of span | precision | recall | f1 | support |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| LOC | 1.0000 | 1.0000 | 1.0000 | 2 |",
        "| PER | 1.0000 | 1.0000 | 1.0000 | 3 |",
    ]


@pytest.fixture(scope="module")
def pos_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger of parts of speech, from Universal Dependencies with the splits drawn."""
    from seqbench import run

    place = tmp_path_factory.mktemp("pos")
    file = place / "en_x-ud-train.conllu"
    file.write_text("".join(CONLLU.format(number) for number in range(20)), "utf-8")
    settings = [f"task.path={file}", "task.word_column=1", "task.tag_column=3"]
    paths = [f"paths.output_dir={place / 'outputs'}", "logger=none"]
    return run([*SMALL, *settings, *paths, "optimizer.lr=0.05"]).path


def test_universal_dependencies(pos_run: Path, here: Path) -> None:
    found = json.loads((pos_run / "result.json").read_text("utf-8"))
    assert found["data"]["sizes"] == {"train": 16, "val": 2, "test": 2}
    assert found["data"]["words"] == {"train": 80, "val": 10, "test": 10}
    assert found["data"]["unknown_rate"]["test"] == pytest.approx(1 / 5)
    # the numbers of val and test are unknown, and known as such since training hid some of its own
    assert found["metrics"]["test"]["accuracy"] == 1
    assert found["baselines"]["by_word"]["test"]["accuracy"] == pytest.approx(4 / 5)
    assert "span_f1" not in found["metrics"]["test"]


def test_as_many_labels_as_words(
    pos_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["They do n't sleep 7000", "the old man's  boats", "x"]
    assert predict.main([str(pos_run), *texts]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(each["label"]) for each in found] == [5, 4, 1]
    assert [len(each["probabilities"]) for each in found] == [5, 4, 1]
    assert found[0]["label"] == ["PRON", "AUX", "PART", "VERB", "NUM"]
    assert [each["unknown"] for each in found] == [1, 4, 1]


def test_a_file_is_measured_by_the_run_s_settings(
    pos_run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write({"more.conllu": CONLLU.format(5) + CONLLU.format(7).replace("\tVERB\t", "\tNUM\t")})
    assert evaluate.main([str(pos_run), "--data", "more.conllu"]) == 0
    out = capsys.readouterr().out
    assert "more.conllu: 2 sentences, " in out
    assert load(pos_run).evaluate(data="more.conllu").metrics["accuracy"] == pytest.approx(9 / 10)
    write({"more.conllu": CONLLU.format(5).replace("PART", "WART")})
    with pytest.raises(UserError, match=r"more.conllu: line 6: the tag 'WART' is not among those"):
        load(pos_run).evaluate(data="more.conllu")


def test_words_with_spaces_and_a_tag_that_train_lacks(
    train: Train, here: Path, result: Result
) -> None:
    there = "New York\tB-LOC\nCity\tE-LOC\nis\tO\n\nOslo\tS-LOC\ntoo\tO\n\n"
    write({"x/train.tsv": there, "x/dev.tsv": there, "x/test.tsv": there + "Ada\tS-PER\n"})
    assert train(*SMALL, "task.path=x", "optimizer.lr=0.05", "trainer.max_epochs=40") == 0
    found = result(here)
    assert found["data"]["unseen_tags"] == {"val": {}, "test": {"S-PER": 1}}
    assert found["metrics"]["val"]["span_f1"] == 1
    assert found["metrics"]["test"]["accuracy"] <= 5 / 6
    assert found["reports"]["test"]["spans"]["PER"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 1,
    }
    assert "tags that train lacks" in next(here.rglob("train.log")).read_text("utf-8")


def test_both_directions_together_solve_the_grammar(
    train: Train, here: Path, result: Result
) -> None:
    words = ["task=tagging", "task.train_size=1000", "task.val_size=50", "task.test_size=300"]
    words += ["task.batch_size=16", "optimizer.lr=0.01", "trainer.max_epochs=6", "threads=1"]
    assert train(*words, "logger=none", "progress=none", "trainer.accelerator=cpu") == 0
    found = result(here)
    assert found["metrics"]["test"]["span_f1"] > 0.9
    assert found["baselines"]["by_word"]["test"]["span_f1"] < 0.4

"""What a baseline refuses, in one line, before it has written anything, and who refuses its run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]

LINES = [
    (["model=lstm"], ["model=lstm", "no network", "task=NAME"]),
    (["+model.cell.x=1"], ["+model.cell.x=1", "no network"]),
    (["model/head=mean"], ["no network"]),
    (["optimizer.lr=1"], ["optimizer.lr=1", "no network"]),
    (["trainer=cpu"], ["trainer=cpu", "no network"]),
    (["~callbacks.samples"], ["no network"]),
    (["budget.parameters=100"], ["no network"]),
    (["seed=1"], ["seed=1", "the same with any seed"]),
    (["seed=0,1"], ["the same with any seed"]),
    (["resume=outputs"], ["resume=outputs", "its line is given again"]),
    (["-m", "task=pets"], ["unknown option -m"]),
    (["hydra/launcher=processes"], ["no sweep"]),
    (["+sweep=cells"], ["no sweep"]),
    (["task=pets,names"], ["task"]),
    (["task=imbd"], ["no task 'imbd'", "'imdb'"]),
    (["taks=imdb"], ["unknown taks", "'task'"]),
    (["task=names", "task.pth=x"], ["unknown task.pth", "'task.path'"]),
    (["task=names", "task.path=nowhere.txt"], ["nowhere.txt"]),
    (["task=names", "threads=0"], ["threads", "greater than 0"]),
    (["task=names", "+baseline.order=3"], ["unknown baseline"]),
    (["task=reverse", "task.train_size=50"], ["no baseline turns one sequence into another"]),
    (["--config-dir", "nowhere", "task=names"], ["nowhere to search"]),
]


@pytest.mark.parametrize(("words", "parts"), LINES)
def test_words_that_make_no_baseline(refused: Refused, words: list[str], parts: list[str]) -> None:
    refused("baseline", *words, parts=parts)


def test_scikit_learn_is_asked_for(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.baseline.find_spec", lambda name: None)
    refused("baseline", "task=names", parts=["scikit-learn", "pip install 'seqbench[baseline]'"])


def test_texts_of_one_class_teach_nothing(refused: Refused, here: Path) -> None:
    (here / "x.csv").write_text("x,y\n" + "".join(f"a{i},b\n" for i in range(20)))
    words = ["task=text_classification", "task.text_column=x", "task.label_column=y"]
    refused("baseline", *words, "task.path=x.csv", parts=["class"])


def test_its_run_is_none_of_a_network(
    refused: Refused, accepted: Callable[..., tuple[str, str]], here: Path
) -> None:
    words = ["task=names", "threads=1", "test=false", "progress=none"]
    accepted("baseline", *words)
    (run,) = here.glob("outputs/names/ngram_lm/seed-0-*")
    for verb in ("evaluate", "predict", "generate", "export", "inspect"):
        for place in (run, here / "outputs"):
            refused(verb, str(place), parts=["a baseline's run", "seqbench.train"])
    refused("train", f"resume={run}", parts=["a baseline's run"])
    (run / "result.json").unlink()  # it is one, too, where it was ended
    refused("evaluate", str(run), parts=["a baseline's run"])


def test_a_folder_of_both_has_one_network(
    accepted: Callable[..., tuple[str, str]], here: Path, sums_run: Path
) -> None:
    accepted("baseline", "task=names", "threads=1", "test=false", "progress=none")
    shutil.copytree(sums_run, here / "outputs" / "sums" / sums_run.name)
    out, _ = accepted("evaluate", "outputs", "--threads", "1", "--split", "val")
    assert "val: " in out


def test_help_shows_lines_to_copy(call: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = call("baseline", "--help")
    assert status == 0
    assert "python -m seqbench.baseline task=imdb" in out

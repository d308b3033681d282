"""Labels, words and texts of somebody else's: they are shown, and steer nothing."""

import csv
import html
import importlib
import io
import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import markdown
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqbench.terminal import say, visible

Accepted = Callable[..., tuple[str, str]]

LABELS = [
    "<script>alert(1)</script> %s %n {0.__class__} $(touch x) `touch x` | a",
    "\x1b]0;title\x07\x1b[2J\x9b31m[red]b[/red] :smile: ![i](http://a.b/c) $\\frac$",
]
SAFE = [
    LABELS[0],
    "\\u001b]0;title\\u0007\\u001b[2J\\u009b31m[red]b[/red] :smile: ![i](http://a.b/c) $\\frac$",
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def steering(text: str) -> list[str]:
    """What of a text a terminal may obey, line ends aside."""
    return [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]


def plain(said: str) -> str:
    """Less the colours and weights that tables have of their own."""
    return re.sub(r"\x1b\[[\d;]*m", "", said)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``outputs`` of a classifier of hostile texts, with hostile labels."""
    home = tmp_path_factory.mktemp("hostile_texts")
    with (home / "[bold]a.csv").open("w", newline="", encoding="utf-8") as file:
        rows = ((f"{i}\x1b[2J\n$(touch x)%s", LABELS[i % 2]) for i in range(40))
        csv.writer(file).writerows([("x", "y"), *rows])
    words = [
        "task=text_classification",
        f"task.path={home / '[bold]a.csv'}",
        "task.text_column=x",
        "task.label_column=y",
        "task.level=char",
        "+callbacks.decoded._target_=seqbench.callbacks.decoded.Decoded",
        "model=gru",
        "model.hidden_size=4",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
        "progress=lines",
        "threads=1",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("SEQBENCH_CACHE_DIR", str(home / "cache"))
        out, err = Terminal(), Terminal()
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        assert importlib.import_module("seqbench.train").main(words) == 0, err.getvalue()
        (home / "said").write_text(out.getvalue() + err.getvalue(), "utf-8")
    return home


@pytest.fixture
def run(home: Path) -> Path:
    return next((home / "outputs").rglob("status.json")).parent


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, here: Path) -> Callable[..., str]:
    """``shown(verb, *words)``: what it prints to a terminal."""

    def call(verb: str, *words: str) -> str:
        out = Terminal()
        monkeypatch.setenv("COLUMNS", "400")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            assert importlib.import_module(f"seqbench.{verb}").main([*words]) == 0
        return plain(out.getvalue())

    return call


def test_what_training_says(home: Path) -> None:
    said = plain((home / "said").read_text("utf-8"))
    assert not steering(said)
    assert "smile" in said
    assert "[red]" in said
    assert "\\u001b[2j\\u000a$(touch x)%s -> " in said, "a line of a row that is decoded"
    assert not list(home.rglob("x"))


def test_tensorboard_shows_it_as_text(run: Path) -> None:
    board = EventAccumulator(str(run), size_guidance={"tensors": 0}).Reload()
    texts = [tag for tag in board.Tags()["tensors"] if tag.endswith("/text_summary")]
    tags = [tag for tag in texts if "config" not in tag]
    assert len(tags) == 5
    for tag in tags:
        for event in board.Tensors(tag):
            for text in event.tensor_proto.string_val:
                # TensorBoard's own reading, less what it takes away of HTML after it.
                page = markdown.markdown(text.decode(), extensions=["tables", "fenced_code"])
                assert not re.search(r"<(script|img|a|b|em)\b", page)
                shown = html.unescape(re.sub("<[^>]*>", "", page))
                assert "$(touch x)" in shown
                assert not steering(shown)
                if "decoded" not in tag:
                    assert SAFE[0] in shown
                    assert SAFE[1] in shown
                    cells = 3 if "confusion" in tag else 6
                    assert page.count("<th") - 1 == cells, "no label ends a cell"


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_predictions_on_a_terminal(shown: Callable[..., str], run: Path, form: str) -> None:
    said = shown("predict", str(run), "1\x1b[2J\x9b1m %s", "2[red]", "--format", form)
    assert not steering(said)
    assert SAFE[0] in said
    if form == "jsonl":
        first = json.loads(said.splitlines()[0])
        assert {*first["probabilities"]} == {*LABELS}
        assert first["text"] == "1\x1b[2J\x9b1m %s"
    else:
        assert SAFE[1] in said
        assert "1\\u001b[2J\\u009b1m %s" in said
        assert "2[red]" in said


def test_predictions_in_a_pipe_are_as_they_are(accepted: Accepted, run: Path, here: Path) -> None:
    out, _ = accepted("predict", str(run), "1\x9b\u202e\u2028", "--top", "2")
    assert "\x9b\u202e\u2028" in out
    assert {*json.loads(out)["probabilities"]} == {*LABELS}


def test_an_evaluation_on_a_terminal(shown: Callable[..., str], run: Path, home: Path) -> None:
    said = shown("evaluate", str(run), "--data", str(home / "[bold]a.csv"))
    assert not steering(said)
    assert "[bold]a.csv: 40" in said
    assert SAFE[1] in said
    assert not steering(shown("evaluate", str(run), "--json"))


def test_texts_on_a_terminal(
    shown: Callable[..., str], accepted: Accepted, letters_run: Path, here: Path
) -> None:
    content = torch.load(letters_run / "checkpoints" / "best.ckpt", weights_only=True)
    vocabulary = content["seqbench"]["spec"]["vocabulary"]
    content["seqbench"]["spec"]["vocabulary"] = tuple(
        {"а": "\x1b", "б": "\x9b", "в": "\u202e"}.get(c, c) for c in vocabulary
    )
    torch.save(content, here / "a.ckpt")
    words = "a.ckpt", "--prompt", "\x1b", "--length", "60", "--num-samples", "2"
    for options in ([], ["--json"]):
        piped, _ = accepted("generate", *words, *options)
        assert "\u202e" in piped
        said = shown("generate", *words, *options)
        assert not steering(said)
        if not options:
            assert said == visible(piped, "\n"), "letter by letter as in one piece"


def test_a_picture_holds_names_as_text(accepted: Accepted, run: Path, here: Path) -> None:
    name = "<script>alert(1)</script>$\\frac$\x1b"
    layer = {"norms": {name: [1.0, 0.5], "h": [1.0, 0.5]}, "step_radius": 1.0, "weight_radii": {}}
    measured = {"epoch": 0, "step": 0, "loss": 1.0, "layers": [layer]}
    content = {"split": "val", "rows": 1, "length": 2, "measurements": [measured]}
    (here / "run").mkdir()
    (here / "run" / "gradients.json").write_text(json.dumps(content))
    shutil.copy(run / "result.json", here / "run")
    out, _ = accepted("inspect", "run", "--output", "a.svg")
    assert not steering(out)
    tree = ET.parse(here / "a.svg")
    assert not [node for node in tree.iter() if node.tag.endswith("script")]
    assert "alert(1)" in " ".join("".join(node.itertext()) for node in tree.iter())


def test_visible() -> None:
    for text in ("naïve", "می\u200cخواهم", "क्\u200dष", "a\u00a0b\u3000c", "👩\u200d👩", "ёж\u0301"):
        assert visible(text) == text
    assert visible("a\tb\r\n\x00\x7f\x85\u2067\ud800") == (
        "a\\u0009b\\u000d\\u000a\\u0000\\u007f\\u0085\\u2067\\ud800"
    )
    assert visible("a\tb\n\x1b", "\n\t") == "a\tb\n\\u001b"


def test_say(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b\n")
    assert capsys.readouterr().out == "a\x1b\n\n"
    terminal = Terminal()
    say("a\x1b\n", end="", file=terminal)
    assert terminal.getvalue() == "a\\u001b\n"

"""TensorBoard's pages over a small sweep, as its server gives them and as a browser shows them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests import browser
from tests.board import Board

import seqbench
from seqbench.figures import CARD

WORDS = [
    "task=pets",
    "model.hidden_size=6",
    "model.bidirectional=false",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "progress=none",
    "threads=1",
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``outputs`` of two cells."""
    place = tmp_path_factory.mktemp("sweep")
    trained(place / "outputs", seed=0)
    return place / "outputs"


def trained(outputs: Path, seed: int) -> None:
    paths = [f"paths.output_dir={outputs}", f"paths.cache_dir={outputs.parent / 'cache'}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEQBENCH_DATA_DIR", raising=False)
        for model in ("rnn", "gru"):
            seqbench.run([*WORDS, f"model={model}", f"seed={seed}", *paths])


def results(outputs: Path) -> dict[str, dict[str, Any]]:
    """What the runs came to, by the names that TensorBoard has for them."""
    return {
        str(path.parent.relative_to(outputs)): json.loads(path.read_text("utf-8"))
        for path in outputs.rglob("result.json")
    }


def test_the_server_gives_what_the_runs_came_to(outputs: Path) -> None:
    runs = results(outputs)
    board = Board(outputs, runs=len(runs))
    assert sorted(board("/data/runs")) == sorted(runs)
    entries = board.entries()
    assert entries.keys() == runs.keys()
    for name, result in runs.items():
        assert entries[name]["cell"] == result["model"] == name.split("/")[1]
        assert entries[name]["seed"] == str(result["seed"])
        for split in ("val", "test"):
            for metric, value in result["metrics"][split].items():
                assert entries[name][f"{split} {metric}"] == pytest.approx(value, rel=1e-6)
            own = entries[name][f"{split} metric (of the task)"]
            assert own == pytest.approx(result["metrics"][split]["accuracy"], rel=1e-6)
        asked = f"run={name}&tag=curves%2Faccuracy_val"
        points = board(f"/data/plugin/scalars/scalars?{asked}")
        assert len(points) == 3
        asked = f"run={name}&tag=examples%2Fval%2Ftext_summary"
        (page,) = board(f"/data/plugin/text/text?{asked}")
        rows = re.findall("<tr>\n<td>(yes|<strong>no</strong>)", page["text"])
        assert len(rows) == 15
        assert len({*rows}) == 2
        for tag in ("val%2Fconfusion", "test%2Faccuracy_by_length"):
            (picture,) = board(f"/data/plugin/images/images?run={name}&tag={tag}&sample=0")
            png = board.client.get(f"/data/plugin/images/individualImage?{picture['query']}").data
            assert png[1:4] == b"PNG"
            assert int.from_bytes(png[16:20]) == CARD
    groups = sorted({tag.split("/")[0] for tag in board("/data/plugin/scalars/tags")[name]})
    assert groups[0] == "curves", "what is looked at first"
    assert groups[-1] == "z_final", "single points come last"


@pytest.mark.long
@pytest.mark.skipif(not browser.CHROMIUM, reason="there is no chromium here")
def test_a_browser_shows_it(outputs: Path, tmp_path: Path) -> None:
    trained(outputs, seed=1)
    runs = results(outputs)
    assert len(runs) == 4
    with browser.tensorboard(outputs, runs=4) as address, browser.page(tmp_path / "p") as page:
        for name in ("timeseries", "scalars"):
            page.open(f"{address}/#{name}")
            text = page.text_with(*runs, "accuracy_train", "accuracy_val", "loss_val", "norm")
            places = [text.index(part) for part in ("accuracy_val", "loss_val", "norm", "z_final")]
            assert places == sorted(places)

        page.open(f"{address}/#hparams")
        finals = [result["metrics"] for result in runs.values()]
        shown = [f"{metrics[s]['accuracy']:#.5g}" for metrics in finals for s in ("val", "test")]
        page.text_with("cell", "seed", "val metric", "test metric", "rnn", "gru", *shown)

        page.open(f"{address}/#text")
        text = page.text_with(*runs, "examples/val", "predicted", "right", "z_config")
        assert text.index("examples/test") < text.index("tables") < text.index("z_config")

        page.open(f"{address}/#images")
        page.text_with(*runs, "test/confusion", "test/accuracy_by_length", "val/confusion")
        widths = page.pictures(least=4)
        # As wide as they are shown: neither stretched nor squeezed.
        assert all(own == seen == CARD for own, seen in widths), widths

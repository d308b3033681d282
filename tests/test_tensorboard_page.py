"""TensorBoard's pages over a small sweep, as its server gives them and as a browser shows them."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.board import Board
from tests.browser import CHROMIUM, Browser

import seqbench
from seqbench.figures import CARD

WAIT = 60.0
"""Seconds that anything may take."""

TEXT = """
(() => {
  const found = [];
  const walk = (node) => {
    if (node.nodeType === 3 && node.textContent.trim()) found.push(node.textContent.trim());
    if (/^(STYLE|SCRIPT|NOSCRIPT)$/.test(node.tagName)) return;
    if (node.shadowRoot) walk(node.shadowRoot);
    node.childNodes.forEach(walk);
  };
  if (document.body) walk(document.body);
  return found.join("\\n");
})()
"""
"""All text of a page, that of its components' shadows, too."""

IMAGES = """
(() => {
  const found = [];
  const walk = (node) => {
    if (node.tagName === "IMG" && node.complete && node.naturalWidth)
      found.push([node.naturalWidth, node.clientWidth]);
    if (node.shadowRoot) walk(node.shadowRoot);
    node.childNodes.forEach(walk);
  };
  if (document.body) walk(document.body);
  return found;
})()
"""
"""The widths of a page's pictures: their own, and as they are shown."""

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


@contextmanager
def tensorboard(folder: Path, runs: int) -> Iterator[str]:
    """The address of a TensorBoard that has read so many runs below a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [f"--logdir={folder}", f"--port={port}", "--host=127.0.0.1", "--load_fast=false"]
    address = f"http://127.0.0.1:{port}"
    silent: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([sys.executable, "-m", "tensorboard.main", *words], **silent)
    try:
        end = time.monotonic() + WAIT
        while True:
            if len(_runs(address)) >= runs:
                break
            assert time.monotonic() < end, "TensorBoard has not started"
            time.sleep(0.2)
        yield address
    finally:
        server.kill()
        server.wait()


def _runs(address: str) -> list[str]:
    try:
        with urlopen(f"{address}/data/runs", timeout=5) as answer:
            found: list[str] = json.load(answer)
            return found
    except (URLError, ConnectionError, TimeoutError):
        return []


@pytest.mark.long
@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here")
def test_a_browser_shows_it(outputs: Path, tmp_path: Path) -> None:
    trained(outputs, seed=1)
    runs = results(outputs)
    assert len(runs) == 4
    with tensorboard(outputs, runs=4) as address:
        page = Browser(tmp_path / "profile", seconds=WAIT)
        try:
            pages_show(page, address, runs)
        finally:
            page.close()


def pages_show(page: Browser, address: str, runs: dict[str, dict[str, Any]]) -> None:
    def text_with(*parts: str) -> str:
        text: str = page.until(TEXT, lambda text: all(part in (text or "") for part in parts))
        return text

    def show(fragment: str) -> None:
        page.open("about:blank")  # another fragment alone loads nothing
        page.open(f"{address}/{fragment}")

    page.screen(1600)
    for name in ("timeseries", "scalars"):
        show(f"#{name}")
        text = text_with(*runs, "accuracy_train", "accuracy_val", "loss_val", "norm")
        places = [text.index(part) for part in ("accuracy_val", "loss_val", "norm", "z_final")]
        assert places == sorted(places)

    show("#hparams")
    finals = [result["metrics"] for result in runs.values()]
    shown = [f"{metrics[s]['accuracy']:#.5g}" for metrics in finals for s in ("val", "test")]
    text_with("cell", "seed", "val metric", "test metric", "rnn", "gru", *shown)

    show("#text")
    text = text_with(*runs, "examples/val", "predicted", "right", "z_config")
    assert text.index("examples/test") < text.index("tables") < text.index("z_config")

    show("#images")
    text_with(*runs, "test/confusion", "test/accuracy_by_length", "val/confusion")
    widths = page.until(IMAGES, lambda found: len(found or ()) >= 4)
    # As wide as they are shown: neither stretched nor squeezed.
    assert all(own == seen == CARD for own, seen in widths), widths

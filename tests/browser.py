"""A headless Chromium, steered through a pipe, and a TensorBoard that it looks at."""

import base64
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
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
  walk(document.body);
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
  walk(document.body);
  return found;
})()
"""
"""The widths of a page's pictures: their own, and as they are shown."""


@contextmanager
def started(*command: str, pass_fds: tuple[int, ...] = ()) -> Iterator[None]:
    """A program in a process group of its own, which ends with the block whatever it is at."""
    silent: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, pass_fds=pass_fds, **silent)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(WAIT)


@contextmanager
def tensorboard(folder: Path, runs: int) -> Iterator[str]:
    """The address of a TensorBoard that has read so many runs below a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [f"--logdir={folder}", f"--port={port}", "--host=127.0.0.1", "--load_fast=false"]
    address = f"http://127.0.0.1:{port}"
    with started(sys.executable, "-m", "tensorboard.main", *words):
        end = time.monotonic() + WAIT
        while True:
            if len(_runs(address)) >= runs:
                break
            assert time.monotonic() < end, "TensorBoard has not started"
            time.sleep(0.2)
        yield address


def _runs(address: str) -> list[str]:
    try:
        with urlopen(f"{address}/data/runs", timeout=5) as answer:
            found: list[str] = json.load(answer)
            return found
    except (URLError, ConnectionError, TimeoutError):
        return []


class Page:
    """One page of a browser, by the DevTools protocol."""

    def __init__(self, orders: int, answers: int) -> None:
        self.orders, self.answers = orders, answers
        self.count, self.rest, self.session = 0, b"", ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]

    def call(self, method: str, **settings: Any) -> dict[str, Any]:
        self.count += 1
        order: dict[str, Any] = {"id": self.count, "method": method, "params": settings}
        if self.session:
            order["sessionId"] = self.session
        os.write(self.orders, json.dumps(order).encode() + b"\0")
        end = time.monotonic() + WAIT
        while True:
            while b"\0" in self.rest:
                text, _, self.rest = self.rest.partition(b"\0")
                answer = json.loads(text)
                if answer.get("id") == self.count:
                    assert "error" not in answer, answer
                    found: dict[str, Any] = answer["result"]
                    return found
            assert time.monotonic() < end, f"no answer to {method}"
            if select.select([self.answers], [], [], 1)[0]:
                read = os.read(self.answers, 1 << 20)
                assert read, "the browser has ended"
                self.rest += read

    def open(self, address: str) -> None:
        self.call("Page.navigate", url="about:blank")  # another fragment alone loads nothing
        self.call("Page.navigate", url=address)

    def value(self, script: str) -> Any:
        """What a script comes to."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return found["result"].get("value")

    def text_with(self, *parts: str) -> str:
        """The page's text, once all of these stand in it."""
        end = time.monotonic() + WAIT
        while True:
            text: str = self.value(TEXT) or ""
            missing = [part for part in parts if part not in text]
            if not missing:
                return text
            assert time.monotonic() < end, f"{missing} in: {text}"
            time.sleep(0.2)

    def pictures(self, least: int) -> list[tuple[int, int]]:
        """The widths of its pictures, their own and as they are shown, once there are so many."""
        end = time.monotonic() + WAIT
        while True:
            found: list[tuple[int, int]] = self.value(IMAGES) or []
            if len(found) >= least:
                return found
            assert time.monotonic() < end, found
            time.sleep(0.2)

    def save(self, path: Path) -> None:
        """What can be seen, as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def page(profile: Path, size: tuple[int, int] = (1600, 1100)) -> Iterator[Page]:
    """A page of a headless browser; ``profile`` is an empty folder for it."""
    theirs, orders = os.pipe()
    answers, back = os.pipe()
    # Chromium reads orders at 3 and answers at 4.
    shell = f'exec 3<&{theirs} 4>&{back}; exec "$@"'
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
        f"--window-size={size[0]},{size[1]}",
        "--remote-debugging-pipe",
    ]
    try:
        with started(
            "bash", "-c", shell, "bash", CHROMIUM, *options, "about:blank", pass_fds=(theirs, back)
        ):
            os.close(theirs)
            os.close(back)
            yield Page(orders, answers)
    finally:
        os.close(orders)
        os.close(answers)

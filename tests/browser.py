"""A Chromium without a window, spoken to through a pipe (its DevTools protocol)."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)

TROUBLE = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")

# It reads what it is told on 3, and answers on 4.
START = """
import os, sys
for target, own in enumerate(map(os.dup, map(int, sys.argv[1:3])), start=3):
    os.dup2(own, target)
    os.set_inheritable(target, True)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One tab. seconds: that an answer may take, else TimeoutError."""

    def __init__(self, home: Path, seconds: float = 20) -> None:
        assert CHROMIUM
        self.seconds = seconds
        hears, self.tells = os.pipe()
        self.listens, says = os.pipe()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        flags += ["--no-first-run", "--disable-background-networking", f"--user-data-dir={home}"]
        words = [CHROMIUM, *flags, "--remote-debugging-pipe", "about:blank"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(hears), str(says), *words],
            pass_fds=(hears, says),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(hears)
        os.close(says)
        self.asked, self.session, self.heard = 0, "", b""
        self.events: list[dict[str, Any]] = []
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.tells)
        os.close(self.listens)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.asked += 1
        message: dict[str, Any] = {"id": self.asked, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.tells, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + self.seconds
        while (answer := self._next(until)).get("id") != self.asked:
            self.events.append(answer)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, address: str) -> None:
        """Until it is loaded; what was told of pages before is forgotten."""
        self.events = []
        self.call("Page.navigate", url=address)
        until = time.monotonic() + self.seconds
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next(until))

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, script: str, there: Callable[[Any], bool]) -> Any:
        """The value of an expression once it is as it should be."""
        until = time.monotonic() + self.seconds
        while not there(value := self.run(script)):
            assert time.monotonic() < until, value
            time.sleep(0.2)
        return value

    def press(self, key: str, code: int, text: str) -> None:
        what = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **what)
        self.call("Input.dispatchKeyEvent", type="keyUp", **what)

    def screen(self, width: int, dark: bool = False) -> None:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    @property
    def trouble(self) -> list[dict[str, Any]]:
        """What the console was told since the page was opened."""
        return [event for event in self.events if event.get("method") in TROUBLE]

    def _attach(self) -> None:
        tabs = self.call("Target.getTargets")["targetInfos"]
        tab = next(one["targetId"] for one in tabs if one["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self.heard:
            if not select.select([self.listens], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError(f"{CHROMIUM} says nothing")
            more = os.read(self.listens, 1 << 16)
            assert more, f"{CHROMIUM} has ended"
            self.heard += more
        message, _, self.heard = self.heard.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

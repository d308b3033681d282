"""Data from the hub: a small server on this machine plays it. Each run is a fresh process,
because the libraries read the hub's address when they are imported."""

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

NAME = "someone/tiny"


def table(rows: int) -> bytes:
    lines = [f"text number {i},{('neg', 'pos')[i % 2]}" for i in range(rows)]
    return "\n".join(["text,label", *lines, ""]).encode()


class HubServer(ThreadingHTTPServer):
    """Serves one data set of csv files at one revision, as the hub's interface does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"README.md": b"# tiny\n", "train.csv": table(40), "test.csv": table(10)}
        self.revision = "a" * 40
        self.requests: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def entry(self, path: str) -> dict[str, object]:
        content = self.files[path]
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": path, "size": len(content), "oid": oid}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, *arguments: object) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        hub, path = self.server, urlsplit(self.path).path
        hub.requests.append(path)
        if path.startswith(f"/api/datasets/{NAME}/tree/"):
            under = path.count("/") > 6
            entries = [] if under else [hub.entry(file) for file in hub.files]
            self.reply(200, json.dumps(entries).encode(), Content_Type="application/json")
        elif path.startswith(f"/api/datasets/{NAME}"):
            siblings = [{"rfilename": file} for file in hub.files]
            about = {"id": NAME, "sha": hub.revision, "siblings": siblings, "tags": []}
            self.reply(200, json.dumps(about).encode(), Content_Type="application/json")
        elif path.startswith(f"/datasets/{NAME}/resolve/"):
            file = path.split("/", 6)[-1]
            if file in hub.files:
                etag = f'"{hashlib.sha1(hub.files[file]).hexdigest()}"'
                self.reply(200, hub.files[file], ETag=etag, X_Repo_Commit=hub.revision)
            else:
                code = "EntryNotFound"
                self.reply(404, X_Error_Code=code, X_Repo_Commit=hub.revision)
        elif path.startswith("/api/datasets/"):
            self.reply(401, X_Error_Code="RepoNotFound")
        else:
            self.reply(404)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        self.server.requests.append(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = json.loads(body) if body.startswith("{") else parse_qs(body)
        entries = [self.server.entry(p) for p in asked["paths"] if p in self.server.files]
        self.reply(200, json.dumps(entries).encode(), Content_Type="application/json")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    server = HubServer()
    yield server
    server.close()


PROGRAM = """
import sys, time
from seqbench.datamodules.text_classification import TextClassification
from seqbench.errors import UserError
data = TextClassification(cache_dir=sys.argv[1], hub=sys.argv[2], min_count=int(sys.argv[3]))
start = time.monotonic()
try:
    data.prepare_data()
    data.setup()
except UserError as error:
    print("UserError", time.monotonic() - start, error)
else:
    print(data.fingerprint, data.facts["sizes"], "datasets" in sys.modules)
"""


IMAGES = """
import sys
from seqbench.datamodules.mnist import MNIST
for attempt in range(2):
    data = MNIST(cache_dir=sys.argv[1], hub=sys.argv[2])
    data.setup()
    test = data.splits["test"]
    print(data.fingerprint, data.facts["sizes"], test.values.sum(), test.targets.tolist())
"""


def run(
    tmp_path: Path, port: int, name: str = NAME, min_count: int = 1, program: str = PROGRAM
) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    }
    arguments = [sys.executable, "-c", program, str(tmp_path / "cache"), name, str(min_count)]
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


SIZES = "{'train': 36, 'val': 4, 'test': 10}"


def test_loaded_and_found_again_without_the_hub(tmp_path: Path, hub: HubServer) -> None:
    port = hub.server_port
    first = run(tmp_path, port)
    assert f"{SIZES} True" in first
    assert any(path.endswith("train.csv") for path in hub.requests)

    hub.requests.clear()
    fingerprint = first.split()[0]
    assert run(tmp_path, port) == f"{fingerprint} {SIZES} False\n"
    assert not any(path.endswith(".csv") for path in hub.requests)

    hub.close()
    assert run(tmp_path, port) == f"{fingerprint} {SIZES} False\n"
    assert run(tmp_path, port, min_count=2) == f"{fingerprint} {SIZES} True\n"


def test_a_new_revision_is_new_data(tmp_path: Path, hub: HubServer) -> None:
    first = run(tmp_path, hub.server_port)
    hub.revision, hub.files["train.csv"] = "b" * 40, table(80)
    second = run(tmp_path, hub.server_port)
    assert "'train': 72" in second
    assert first.split()[0] != second.split()[0]


def seconds(output: str) -> float:
    word, elapsed = output.split()[:2]
    assert word == "UserError"
    return float(elapsed)


def test_a_hub_that_refuses_or_hangs_is_told_within_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        output = run(tmp_path, silent.getsockname()[1])
        assert time.monotonic() - started < 30
    for text in (output, run(tmp_path, 9)):  # nothing listens on port 9
        assert seconds(text) < 10
        assert "the hub did not answer" in text
        assert "SEQBENCH_DATA_DIR" in text
        assert "task.path" in text
        assert text.count("\n") == 1


def test_a_name_that_the_hub_does_not_know(tmp_path: Path, hub: HubServer) -> None:
    for name in ("someone/else", "not a name"):
        text = run(tmp_path, hub.server_port, name)
        assert seconds(text) < 10
        assert f"task.hub={name}: no such data set" in text
        assert text.count("\n") == 1


def test_a_half_downloaded_data_set_is_not_taken_for_whole(tmp_path: Path, hub: HubServer) -> None:
    del hub.files["test.csv"]
    run(tmp_path, hub.server_port)
    hub.close()
    snapshot = next((tmp_path / "hub" / "hub").glob("*/snapshots/*"))
    refs = snapshot.parent.parent / "refs" / "main"
    snapshot.rename(snapshot.with_name("b" * 40))
    refs.write_text("b" * 40)
    text = run(tmp_path, hub.server_port)
    assert seconds(text) < 10
    assert "of another revision than bbbbbbbbbb: connect and run again" in text


def pictures(count: int) -> bytes:
    """A parquet file of images and labels, as the hub has them."""
    import datasets

    rows = []
    for i in range(count):
        file = io.BytesIO()
        Image.fromarray(np.full((28, 28), i, np.uint8)).save(file, "png")
        rows.append({"image": {"bytes": file.getvalue(), "path": None}, "label": i % 10})
    names = datasets.ClassLabel(names=list("0123456789"))
    features = datasets.Features({"image": datasets.Image(), "label": names})
    data = datasets.Dataset.from_list(rows, features=features)
    parquet = io.BytesIO()
    data.to_parquet(parquet)
    return parquet.getvalue()


def test_images_are_unpacked_once(tmp_path: Path, hub: HubServer) -> None:
    hub.files = {f"{split}.parquet": pictures(n) for split, n in (("train", 40), ("test", 12))}
    first, second = run(tmp_path, hub.server_port, program=IMAGES).splitlines()
    assert first == second
    assert "{'train': 30, 'val': 10, 'test': 12}" in first
    assert first.endswith(f" {784 * sum(range(12))} {[*range(10), 0, 1]}")
    assert sum(path.endswith("train.parquet") for path in hub.requests) >= 1
    assert len([*(tmp_path / "cache" / "images").glob("*/*.npy")]) == 4

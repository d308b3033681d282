"""What TensorBoard has of a folder, as its own server tells it, without one."""

import json
import time
import warnings
from pathlib import Path
from typing import Any

from tensorboard import program
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


class Board:
    """TensorBoard over a folder, in this process: ``board("/data/runs")`` is what a page gets."""

    def __init__(self, folder: Path, runs: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what TensorBoard is made of
            from tensorboard import default
            from tensorboard.backend import application
            from tensorboard.backend.event_processing.data_ingester import LocalDataIngester
            from werkzeug.test import Client

            server = program.TensorBoard(plugins=default.get_plugins())
            words = ["--load_fast=false", "--reload_interval=0", f"--logdir={folder}"]
            server.configure(argv=["tensorboard", *words])
            found = LocalDataIngester(server.flags)
            found.start()
            app = application.TensorBoardWSGIApp(
                server.flags,
                server.plugin_loaders,
                found.data_provider,
                server.assets_zip_provider,
                found.deprecated_multiplexer,
            )
        self.client = Client(app)
        end = time.monotonic() + 20
        while len(self("/data/runs")) < runs or not all(self("/data/plugin/scalars/tags").values()):
            assert time.monotonic() < end, self("/data/runs")
            time.sleep(0.02)

    def __call__(self, path: str, **asked: Any) -> Any:
        found = self.client.post(path, json=asked) if asked else self.client.get(path)
        assert found.status_code == 200, found.text
        return json.loads(found.text)

    def entries(self) -> dict[str, dict[str, Any]]:
        """The rows of HPARAMS by run: hyper-parameters, and metrics by their columns' names."""
        statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
        asked = {"experimentName": "", "allowedStatuses": statuses, "colParams": []}
        path = "/data/plugin/hparams/session_groups"
        found = self(path, **asked, startIndex=0, sliceSize=100)["sessionGroups"]
        shown = {each["name"]["tag"]: each["displayName"] for each in self.columns()}

        def metrics(row: Any) -> dict[str, float]:
            values = row.get("metricValues", [])
            return {shown[each["name"]["tag"]]: each["value"] for each in values}

        return {row["name"]: row["hparams"] | metrics(row) for row in found}

    def columns(self) -> list[dict[str, Any]]:
        """Of the metrics in HPARAMS."""
        found = self("/data/plugin/hparams/experiment", experimentName="")
        columns: list[dict[str, Any]] = found["metricInfos"]
        return columns


def tags(run: Path) -> dict[str, set[str]]:
    """The tags in a run directory, by what they are of: scalars, images, texts, hparams."""
    events = EventAccumulator(str(run), size_guidance={"tensors": 0}).Reload()
    found = events.Tags()
    texts = {tag for tag in found["tensors"] if tag.endswith("/text_summary")}
    return {
        "scalars": {*found["scalars"]},
        "images": {*found["images"]},
        "texts": {tag.removesuffix("/text_summary") for tag in texts},
        "hparams": {tag for tag in events.summary_metadata if tag.startswith("_hparams_/")},
    }

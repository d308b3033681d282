"""A data set on the Hugging Face hub, of labelled texts or of anything else."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqbench.datamodules.cache import digest
from seqbench.datamodules.texts.sources import SPLITS, check_columns, one_line, quiet_datasets
from seqbench.datamodules.texts.tables import HubTable, Table
from seqbench.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

SECONDS = 5.0
"""How long the hub has to answer. ``datasets`` alone would try for more than twenty."""


class Hub:
    """The splits of one data set on the hub, at its newest revision.

    If the hub does not answer, the revision last loaded stands for it; ``UserError`` where there
    is none, or where the hub knows no such data set.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        remote = _remote_revision(name)
        revision = remote or local_revision(name)
        if revision is None:
            raise UserError(
                f"the hub did not answer, and {name} is not in its local cache: set task.path to "
                "a file or folder that holds the data, or SEQBENCH_DATA_DIR, or connect"
            )
        self.online, self.revision = remote is not None, revision
        self.content = digest({"hub": name, "revision": revision})

    def where(self, split: str) -> str:
        return f"{self.name} on the hub (split {split})"

    def read(self, columns: Sequence[str], scratch: Path) -> dict[str, Table]:
        splits = self.load()
        for split, data in splits.items():
            check_columns(self.where(split), data.column_names, columns)
        return {split: HubTable(data) for split, data in splits.items()}

    def load(self) -> "dict[str, Dataset]":
        """The splits, ``train`` first, with whatever columns they have."""
        import datasets

        offline = datasets.config.HF_HUB_OFFLINE
        try:
            # A hub that is away was asked once already; this keeps the library from insisting.
            datasets.config.HF_HUB_OFFLINE = offline or not self.online
            with quiet_datasets():
                loaded = datasets.load_dataset(self.name)
        except Exception as error:  # the library lets errors of its HTTP client through
            raise UserError(
                f"{self.name}: the hub's data set cannot be loaded ({one_line(error)}): set "
                "task.path to a file or folder that holds the data, or connect and run again"
            ) from error
        finally:
            datasets.config.HF_HUB_OFFLINE = offline
        splits = {}
        for split, names in SPLITS.items():
            for name in names:
                if name in loaded:
                    splits[split] = loaded[name]
        if "train" not in splits:
            raise UserError(f"{self.name}: no split train, but {', '.join(map(str, loaded))}")
        for data in splits.values():
            if any(self.revision not in file["filename"] for file in data.cache_files):
                raise UserError(
                    f"{self.name}: its local cache is of another revision than "
                    f"{self.revision[:10]}: connect and run again"
                )
        return splits


def _remote_revision(name: str) -> str | None:
    """The commit that the hub gives out now, None if it does not answer in ``SECONDS``."""
    answer: list[str | Exception] = []

    def ask() -> None:
        from huggingface_hub import HfApi

        try:
            answer.append(str(HfApi().dataset_info(name, timeout=SECONDS).sha))
        except Exception as error:  # handed to whoever asked, in another thread
            answer.append(error)

    # The request's own time limit does not cover looking up the host's address.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if not answer:
        return None
    if isinstance(answer[0], str):
        return answer[0]
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    if isinstance(answer[0], GatedRepoError | HFValidationError | RepositoryNotFoundError):
        raise UserError(
            f"task.hub={name}: no such data set on the hub, or it is not public "
            f"({type(answer[0]).__name__}): check the name, or log in with `hf auth login`"
        ) from answer[0]
    return None


def local_revision(name: str) -> str | None:
    """The commit of a data set that the local cache holds, None where it holds none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, repo_type="dataset", local_files_only=True)).name
    except LocalEntryNotFoundError:
        return None

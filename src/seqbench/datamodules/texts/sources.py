"""What every source of labelled texts offers, and what the sources share."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seqbench.errors import UserError

if TYPE_CHECKING:
    from seqbench.datamodules.texts.tables import Table

SPLITS = {
    "train": ("train",),
    "val": ("val", "validation", "valid", "dev"),
    "test": ("test",),
}
"""The names under which each split may be found."""


class Source(Protocol):
    """Splits of labelled texts. ``content`` is a digest of the data, wherever they lie."""

    content: str

    def read(self, columns: Sequence[str], scratch: Path) -> "dict[str, Table]":
        """The splits, ``train`` first, with at least these columns; ``scratch`` may be filled."""
        ...

    def where(self, split: str) -> str:
        """What to call a split in a message."""
        ...


def check_columns(where: str, there: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises ``UserError`` if a wanted column, of texts and perhaps of labels, is not there, or is
    there twice."""
    for key, name in zip(("text_column", "label_column"), wanted, strict=False):
        if name not in there:
            raise UserError(
                f"{where}: no column {name!r}; there are {', '.join(map(repr, there))}: "
                f"set task.{key}"
            )
        if there.count(name) > 1:
            raise UserError(f"{where}: {there.count(name)} columns are named {name!r}; rename one")


@contextmanager
def quiet_datasets() -> Iterator[None]:
    """Within it, ``datasets`` shows no bars and logs nothing: errors are ours to tell."""
    import datasets
    from huggingface_hub.utils import logging as hub_logging

    verbosity, hub_verbosity = datasets.logging.get_verbosity(), hub_logging.get_verbosity()
    bars = datasets.are_progress_bars_disabled()
    datasets.logging.set_verbosity(logging.CRITICAL)
    hub_logging.set_verbosity(logging.CRITICAL)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(verbosity)
        hub_logging.set_verbosity(hub_verbosity)
        if not bars:
            datasets.enable_progress_bars()


def one_line(error: BaseException) -> str:
    """The last line of an error's message, which names the cause in the libraries used here."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]

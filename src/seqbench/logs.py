"""Where log lines go: the terminal, and the run's ``train.log``."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = logging.getLogger("seqbench")


@contextmanager
def console(*, progress: bool) -> Iterator[None]:
    """Log lines to standard error; those about progress only if wanted (a bar tells it too)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(lambda record: progress or not getattr(record, "progress", False))
    lightning = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in lightning]
    for logger in lightning:
        logger.setLevel(logging.WARNING)
    try:
        with _handler(handler):
            yield
    finally:
        for logger, level in zip(lightning, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Log lines with their times to a file."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    try:
        with _handler(handler):
            yield
    finally:
        handler.close()


@contextmanager
def _handler(handler: logging.Handler) -> Iterator[None]:
    level, propagate = ROOT.level, ROOT.propagate
    ROOT.setLevel(logging.INFO)
    ROOT.propagate = False
    ROOT.addHandler(handler)
    try:
        yield
    finally:
        ROOT.removeHandler(handler)
        ROOT.setLevel(level)
        ROOT.propagate = propagate

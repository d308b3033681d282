"""Where log lines go: the terminal, and the run's ``train.log``."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from seqbench.files import append
from seqbench.terminal import visible

ROOT = logging.getLogger("seqbench")


class _AboveBar(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(visible(self.format(record)), file=sys.stderr)


class _ToFile(logging.Handler):
    """Lines with their times, each whole or not there, at the end of a file.

    A line that cannot be written ends what is under way with the system's OSError: a full disk
    is no matter of one line. Where something ends already, that is told, and the line is left out.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def emit(self, record: logging.LogRecord) -> None:
        line = visible(self.format(record), "\n\t")  # a terminal may come to show the file
        try:
            append(self.path, f"{line}\n")
        except OSError as error:
            if error.__context__ is None:
                raise


class _Lasting(io.TextIOBase):
    """A stream that may go, as a pipe or a terminal does that is closed: no training shall fail of
    it. What was to be said stands in ``train.log``."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding


@contextmanager
def console(progress: str, silent: bool = False) -> Iterator[None]:
    """Log lines to standard error, above a bar if there is one.

    progress: ``bar``, ``lines`` or ``none``; a record that has ``shown`` names those it is for.
    With ``none`` only warnings are told. silent: not even these, which another process tells.
    """
    handler = logging.NullHandler() if silent else _AboveBar()
    out, err = _Lasting(sys.stdout), _Lasting(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.setLevel(logging.WARNING if progress == "none" else logging.INFO)
    handler.addFilter(lambda record: progress in getattr(record, "shown", (progress,)))
    lightning = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in lightning]
    for logger in lightning:
        logger.setLevel(logging.WARNING)
    try:
        with redirect_stdout(out), redirect_stderr(err), _handler(handler):
            yield
    finally:
        for logger, level in zip(lightning, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Log lines with their times to a file; its OSError where they cannot be written."""
    handler = _ToFile(path)
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

"""What is said on a terminal that goes away."""

import io
import logging
import sys

import pytest

from seqbench.logs import console


class Gone(io.StringIO):
    """A pipe whose reader has ended."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("progress", ["lines", "bar"])
def test_no_line_fails_of_it(progress: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    monkeypatch.setattr(sys, "stdout", Gone())
    with console(progress):
        logging.getLogger("seqbench").info("epoch 1/2")
        print("a cell of one's own")
        sys.stderr.flush()
    with pytest.raises(BrokenPipeError):
        print("behind it")


def test_what_can_be_said_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with console("lines"):
        logging.getLogger("seqbench").info("epoch 1/2")
        assert sys.stderr.isatty() is False
    assert capfd.readouterr().err == "epoch 1/2\n"

"""The lines, or blocks, of a text file in any encoding; what is no text is refused by its place."""

import codecs
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.errors import UserError

MARK = "\ufeff"
BLOCK = 1 << 20
"""Characters held at a time, however long a line is."""


def lines(file: Path, encoding: str, *, newline: str | None = None) -> Generator[str]:
    """The decoded lines without a byte order mark; ``newline`` as for ``open``. To be closed.

    Raises ``UserError`` for an unknown encoding, a file that is not in it, and a NUL character.
    """
    with _telling(file, encoding), file.open(encoding=encoding, newline=newline) as opened:
        for number, line in enumerate(opened, start=1):
            _check(line, file, number)
            yield line.removeprefix(MARK) if number == 1 else line


def filled_lines(file: Path, what: str, encoding: str = "utf-8") -> list[tuple[str, str]]:
    """The lines that are not empty, each with what to call it in a message.

    Raises ``UserError`` as ``lines`` does, and where there is none; ``what`` is what lines hold.
    """
    found = [
        (f"{file}: line {number}", line)
        for number, line in enumerate(lines(file, encoding), start=1)
        if line.strip()
    ]
    if not found:
        raise UserError(f"{file}: no line of {what} there")
    return found


def blocks(file: Path, encoding: str) -> Generator[str]:
    """The decoded text, as it is but for its line ends, a block at a time; else as ``lines``."""
    with _telling(file, encoding), file.open(encoding=encoding) as opened:
        number, mark = 1, MARK
        while block := opened.read(BLOCK):
            _check(block, file, number)
            block.encode()  # raises for half a letter, which utf-7 lets pass
            yield block.removeprefix(mark)
            number, mark = number + block.count("\n"), ""


@contextmanager
def _telling(file: Path, encoding: str) -> Iterator[None]:
    try:
        check_encoding(file, encoding)
        yield
    except UnicodeError as error:
        raise UserError(_undecodable(file, encoding)) from error
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error


def _check(text: str, file: Path, number: int) -> None:
    """Refuse a NUL; ``number`` is that of the text's first line."""
    before, found, _ = text.partition("\0")
    if found:
        raise UserError(
            f"{file}: line {number + before.count(chr(10))} holds a NUL character: the file is "
            "damaged, no text, or in another encoding: mend it, or set task.encoding"
        )


def check_encoding(file: Path, encoding: str) -> None:
    """Raises ``UserError`` unless there is such an encoding of text, and the file's mark fits."""
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise UserError(f"task.encoding={encoding}: no such encoding; try utf-8") from error
    with file.open("rb") as opened:
        marked = opened.read(3) == codecs.BOM_UTF8
    if marked and not name.startswith("utf-8"):
        raise UserError(
            f"{file}: line 1 begins with the mark of UTF-8, but task.encoding is {encoding}: "
            "set task.encoding=utf-8"
        )


def _undecodable(file: Path, encoding: str) -> str:
    """The message for a file that is not in ``encoding``; it names the first line that is not."""
    place = ""
    # UTF-16 without its mark cannot be read even so.
    with (
        suppress(UnicodeError),
        file.open(encoding=encoding, errors="replace", newline="\n") as opened,
    ):
        for number, line in enumerate(opened, start=1):
            if "\ufffd" in line:
                place = f" from line {number} on"
                break
    with file.open("rb") as binary:
        marked = binary.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    other = "utf-8" if encoding.lower() in ("cp1251", "windows-1251") else "cp1251"
    other = "utf-16" if marked else other
    return (
        f"{file}: not in the encoding {encoding}{place}; set task.encoding, for instance to {other}"
    )

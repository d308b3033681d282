"""The lines of a text file in any encoding; what is no text is refused by file and line."""

import codecs
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from seqbench.errors import UserError

MARK = "\ufeff"


def lines(file: Path, encoding: str, *, newline: str | None = None) -> Generator[str]:
    """The decoded lines without a byte order mark; ``newline`` as for ``open``. To be closed.

    Raises ``UserError`` for an unknown encoding, a file that is not in it, and a NUL character.
    """
    try:
        check_encoding(file, encoding)
        with file.open(encoding=encoding, newline=newline) as opened:
            for number, line in enumerate(opened, start=1):
                if "\0" in line:
                    raise UserError(
                        f"{file}: line {number} holds a NUL character: the file is damaged, "
                        "no text, or in another encoding: mend it, or set task.encoding"
                    )
                yield line.removeprefix(MARK) if number == 1 else line
    except UnicodeError as error:
        raise UserError(_undecodable(file, encoding)) from error
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error


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

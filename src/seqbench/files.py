"""Files that are whole or not there, whatever ends the process or the machine. Needs no torch."""

import errno
import os
import re
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from seqbench.errors import RunError, UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A disk, a user's share of it, and what one file may hold (``ulimit -f``), at their end."""


def write_whole(path: Path, content: bytes | memoryview | str) -> None:
    """Write a file beside its place, bring it to the disk, and rename it.

    What stood there before stands there still if anything fails. Text is written as UTF-8. The
    OSError of a failure names ``path``.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    # Of a name that no other process has.
    partial = path.with_name(f".{uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise
    sync_folder(path.parent)


def append(path: Path, content: str) -> None:
    """Add text to a file's end, as UTF-8: all of it or nothing.

    The OSError of a failure names ``path``.
    """
    rest = memoryview(content.encode("utf-8", "backslashreplace"))
    with path.open("ab", buffering=0) as file:  # a buffer would try again when it is closed
        before = file.seek(0, os.SEEK_END)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except BaseException as error:
            with suppress(OSError):
                file.truncate(before)
            if isinstance(error, OSError):
                error.filename = str(path)
            raise


def sync(path: Path) -> None:
    """Bring a file's content to the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def synced_size(path: Path) -> int:
    """Bytes of a file, all of which are on the disk."""
    sync(path)
    return path.stat().st_size


def require_no_links(folder: Path) -> None:
    """UserError for a symbolic link in a folder that is gone on with: what is written to it would
    be written to whatever it points at."""
    for file in folder.rglob("*"):
        if file.is_symlink():
            raise UserError(f"{file}: a link, and no file of the run's own; put the file there")
        if file.is_dir() and file.suffix:
            raise UserError(f"{file}: a folder, where a file should be; remove it")


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:  # nor do all network file systems sync them
        pass
    finally:
        os.close(handle)


def is_full(error: OSError) -> bool:
    """Whether it tells that no more could be written for want of room."""
    # numpy tells the counts alone.
    counts = re.fullmatch(r"\d+ requested and \d+ written", str(error))
    return error.errno in FULL or (error.errno is None and counts is not None)


class NoRoomError(RunError):
    """A disk is full, or a quota or limit reached."""


def no_room(error: OSError, path: Path) -> NoRoomError:
    """The one line for it. path: the file or folder, where the error names none."""
    where = error.filename if isinstance(error.filename, str) else path
    if error.errno == errno.EFBIG:
        return NoRoomError(
            f"{where}: larger than a file may be here ({error.strerror}; see ulimit -f); allow "
            "more and start again"
        )
    why = f" ({error.strerror})" if error.errno == errno.EDQUOT else ""
    return NoRoomError(f"no space left on the disk of {where}{why}; free some and start again")


@contextmanager
def room(path: Path) -> Iterator[None]:
    """What cannot be written within for want of room ends it as a RunError.

    path: what is written to, where the system's error names no file.
    """
    try:
        yield
    except RunError:
        raise
    except Exception as error:  # whatever a library has made of it
        if (cause := _cause(error)) is None:
            raise
        raise no_room(cause, path) from error


def _cause(error: BaseException) -> OSError | None:
    """The system's error, from which an error was raised, that there is no room."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and is_full(cause):
            return cause
        cause = cause.__cause__
    return None


@contextmanager
def threads_room() -> Iterator[None]:
    """A thread that has no room to write, as TensorBoard's, says nothing and ends the block too:
    its OSError is raised when the block ends, if nothing was before.
    """
    before, found = threading.excepthook, list[OSError]()

    def told(of: threading.ExceptHookArgs) -> None:
        if isinstance(of.exc_value, OSError) and is_full(of.exc_value):
            found.append(of.exc_value)
        else:
            before(of)

    threading.excepthook = told
    try:
        yield
    except Exception as error:
        # A thread that has handed its error over tells it a moment later.
        cause = _cause(error)
        for frame, _ in traceback.walk_tb(cause.__traceback__ if cause else None):
            owner = frame.f_locals.get("self")
            if isinstance(owner, threading.Thread) and owner is not threading.current_thread():
                owner.join(1)
        raise
    finally:
        threading.excepthook = before
    if found:
        raise found[0]

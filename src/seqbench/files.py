"""Files that are whole or not there, whatever ends the process or the machine."""

import os
from pathlib import Path

from seqbench.errors import UserError


def write_whole(path: Path, content: bytes | memoryview | str) -> None:
    """Write a file beside its place, bring it to the disk, and rename it.

    What stood there before stands there still if anything fails. Text is written as UTF-8.
    """
    data = content.encode() if isinstance(content, str) else content
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def synced_size(path: Path) -> int:
    """Bytes of a file, all of which are on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


def require_no_links(folder: Path) -> None:
    """UserError for a symbolic link in a folder that is gone on with: what is written to it would
    be written to whatever it points at."""
    for file in folder.rglob("*"):
        if file.is_symlink():
            raise UserError(f"{file}: a link, and no file of the run's own; put the file there")


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

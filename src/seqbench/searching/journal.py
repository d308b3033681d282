"""The file of a search's study: a line for each thing done, whole however a process ends."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import Timeout

from seqbench import locks
from seqbench.errors import UserError
from seqbench.files import is_full


def lines(file: Path) -> list[bytes]:
    """The whole lines of a journal; none where it is not there or empty.

    Raises UserError for what cannot be read, or is no journal.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(
            f"{file}: cannot be read: {error.strerror}; give another --storage"
        ) from error
    *whole, torn = content.split(b"\n")
    for number, line in enumerate(whole or [torn] * bool(torn), start=1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict) or "op_code" not in entry:
            raise UserError(
                f"{file}: no journal of a search (line {number}); give another --storage"
            )
    return whole


@contextmanager
def held(file: Path) -> Iterator[None]:
    """A journal that one process is at, this one, and that ends with a whole line.

    A half line is of a process that died as it wrote it; what comes next would stand behind it.
    So may Optuna's own lock have been left, for which it would wait half a minute.
    """
    with ExitStack() as stack:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            has = stack.enter_context(locks.flock(file.with_name(f".{file.name}.lock")))
            if has:
                file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
            if file.exists():
                with file.open("r+b") as journal:
                    journal.truncate(sum(len(line) + 1 for line in lines(file)))
        except Timeout:
            raise UserError(
                f"{file}: another process is at this search; wait for it, or give another --storage"
            ) from None
        except OSError as error:
            if is_full(error):
                raise
            raise UserError(f"{file}: cannot be written: {error.strerror}") from error
        yield

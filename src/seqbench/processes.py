"""Processes that train beside one another: forked from one that has torch loaded.

So a job starts in a moment, shares nothing with the next, and takes none with it when it dies.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess, parent_process
from types import ModuleType
from typing import Any

from seqbench.signals import known

PATIENCE = 60.0
"""Seconds that a process may take to end in good order when it is told to."""


def server() -> BaseContext:
    """The process that others are forked from; it loads torch while this one goes on.

    Where a system has no such thing, each process loads torch itself.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["seqbench.server"])
    forkserver.ensure_running()
    return context


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """Those that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def start(
    work: Callable[..., None], *arguments: Any, threads: int | None = None, gpu: str | None = None
) -> BaseProcess:
    """Call ``work(*arguments)`` in a process of its own, which ends when this one does.

    work: to be imported by its name; it ends the process with a status by ``sys.exit``. threads:
    of torch, where the work sets none itself. gpu: the one it sees; None leaves all.
    """
    # It would have the environment that the server began with.
    environment = {**os.environ} | ({} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu})
    heeded = [n for n in known() if signal.getsignal(n) is not signal.SIG_IGN]
    context: Any = server()
    process: BaseProcess = context.Process(
        target=_begin, args=(environment, heeded, threads, work, arguments)
    )
    with _main_hidden():
        process.start()
    return process


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Processes that are started within do not import the program's main module.

    A script without the usual guard would run once more in each.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def end_of(status: int | None) -> str:
    """How a process ended that left no word, by its exit status."""
    if status is None or status >= 0:
        return f"its process ended with status {status} and left no word"
    name = signal.Signals(-status).name
    why = "; so a system ends what takes more memory than there is" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{why}"


def _begin(
    environment: dict[str, str],
    heeded: list[signal.Signals],
    threads: int | None,
    work: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    for number in heeded:  # the process that this is forked from ignores them
        python_s = number == signal.SIGINT
        signal.signal(number, signal.default_int_handler if python_s else signal.SIG_DFL)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    try:
        work(*arguments)
    except KeyboardInterrupt:  # its traceback says nothing
        sys.exit(130)


def _end_with_parent() -> None:
    """Whoever waits for this process is gone: end as on any wish to, with a checkpoint."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)

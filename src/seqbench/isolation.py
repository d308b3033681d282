"""What keeps one run from another in the same process: settings, seeds, signals, warnings."""

import ctypes
import os
import random
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from seqbench.signals import Stopped

HARMLESS = (
    r".*does not have many workers.*",
    r".*smaller than the logging interval.*",
    r".*scheduler is using 'interval': 'epoch'.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*your dataloader is not resumable.*",
    r".*callbacks used to create the checkpoint need to be provided.*",
    r"IProgress not found.*",
    r".*recommended to use `self.log\(.*sync_dist=True.*",
)
"""Warnings of Lightning about what is meant so here, and of tqdm in a notebook without widgets."""


@contextmanager
def isolated(threads: int | None, process: int = 0) -> Iterator[None]:
    """Torch's own defaults within; settings and random states as they were, when it is over.

    process: which of a training's this is.
    """
    count, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    dtype, benchmark = torch.get_default_dtype(), torch.backends.cudnn.benchmark
    environment = dict(os.environ)
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    rank_zero: Any = rank_zero_only
    rank = rank_zero.rank
    rank_zero.rank = process  # Lightning reads SLURM_PROCID and others
    if threads:
        torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    try:
        with (
            warnings.catch_warnings(),
            torch.random.fork_rng(),
            torch.inference_mode(False),
            torch.set_grad_enabled(True),
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
        ):
            for message in HARMLESS:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        rank_zero.rank = rank
        torch.set_num_threads(count)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.set_default_dtype(dtype)
        torch.backends.cudnn.benchmark = benchmark
        for name in os.environ.keys() - environment.keys():  # Lightning's, for cuBLAS
            del os.environ[name]
        os.environ.update(environment)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        if threading.current_thread() is threading.main_thread():  # no other may
            for number, handler in handlers.items():
                if handler is not None:  # Python has not set it, and cannot
                    signal.signal(number, handler)


def seed_all(seed: int, process: int = 0) -> None:
    """Seed all global streams; data have generators of their own.

    process: which of a training's this is; each draws other numbers.
    """
    if process:
        seed = int(np.random.SeedSequence([seed, process]).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  a user's cell may draw from it
    torch.manual_seed(seed)


def random_states() -> dict[str, Any]:
    """All global streams, in plain containers and tensors."""
    states: Any = np.random.get_state()  # noqa: NPY002
    name, key, *rest = states
    return {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(key.astype(np.int64)), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """As ``random_states`` gave them; of CUDA devices those that there are."""
    random.setstate(states["python"])
    name, key, *rest = states["numpy"]
    np.random.set_state((name, key.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available():
        for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state, device)


@contextmanager
def interrupts() -> Iterator[None]:
    """Lightning ends the process with status 1 on Ctrl-C; here it stays a KeyboardInterrupt.

    A cell or task that calls ``sys.exit`` fails, so that it can't end a sweep with status 0.
    """
    try:
        yield
    except SystemExit as error:
        if isinstance(error, Stopped):
            raise
        if isinstance(error, SIGTERMException):  # it came before Signals had its handler back
            raise Stopped(signal.SIGTERM) from error
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise RuntimeError(f"sys.exit({error.code}) was called within the run") from error


def keep_freed_memory() -> None:
    """Let glibc reuse freed tensors instead of handing each back to the kernel.

    By default every tensor of some size is mapped anew and zeroed page by page: a third of the
    time of a training step of long sequences on a CPU. Where the C library is another, or the
    user's environment tunes it (``MALLOC_...``), nothing is done.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):
        return
    trim_threshold, mmap_max = -1, -4  # their numbers in malloc.h
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)

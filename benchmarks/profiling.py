"""Where a row's time goes: by operator of torch, and by function of Python."""

import os
import pstats
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "SEQBENCH_BENCHMARK_PROFILE"
"""Names the folder that the profiles of a row's programs go to, if they are to be made."""
LINES = 20


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Prints where the time went of what runs within, and of the Python programs it starts."""
    if not wanted:
        yield
        return
    import cProfile

    from torch.profiler import ProfilerActivity, profile

    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER] = folder
        here = cProfile.Profile()
        with profile(activities=[ProfilerActivity.CPU]) as torchs:
            here.runcall(lambda: None)
            here.enable()
            yield
            here.disable()
        if torchs.key_averages():
            print(torchs.key_averages().table("self_cpu_time_total", row_limit=LINES))
        print("this process, by function:")
        pstats.Stats(here).sort_stats("tottime").print_stats(LINES)
        for path in sorted(Path(folder).iterdir()):
            print(f"{path.stem}, by function:")
            pstats.Stats(str(path)).sort_stats("cumtime").print_stats(LINES)
    sys.stdout.flush()


def words(name: str) -> list[str]:
    """What stands before ``-m`` or ``-c`` of a Python program, so that it is profiled if wanted."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return []
    number = len(list(Path(folder).iterdir()))
    return ["-m", "cProfile", "-o", f"{folder}/{number:02}-{name}.prof"]

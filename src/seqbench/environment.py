"""The machine and the versions that a result was made with, and its peak of memory."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import torch

from seqbench.machine import processor


def environment(device: torch.device, processes: int, precision: str) -> dict[str, Any]:
    """What one must know to compare a time, or to expect the same bits again."""
    return {
        "seqbench": version("seqbench"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning": L.__version__,
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": processes,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "precision": precision,
    }


class PeakMemory:
    """The peak since it was made: of a GPU's tensors, or of the whole process on a CPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            # Linux forgets the old peak so that a sweep's next run does not report its
            # predecessor's; elsewhere the peak is the process's.
            try:
                Path("/proc/self/clear_refs").write_text("5", "ascii")
            except OSError:
                return

    def bytes(self) -> int | None:
        """None where the system does not tell."""
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        try:
            for line in Path("/proc/self/status").read_text("utf-8").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        if sys.platform == "win32":
            return None
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return int(peak * (1 if sys.platform == "darwin" else 1024))

"""Imported by the process that a sweep's or a search's processes are forked from, and by no other.

A signal to all processes of a job ends the runs, each with a checkpoint. This one must outlive
them: whoever has started them learns from it how they have ended.
"""

import signal

from seqbench import attempt  # noqa: F401  torch and all else that a run needs
from seqbench.signals import known

for number in known():
    signal.signal(number, signal.SIG_IGN)

"""What the clock of a training leaves out."""

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from seqbench.callbacks.throughput import WARM_UP, Throughput, clock_stopped


def test_time_beside_the_training_does_not_count() -> None:
    clock = Throughput()
    module = cast(Any, SimpleNamespace(device=torch.device("cpu")))
    trainer = cast(Any, SimpleNamespace(callbacks=[clock]))
    with clock_stopped(trainer, module):  # no training as yet
        pass
    assert clock.epoch_since == 0
    clock.steps = WARM_UP
    clock.start(module)
    with clock_stopped(trainer, module):
        time.sleep(0.3)
    time.sleep(0.05)
    clock.stop(module)
    assert clock.seconds == pytest.approx(clock.epoch_seconds, abs=0.01)
    assert 0.05 <= clock.seconds < 0.3

"""A run ended by a signal says so, and the next start trains anew beside it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_an_interrupted_run(
    here: Path, tiny: list[str], number: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "seqbench.train", *tiny]
    process = subprocess.Popen(
        [*command, "trainer.max_epochs=100000"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=here,
        # A shell's background jobs, and so this suite in one, have Ctrl-C switched off.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 3/"):
                break
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
        assert process.returncode == code, rest
    finally:
        process.kill()
        process.communicate()
    assert "interrupted" in rest
    assert "Traceback" not in rest
    (status,) = here.rglob("status.json")
    assert json.loads(status.read_text())["status"] == "interrupted"
    assert not list(here.rglob("result.json"))

    again = subprocess.run(
        [*command, "trainer.max_epochs=100000", "+trainer.max_time='00:00:00:02'"],
        capture_output=True,
        text=True,
        cwd=here,
        check=False,
    )
    assert again.returncode == 0, again.stderr

"""One trial, in a process of its own. Needs no torch until it trains."""

import os
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.errors import RunError, UserError
from seqbench.files import NoRoomError
from seqbench.searching.messages import Ended, Message, Waits
from seqbench.signals import Pruned, known

if TYPE_CHECKING:
    from seqbench.callbacks.pruning import Pruning


def work(line: "Connection[Message, Any]", config: dict[str, Any], metric: str) -> None:
    """Train a validated config of a task with this metric, and tell how it ended.

    A training that is told to end tells nothing.

    Of all signals SIGTERM alone is heeded: a Ctrl-C reaches all processes of a terminal, and it is
    the search that has to answer it.
    """
    for number in known():
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    with quiet(config["progress"] != "lines"):
        ended = _trained(line, config, metric)
    line.send(ended)


@contextmanager
def quiet(is_so: bool) -> Iterator[None]:
    """Nothing on the terminal: what a trial has to say stands in its train.log."""
    if not is_so:
        yield
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _trained(line: "Connection[Message, Any]", config: dict[str, Any], metric: str) -> Ended:
    from seqbench.callbacks.pruning import Pruning

    pruning = Pruning(line)
    try:
        return _result(line, config, metric, pruning)
    except Pruned as pruned:
        return Ended("pruned", str(pruned), run=pruning.run)
    except (UserError, RunError) as error:
        full = isinstance(error, NoRoomError)
        told = traceback.format_exc()
        return Ended("failed", " ".join(str(error).split()), told, pruning.run, full=full)
    except Exception as error:  # a cell's or a task's own
        name = type(error).__name__
        told = " ".join(f"{name}: {error}".split())
        return Ended("failed", told, traceback.format_exc(), pruning.run)


def _result(
    line: "Connection[Message, Any]", config: dict[str, Any], metric: str, pruning: "Pruning"
) -> Ended:
    from seqbench import attempt
    from seqbench.callbacks.pruning import validations

    run = attempt.train_in_turn(config, [pruning], lambda busy: line.send(Waits(str(busy))))
    result, found = run.result(), pruning.run is None
    return Ended(
        "ok",
        run=str(run.path),
        value=float(result["metrics"]["val"][metric]),
        seconds=float(result["seconds"]["fit"]),
        found=found,
        earlier=validations(run.path / "metrics.csv", metric) if found else (),
    )

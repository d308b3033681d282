"""What the plugins of submitit and Ray lack: a look whether there is a cluster, and patience."""

import os
import shutil
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqbench.errors import UserError, short

OBJECT_STORE = 80_000_000
"""Bytes that Ray sets aside on this machine for what tasks pass to one another: here next to
nothing."""
CONNECTING = 10.0
"""Seconds that a cluster may take to answer."""


def check(launcher: DictConfig) -> None:
    """UserError where a launcher's cluster cannot be reached; connect to it, if it is Ray's."""
    if launcher._target_.endswith(".SlurmLauncher"):
        require_slurm()
    if launcher._target_.endswith(".RayLauncher"):
        _connect(launcher.ray.init)


def require_slurm() -> None:
    """UserError where Slurm's programs are not there."""
    if not shutil.which("srun"):
        raise UserError(
            "hydra/launcher=submitit_slurm: there is no srun here; start it where Slurm can be "
            "reached, or choose hydra/launcher=processes"
        )


def _connect(settings: DictConfig) -> None:
    """The plugin would set an object store's size, which a cluster that runs already refuses."""
    import ray

    asked: Any = OmegaConf.to_container(settings, resolve=True)
    address = asked.get("address") or os.environ.get("RAY_ADDRESS")
    known = {"log_to_driver": False, "logging_level": "ERROR"}
    if not address:
        known |= {"object_store_memory": OBJECT_STORE, "include_dashboard": False}
    if ray.is_initialized():
        return
    try:
        knock(address)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(**known | asked)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"hydra/launcher=ray: no Ray at {address or 'this machine'}: {short(error)}; "
            "see hydra.launcher.ray.init.address"
        ) from error


def knock(address: str | None, seconds: float = CONNECTING) -> None:
    """OSError where nobody listens within so long: Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition("://")[2].partition("/")[0].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), seconds).close()


@contextmanager
def patient() -> Iterator[None]:
    """Within, what submitit's and Ray's plugins ask of a lost job is None, and no exception.

    They ask one job after another, and would leave those behind it alone: Ray's would be killed.
    How a job has ended stands in the sweep's record.
    """
    undo: list[Callable[[], None]] = []

    def replace(owner: Any, name: str, new: Any) -> None:
        before = getattr(owner, name)
        undo.append(lambda: setattr(owner, name, before))
        setattr(owner, name, new)

    if "hydra_plugins.hydra_submitit_launcher" in sys.modules:
        import submitit

        results, lost = submitit.Job.results, submitit.core.utils

        def all_results(job: Any) -> Any:
            try:
                return results(job)
            except (lost.UncompletedJobError, lost.FailedJobError):
                return [None]

        replace(submitit.Job, "results", all_results)
    if "ray" in sys.modules and "hydra_plugins.hydra_ray_launcher" in sys.modules:
        import ray
        from hydra_plugins.hydra_ray_launcher import _core

        def get(task: Any) -> Any:
            try:
                return ray.get(task)
            except ray.exceptions.RayError:
                return None

        replace(_core, "ray", SimpleNamespace(get=get))
    try:
        yield
    finally:
        for each in undo:
            each()

"""What Lightning is told of the processes that train together."""

import lightning as L
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector

from seqbench.seats import Seat
from seqbench.world import World


class Alone(LightningEnvironment):
    """A training that is one process, whatever started it.

    Where Lightning finds Slurm or another launcher it takes its process for one of several of a
    training, that of a task but the first then logs nothing, and sets handlers for their signals.
    """

    def local_rank(self) -> int:
        return 0

    def node_rank(self) -> int:
        return 0

    def teardown(self) -> None:
        """The environment's variables are somebody else's."""


class Seated(ClusterEnvironment):
    """A training of several processes, which are there and connected already."""

    creates_processes_externally = True
    main_address, main_port = "", 0

    def __init__(self, seat: Seat) -> None:
        super().__init__()
        self.seat = seat

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self.seat.size

    def set_world_size(self, size: int) -> None:
        """It is known."""

    def global_rank(self) -> int:
        return self.seat.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known."""

    def local_rank(self) -> int:
        return self.seat.local

    def node_rank(self) -> int:
        return self.seat.rank // self.seat.devices


class Together(DDPStrategy):
    """Data-parallel training in which the module itself sums the gradients.

    Torch's DistributedDataParallel would do it while the backward pass is under way. But it adds
    in an order that changes within a run, so that none of three or more processes could go on from
    a checkpoint bit by bit; it waits forever for a parameter that has no gradient in one process,
    such as a tail of an adaptive softmax; and it exchanges buffers in evaluation, where processes
    may have different numbers of batches.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def configure_ddp(self) -> None:
        """Begin with the same weights everywhere, as ``setup`` in the base does elsewhere."""
        assert self.model is not None
        self.world.share(self.model)


class _Deaf(_SignalConnector):
    def register_signal_handlers(self) -> None:
        """Lightning's handler of SIGTERM sends it to the others in the midst of anything."""


def listen_elsewhere(trainer: L.Trainer) -> None:
    """Leave signals to ``seqbench.signals``: Lightning asks for them, across the processes and
    through the device, before each batch."""
    trainer._signal_connector = _Deaf(trainer)
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]

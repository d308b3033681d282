"""What cells have in common that carry h on past their products."""

from abc import abstractmethod

from torch import Tensor

from seqbench.models.cells.base import Cell, State


class CarriedCell(Cell):
    """A cell whose state is h alone, of which a share is carried on as it is, as in a GRU.

    Dropout of h then belongs into the products alone, so a subclass defines ``update``.
    """

    @abstractmethod
    def update(self, x: Tensor, h: Tensor, seen: Tensor) -> tuple[Tensor, State]:
        """One time step from ``h (B, H)``; the products read ``seen``: h, or what dropout left."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        return self.update(x, h, h)

    def masked_step(self, x: Tensor, state: State, mask: Tensor) -> tuple[Tensor, State]:
        (h,) = state
        return self.update(x, h, mask * h)

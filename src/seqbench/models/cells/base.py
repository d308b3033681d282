"""Cell: the recurrence of one layer in one direction."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from seqbench.errors import UserError

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], tuple[Tensor, State]]
Backend = Literal["auto", "native", "reference"]


class Cell(nn.Module, ABC):
    """A recurrent cell: subclass it with ``initial_state`` and ``step``.

    Built as ``MyCell(input_size, hidden_size, **its own settings)``. A subclass with a fast kernel
    for whole sequences also defines ``native``, on the same parameters, and one that carries its
    first part of the state past the recurrent products ``masked_step``. Check a new cell with
    ``seqbench.testing.check_cell``.

    input_size: D. hidden_size: H. output_size: numbers a step puts out, H unless a subclass sets
    another. backend: ``native`` (the default where there is such a kernel) or ``reference``.

    For pictures of the gradient a cell may name the parts of its state, ``state_names``, and tell
    its ``recurrent_weights``.
    """

    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """What the equation calls the parts of the state, in their order."""

    def __init__(self, input_size: PositiveInt, hidden_size: PositiveInt) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.output_size = hidden_size
        self.backend: Literal["native", "reference"] = "reference"
        self.select_backend("auto")

    @abstractmethod
    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        """The state before the first step: tensors ``(B, ...)`` on ``device``, of ``dtype``."""

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step: ``x (B, D)`` and a state to ``y (B, output_size)`` and the next state."""

    def masked_step(self, x: Tensor, state: State, mask: Tensor) -> tuple[Tensor, State]:
        """``step`` with dropout on what the recurrent products read; optional.

        mask: of the shape of the state's first part, h; it multiplies h in the products. Here it
        multiplies h wherever ``step`` reads it, which is the same for a cell that reads h in
        products alone. One that also carries h on past them, as a GRU does, defines this, or h
        would be lost where the mask is 0 and grow from step to step where it is not; recurrent
        dropout refuses such a cell without it.
        """
        return self.step(x, (mask * state[0], *state[1:]))

    def native(self, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        """What ``forward`` does, by a kernel for whole sequences; optional."""
        raise NotImplementedError(f"{type(self).__name__} brings no native kernel")

    @property
    def state_size(self) -> int:
        """Numbers of state a row carries."""
        state = self.initial_state(1, torch.device("cpu"), torch.float32)
        return sum(part.numel() for part in state)

    def state_name(self, part: int) -> str:
        """What the part of that number of the state is called, be it named or not."""
        return self.state_names[part] if part < len(self.state_names) else f"s{part + 1}"

    def recurrent_weights(self) -> dict[str, Tensor]:
        """The matrices ``(H, H)`` that multiply the old state, by the equation's names; optional.

        A cell that tells none has no spectral radii of them in ``seqbench.inspect``.
        """
        return {}

    def select_backend(self, backend: Backend) -> None:
        """Choose what ``forward`` runs; ``auto`` takes the native kernel if there is one.

        Raises UserError where ``native`` is asked of a cell that brings none.
        """
        has_native = type(self).native is not Cell.native
        if backend == "native" and not has_native:
            raise UserError(
                f"model.backend=native: {type(self).__name__} brings no native kernel; "
                "use model.backend=auto or model.backend=reference"
            )
        self.backend = "native" if has_native and backend != "reference" else "reference"

    def forward(
        self, x: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run over a batch of sequences.

        x: ``(B, T, D)``, padded at the end. state: before the first step; None is
        ``initial_state``. lengths: ``(B,)``, each at least 1; ask for them only where the final
        state of ragged rows is needed, for a native kernel may have to pack.

        Returns y ``(B, T, output_size)``, unspecified in padding, and the final state: after step T
        or, with ``lengths``, after each row's own last step. The state is float32 under autocast.
        """
        state = start(self, x, state)
        if self.backend == "native":
            y, state = self.native(x, state, lengths)
            return y, _cast(state, state_dtype(x))
        return unroll(self.step, x, state, lengths)


def start(cell: Cell, x: Tensor, state: State | None) -> State:
    """The state before the first step of ``x (B, T, D)``: ``state``, or ``initial_state`` if None.

    In the type that it is carried in.
    """
    dtype = state_dtype(x)
    if state is None:
        state = cell.initial_state(x.shape[0], x.device, dtype)
    return _cast(state, dtype)


def unroll(step: Step, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
    """What ``Cell.forward`` does, by a loop over ``step``: a cell's, or one around a cell's."""
    dtype = state_dtype(x)
    alive: tuple[Tensor, ...] | None = None
    if lengths is not None:
        steps = torch.arange(x.shape[1], device=x.device)
        alive = (steps.unsqueeze(1) < lengths.to(x.device)).unbind(0)
    outputs = []
    # x[:, t] would write a gradient of the whole x at each step; unbind gathers them once.
    for t, x_t in enumerate(x.unbind(1)):
        y, following = step(x_t, state)
        following = _cast(following, dtype)
        if alive is not None:
            following = tuple(
                torch.where(alive[t].view(-1, *[1] * (new.dim() - 1)), new, old)
                for new, old in zip(following, state, strict=True)
            )
        state = following
        outputs.append(y)
    return torch.stack(outputs, 1), state


def state_dtype(x: Tensor) -> torch.dtype:
    """The type of a state beside inputs x: theirs, but float32 under autocast."""
    return torch.float32 if torch.is_autocast_enabled(x.device.type) else x.dtype


def _cast(state: State, dtype: torch.dtype) -> State:
    return tuple(part.to(dtype) if part.is_floating_point() else part for part in state)

"""Dropout and zoneout within the recurrence, around any cell."""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.errors import UserError
from seqbench.models.cells.base import Cell, State, Step, start, unroll
from seqbench.models.settings import Probability


class SequenceDropout(nn.Module):
    """Dropout of ``x (B, T, F)`` with one mask ``(B, 1, F)`` a row, the same at every step.

    Gal and Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural
    networks" (arXiv:1512.05287).
    """

    def __init__(self, rate: Probability) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        return x * F.dropout(torch.ones_like(x[:, :1]), self.rate)


class Regularisation(nn.Module):
    """Runs cells with recurrent dropout and zoneout, which they need not know of.

    It holds no parameters, and runs any cell by its ``step``, whatever kernel the cell brings. At
    rates of 0 it runs the cell itself.

    recurrent_dropout: variational dropout (Gal and Ghahramani 2016, section 4), in training alone.
    Of h, the first part of the state, units are put to 0 where the recurrent products read them,
    and the others multiplied by 1 / (1 - rate), so that what is expected stays. One mask is drawn
    for each row, layer, direction and call of ``forward`` and is the same at every step; a
    language model whose state is carried draws anew at each chunk. What is put out, carried on or
    returned is not masked, nor are other parts of the state: an LSTM's c, and the h that a GRU
    carries past its products (see ``Cell.masked_step``).

    zoneout: Krueger et al. 2017, "Zoneout: regularizing RNNs by randomly preserving hidden
    activations" (arXiv:1606.01305), section 3. In training each number of each floating-point
    part of the state keeps its old value with this probability, drawn at each step; in evaluation
    it takes the expectation, ``rate * old + (1 - rate) * new``. A cell that puts out a part of its
    new state, as all of seqbench do, puts it out as zoneout left it.
    """

    def __init__(self, recurrent_dropout: Probability = 0.0, zoneout: Probability = 0.0) -> None:
        super().__init__()
        self.recurrent_dropout = recurrent_dropout
        self.zoneout = zoneout

    @property
    def rates(self) -> str:
        """The rates that are not 0, as a user writes them; empty where there are none."""
        given = {"recurrent_dropout": self.recurrent_dropout, "zoneout": self.zoneout}
        return " ".join(f"model.{name}={rate}" for name, rate in given.items() if rate)

    def require(self, cell: Cell) -> None:
        """Raise UserError for a cell that recurrent dropout cannot mask, or would break."""
        if not self.recurrent_dropout:
            return
        name = type(cell).__name__
        state = cell.initial_state(1, torch.device("cpu"), torch.get_default_dtype())
        if not (state and state[0].is_floating_point()):
            raise UserError(
                f"model.recurrent_dropout: the first part of {name}'s state holds no "
                "floating-point numbers that could be masked; use model.recurrent_dropout=0"
            )
        if any(parameter.is_meta for parameter in cell.parameters()):
            return  # built to be measured, without numbers that could be looked at
        if carries_past_products(cell, state):
            raise UserError(
                f"model.recurrent_dropout: {name} carries its state on past the recurrent "
                f"products, where it would fade or grow; define {name}.masked_step (see "
                "seqbench.Cell), or use model.recurrent_dropout=0"
            )

    def forward(
        self, cell: Cell, x: Tensor, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """What the cell's own ``forward`` does, regularised."""
        if not self.rates:
            y, final = cell(x, state, lengths)
            return y, final
        state = start(cell, x, state)
        return unroll(self.around(cell, state), x, state, lengths)

    def around(self, cell: Cell, state: State) -> Step:
        """The cell's ``step``, regularised, for one sequence that begins with ``state``.

        The mask over all steps is drawn here, so the step itself is pure in evaluation.
        """
        step: Step = cell.step
        if self.training and self.recurrent_dropout:
            mask = F.dropout(torch.ones_like(state[0]), self.recurrent_dropout)

            def masked(x: Tensor, state: State) -> tuple[Tensor, State]:
                return cell.masked_step(x, state, mask)

            step = masked
        if not self.zoneout:
            return step

        def zoned(x: Tensor, state: State) -> tuple[Tensor, State]:
            y, new = step(x, state)
            kept = tuple(self._zone(old, part) for old, part in zip(state, new, strict=True))
            for part, after in zip(new, kept, strict=True):
                if part is y:
                    return after.to(y.dtype), kept
            return y, kept

        return zoned

    def _zone(self, old: Tensor, new: Tensor) -> Tensor:
        if not new.is_floating_point():
            return new
        new = new.to(old.dtype)  # under autocast a step may give less than the state's float32
        if not self.training:
            return torch.lerp(new, old, self.zoneout)
        keep = torch.empty_like(old, dtype=torch.bool).bernoulli_(self.zoneout)
        return torch.where(keep, old, new)


@torch.no_grad()
def carries_past_products(cell: Cell, state: State) -> bool:
    """Whether a mask reaches h elsewhere than where a weight multiplies it.

    With all weights 0 no product reads anything, so a mask that still matters is out of place.
    """
    blank = deepcopy(cell)
    for tensor in (*blank.parameters(), *blank.buffers()):
        tensor.zero_()
    h = torch.full_like(state[0], 0.5)
    x = h.new_zeros(len(h), cell.input_size)
    _, plain = blank.step(x, (h, *state[1:]))
    _, masked = blank.masked_step(x, (h, *state[1:]), torch.zeros_like(h))
    return any(
        not torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)
        for a, b in zip(plain, masked, strict=True)
    )

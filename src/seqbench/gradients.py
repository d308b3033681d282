"""How far back the gradient of a recurrent network reaches: dL/dh_t by T - t, for any cell.

Hochreiter 1991, "Untersuchungen zu dynamischen neuronalen Netzen"; Bengio, Simard and Frasconi
1994, "Learning long-term dependencies with gradient descent is difficult"; Pascanu, Mikolov and
Bengio 2013, "On the difficulty of training recurrent neural networks" (arXiv:1211.5063), eq. 5.
"""

import math
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor

from seqbench.batch import IGNORE, Batch
from seqbench.curves import Layer, Measurement
from seqbench.errors import UserError
from seqbench.isolation import isolated
from seqbench.models.cells.base import Cell, State
from seqbench.models.heads.pooled import Pooled
from seqbench.models.network import Network
from seqbench.spec import TaskSpec

JACOBIANS, ROWS, LARGEST = 16, 128, 1024
"""Jacobians to average over where they have so many rows; fewer of larger ones, for eigenvalues
cost the cube of the rows; none beyond the last number."""


class Step(NamedTuple):
    """One call of a cell's step: what went in, and the state that came out."""

    x: Tensor
    before: State
    after: State


class Watched(Cell):
    """A cell that runs by its equation and remembers every step."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell.input_size, cell.hidden_size)
        self.cell = cell
        self.output_size = cell.output_size
        self.steps: list[Step] = []

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        state = self.cell.initial_state(batch_size, device, dtype)
        # So that there is a gradient even of a cell that has nothing to learn.
        return tuple(part.requires_grad_() if part.is_floating_point() else part for part in state)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = self.cell.step(x, state)
        # A part that is handed on as it came would be one tensor with all steps' gradients.
        after = tuple(
            new.view_as(new) if any(new is old for old in state) else new for new in after
        )
        self.steps.append(Step(x, state, after))
        return y, after


def require_measurable(network: Network, spec: TaskSpec) -> None:
    """Raise UserError, with the reason, for a network whose gradient is no curve over T - t."""
    if spec.kind == "transduce":
        raise UserError(
            "gradients over time are measured in one stack of cells; this task has an encoder and "
            "a decoder, between which no step t stands for the other's"
        )
    if network.stack.regularisation.zoneout:
        raise UserError(
            "gradients over time are those of a cell's own step, which zoneout goes around; train "
            "with model.zoneout=0"
        )
    if network.stack.num_directions > 1:
        raise UserError(
            "gradients over time are measured in one direction: where the reverse half hands the "
            "loss to the first step at once, T - t is not how far it has come; train with "
            "model.bidirectional=false"
        )


def measure(network: Network, spec: TaskSpec, batch: Batch, epoch: int, step: int) -> Measurement:
    """The norm of dL/ds_t at each step t and each part of each layer's state, and spectral radii.

    L is each row's loss at its last step alone where a step has a label, and else the sequence's;
    T is that step. Derivatives are total ones: all that L owes to s_t, through later steps and
    through the layers above. Rows are lined up by their ends, and followed back as far as the
    shortest of them goes. In evaluation mode, float32, by the cells' equations, on a copy of the
    network: nothing of the network or of the random states is changed.

    epoch, step: of the training, to be kept with it.

    Raises UserError as ``require_measurable`` does, for a network that does not run its stack once
    over a batch, and for a batch without a label.
    """
    require_measurable(network, spec)
    with isolated(None):
        watched, cells = _watched(network)
        device = next((p.device for p in network.parameters()), torch.device("cpu"))
        moved = [None if part is None else part.to(device) for part in batch]
        loss, ends = _loss(watched, Batch(*moved))  # type: ignore[arg-type]
        layers = _layers(cells, loss, ends)
    return Measurement(epoch, step, float(loss.detach()) / len(ends), layers)


def _watched(network: Network) -> tuple[Network, list[Watched]]:
    copy = deepcopy(network).float().eval().requires_grad_()
    cells = [Watched(each) for each in copy.stack.cells if isinstance(each, Cell)]
    copy.stack.cells = torch.nn.ModuleList(cells)
    return copy, cells


def _loss(network: Network, batch: Batch) -> tuple[Tensor, Tensor]:
    """The rows' losses, summed, and the number of steps ``(B,)`` up to each."""
    hidden = network(batch).hidden
    targets, ends = batch.targets, batch.lengths
    if isinstance(network.head, Pooled) and network.head.after_padding:
        ends = torch.full_like(ends, batch.inputs.shape[1])
    if hidden.dim() > 2:
        # Each row's last label; a loss of all steps would hide what has vanished.
        steps = torch.arange(1, targets.shape[1] + 1, device=targets.device)
        labelled = (targets != IGNORE) & (steps <= ends.unsqueeze(1))
        ends = (steps * labelled).amax(1)
        if not ends.all():
            raise UserError("gradients over time: a row has no label; there is no loss to follow")
        rows = torch.arange(len(ends), device=ends.device)
        hidden, targets = hidden[rows, ends - 1], targets[rows, ends - 1]
    loss, _ = network.head.nll(hidden, targets)
    return loss, ends


def _layers(cells: list[Watched], loss: Tensor, ends: Tensor) -> list[Layer]:
    steps, shortest = int(ends.max()), int(ends.min())
    if any(len(cell.steps) < steps for cell in cells):
        raise UserError(
            f"gradients over time: the network does not run its {len(cells)} layers once over each "
            "step of a batch, so that there is no h_t to measure at"
        )
    parts = [
        [i for i, part in enumerate(cell.steps[0].after) if part.is_floating_point()]
        for cell in cells
    ]
    if not all(parts):
        raise UserError("gradients over time: a cell's state has no part of real numbers")
    states = [
        cell.steps[t].after[i]
        for cell, places in zip(cells, parts, strict=True)
        for i in places
        for t in range(steps)
    ]
    found = iter(torch.autograd.grad(loss, states, allow_unused=True, materialize_grads=True))
    back = ends - 1 - torch.arange(shortest, device=ends.device).unsqueeze(1)
    layers = []
    for cell, places in zip(cells, parts, strict=True):
        norms = {}
        for i in places:
            # In float64, so that no square underflows that the gradient itself does not.
            every = torch.stack([next(found).double().flatten(1).norm(dim=1) for _ in range(steps)])
            norms[cell.cell.state_name(i)] = every.gather(0, back).mean(1).tolist()
        radii = {name: _radius(w) for name, w in cell.cell.recurrent_weights().items()}
        layers.append(Layer(norms, _step_radius(cell, ends), radii))
    return layers


def _radius(matrix: Tensor) -> float:
    """The largest absolute eigenvalue of ``matrix (..., N, N)``, averaged.

    nan where a number is not finite, and of what is too large.

    Raises UserError for what is not square.
    """
    if matrix.dim() < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise UserError(
            f"recurrent_weights: {tuple(matrix.shape)} is no square matrix; leave it out"
        )
    if matrix.shape[-1] > LARGEST:
        return math.nan
    values = matrix.detach().cpu()
    if not values.isfinite().all():
        return math.nan
    return float(torch.linalg.eigvals(values).abs().amax(-1).mean())


def _step_radius(cell: Watched, ends: Tensor) -> float:
    """The spectral radius of one step's Jacobian, averaged over states of all rows and times."""
    first = cell.steps[0].before
    floats = [i for i, part in enumerate(first) if part.is_floating_point()]
    sizes = [first[i][0].numel() for i in floats]
    size = sum(sizes)
    if size > LARGEST:
        return math.nan
    points = max(1, int(JACOBIANS * min(1.0, (ROWS / size) ** 3)))
    rows = [point % len(ends) for point in range(points)]
    chosen = [(int((point + 0.5) / points * int(ends[row])), row) for point, row in enumerate(rows)]
    x = torch.stack([cell.steps[t].x[row] for t, row in chosen]).detach()
    state = [
        torch.stack([cell.steps[t].before[i][row] for t, row in chosen]).detach()
        for i in range(len(first))
    ]
    flat = torch.cat([state[i].flatten(1) for i in floats], 1).requires_grad_()
    for i, part in zip(floats, torch.split(flat, sizes, 1), strict=True):
        state[i] = part.reshape(state[i].shape)
    _, after = cell.cell.step(x, tuple(state))
    out = torch.cat([after[i].flatten(1) for i in floats], 1)
    if not out.requires_grad:
        return 0.0
    # Rows do not depend on each other: the gradient of their sum is each one's own.
    jacobian = torch.stack(
        [
            torch.autograd.grad(column.sum(), flat, retain_graph=True, materialize_grads=True)[0]
            for column in out.unbind(1)
        ],
        1,
    )
    return _radius(jacobian)

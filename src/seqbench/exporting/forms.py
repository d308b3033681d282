"""What a network of each kind takes and gives as a file: tensors by name."""

from abc import ABC, abstractmethod
from copy import deepcopy
from typing import ClassVar

import torch
from torch import Tensor, nn

from seqbench.batch import Batch
from seqbench.errors import UserError
from seqbench.exporting.cells import replace_cells
from seqbench.models.cells.base import Cell
from seqbench.models.network import Network
from seqbench.models.stack import StackState
from seqbench.spec import Kind, TaskSpec

Tensors = list[Tensor]

WARM_UP = 7
"""Steps to states that are worth going on from."""


class Form(nn.Module, ABC):
    """A network as a function of tensors.

    inputs, outputs: names of what ``forward`` takes and gives. The first input has an axis of time
    behind that of the batch, which all have.
    """

    kinds: ClassVar[tuple[Kind, ...]]
    inputs: list[str]
    outputs: list[str]

    def __init__(self, network: Network, spec: TaskSpec) -> None:
        super().__init__()
        self.network = network
        self.spec = spec

    @abstractmethod
    def draw(self, batch: int, steps: int, random: torch.Generator) -> Tensors:
        """Arguments to try it with: ragged where rows may be, with a state where there is one."""

    @abstractmethod
    def forward(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """The outputs of all inputs, in the order of their names."""

    def valid(self, values: Tensor, arguments: Tensors) -> Tensor:
        """Those numbers of an output that are specified: padding has none."""
        return values

    def states(self) -> list[tuple[str, str, Tensor]]:
        """Of each state its input, its output and, with one row, what it starts as."""
        return []

    def for_export(self) -> "Form":
        """A copy with cells that ONNX has nodes for."""
        copy = deepcopy(self)
        replace_cells(copy)
        return copy

    def _inputs(self, batch: int, steps: int, random: torch.Generator) -> Tensor:
        """What a batch has as inputs, at random."""
        if self.spec.features:
            return torch.randn(batch, steps, self.spec.input_size, generator=random)
        return torch.randint(self.spec.input_size, (batch, steps), generator=random)


class Answer(Form):
    """Sequences in, an answer for each or for each of their steps out.

    ``tokens (B, T)`` or ``features (B, T, D)``, and ``lengths (B,)``, to ``logits (B, C)`` or
    ``(B, T, C)``, or to ``values (B, O)`` where the answers are numbers.
    """

    kinds = ("classify", "tag", "regress")

    def __init__(self, network: Network, spec: TaskSpec) -> None:
        super().__init__(network, spec)
        self.inputs = ["features" if spec.features else "tokens", "lengths"]
        self.outputs = ["values" if spec.kind == "regress" else "logits"]

    def forward(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        inputs, lengths = arguments
        batch = Batch(inputs, lengths, lengths)
        return (self.network.predict(batch, self.network(batch)),)

    def draw(self, batch: int, steps: int, random: torch.Generator) -> Tensors:
        lengths = torch.randint(1, steps + 1, (batch,), generator=random)
        lengths[0] = steps
        inputs = self._inputs(batch, steps, random)
        inputs[torch.arange(steps) >= lengths[:, None]] = self.spec.padding_id
        return [inputs, lengths]

    def valid(self, values: Tensor, arguments: Tensors) -> Tensor:
        inputs, lengths = arguments
        if values.dim() < 3:
            return values
        return values[torch.arange(inputs.shape[1]) < lengths[:, None]]


class Continuation(Form):
    """Tokens and a state in, the next tokens' logits and a state out; no padding.

    ``tokens (B, T)`` and states ``(B, ...)`` to ``logits (B, T, V)`` and states.
    """

    kinds = ("language_model",)

    def __init__(self, network: Network, spec: TaskSpec) -> None:
        super().__init__(network, spec)
        self.sizes = [len(parts) for parts in network.begin(1)]
        """How many parts the state of each layer has."""
        cells = [each for each in network.stack.cells if isinstance(each, Cell)]
        names = [
            f"{cell.state_name(part)}_{layer}"
            for layer, (cell, size) in enumerate(zip(cells, self.sizes, strict=True))
            for part in range(size)
        ]
        self.carried = names, [f"next_{name}" for name in names]
        self.inputs = ["tokens", *self.carried[0]]
        self.outputs = ["logits", *self.carried[1]]

    def forward(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        inputs, *rest = arguments
        state = tuple(tuple(rest.pop(0) for _ in range(size)) for size in self.sizes)
        lengths = inputs.new_full(inputs.shape[:1], inputs.shape[1])
        batch = Batch(inputs, lengths, inputs)
        output = self.network(batch, state)
        return (self.network.predict(batch, output), *flat(output.state))

    def draw(self, batch: int, steps: int, random: torch.Generator) -> Tensors:
        # Not any numbers are a state of any cell; those that it came to by itself are.
        before, inputs = (self._inputs(batch, n, random) for n in (WARM_UP, steps))
        lengths = torch.full((batch,), WARM_UP)
        state = self.network(Batch(before, lengths, before), self.network.begin(batch)).state
        return [inputs, *flat(state)]

    def states(self) -> list[tuple[str, str, Tensor]]:
        return list(zip(*self.carried, flat(self.network.begin(1)), strict=True))


def flat(state: StackState) -> Tensors:
    return [part for cell in state for part in cell]


WHY: dict[Kind, str] = {
    "write": "it writes a text of a label",
    "transduce": "it is an encoder and a decoder",
}
"""What the networks do that no file is made of."""


def form_of(network: Network, spec: TaskSpec) -> Form:
    """The form that a network of the task's kind is written in.

    Raises UserError where there is none.
    """
    for form in (Answer, Continuation):
        if spec.kind in form.kinds:
            return form(network, spec)
    raise UserError(
        f"this network cannot be exported: {WHY[spec.kind]}; a file is made of one that labels "
        "sequences or their steps, gives numbers, or goes on with a text"
    )

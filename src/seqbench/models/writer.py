"""Writer: one label -> a sequence of tokens."""

from typing import Any

import torch
from torch import Tensor, nn

from seqbench.batch import IGNORE, Batch
from seqbench.errors import UserError
from seqbench.models.network import Network, Output
from seqbench.models.stack import StackState
from seqbench.spec import TaskSpec

SPREAD = 0.1
"""Standard deviation of what the labels add to a state at the start: small beside what gates
saturate at, and enough to tell labels apart."""


class Writer(Network):
    """Writes a sequence of a label: a language model whose state starts where the label says.

    ``Russian -> А н н а <eos>``

    Each label has a learned vector that is added to the cells' initial states, all layers'; then
    each token is predicted from those before it. (Karpathy and Fei-Fei 2015, "Deep visual-semantic
    alignments", section 3.2, add an image's vector to the first step alike.) In training these are
    the true ones (teacher forcing, Williams and Zipser 1989).

    Raises UserError as ``Network`` does, and for a task that does not write of a label.
    """

    kinds = ("write",)

    def __init__(self, spec: TaskSpec, **settings: Any) -> None:
        super().__init__(spec, **settings)
        assert spec.start_id is not None
        self.start_id, self.padding_id = spec.start_id, spec.padding_id
        self.sizes = [part.numel() for part in self._floats()]
        """Numbers of each part of the state that a label adds to."""
        table = SPREAD * torch.randn(len(spec.labels), sum(self.sizes))
        self.table = nn.Parameter(table)

    def require(self, spec: TaskSpec) -> None:
        super().require(spec)
        if spec.start_id is None or not spec.labels:
            raise UserError("model._target_: a Writer is for tasks with labels and a start mark")

    def forward(self, batch: Batch, state: StackState | None = None) -> Output:
        """Predict the targets ``(B, T)`` of the labels ``batch.inputs (B,)``.

        Step t reads target t - 1, the first the start mark. state: None; the labels give it.
        """
        tokens = batch.targets.masked_fill(batch.targets == IGNORE, self.padding_id)
        start = tokens.new_full((len(tokens), 1), self.start_id)
        inputs = torch.cat([start, tokens[:, :-1]], 1)
        return self.advance(inputs, self.begin(len(tokens), batch.inputs), batch.lengths)

    def begin(self, batch_size: int, labels: Tensor | None = None) -> StackState:
        """The state before the first token of each label's text. labels: ``(B,)``, not None."""
        if labels is None:
            raise ValueError("a Writer begins from labels")
        added = iter(torch.split(self.table[labels], self.sizes, -1))
        return tuple(
            tuple(
                part + next(added).view_as(part) if part.is_floating_point() else part
                for part in cell
            )
            for cell in super().begin(batch_size)
        )

    def _floats(self) -> list[Tensor]:
        """The parts of one row's state that are no integers."""
        state = super().begin(1)
        return [part for cell in state for part in cell if part.is_floating_point()]

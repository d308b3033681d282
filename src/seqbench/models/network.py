"""Network: embedding -> stack -> head, sized by the task's spec."""

from collections.abc import Callable
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from seqbench.batch import Batch
from seqbench.errors import UserError
from seqbench.models.cells.base import Backend, Cell
from seqbench.models.embedding import Embedding
from seqbench.models.heads.base import Head
from seqbench.models.settings import Layers, Probability
from seqbench.models.stack import Stack, StackState
from seqbench.spec import WRITTEN, Kind, TaskSpec

OTHERS: dict[Kind, str] = {
    "write": "seqbench.models.writer.Writer",
    "transduce": "seqbench.models.transducer.Transducer",
}
"""Kinds of task that want another network than this one."""


class Output(NamedTuple):
    """hidden: what the head pooled, for ``head.predict`` and ``head.nll``. state: to carry on."""

    hidden: Tensor
    state: StackState


class Network(nn.Module):
    """A network for one task.

    cell, embedding, head: a class or a partial of one, called as ``cell(input_size,
    hidden_size)``, ``embedding(input_size, padding_id)`` and ``head(hidden_size, output_size,
    bidirectional)``; all else that their constructors take, by keyword only, is a setting.
    dropout: between layers. variational, recurrent_dropout, zoneout: see ``Stack``. backend: see
    ``Cell.select_backend``.

    Raises UserError for pairs that cannot work: a task that wants another kind of network or head,
    a bidirectional language model, a native kernel that the cell does not bring or that cannot do
    what is asked within the recurrence, an embedding that the head cannot share.

    kinds: of task that it does.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("classify", "tag", "language_model", "regress")

    def __init__(
        self,
        spec: TaskSpec,
        *,
        cell: Callable[..., Cell],
        embedding: Callable[..., Embedding],
        head: Callable[..., Head],
        hidden_size: PositiveInt = 64,
        num_layers: Layers = 1,
        bidirectional: bool = False,
        dropout: Probability = 0.0,
        variational: bool = False,
        recurrent_dropout: Probability = 0.0,
        zoneout: Probability = 0.0,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        self.require(spec)
        if bidirectional and spec.kind in WRITTEN:
            raise UserError(
                "model.bidirectional=true reads the very tokens that a language model is to "
                "predict; use model.bidirectional=false"
            )
        self.embedding = embedding(spec.input_size, spec.padding_id)
        self.embedding.require(spec)
        self.stack = Stack(
            cell,
            self.embedding.output_size,
            hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            variational=variational,
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            backend=backend,
        )
        self.head = head(self.stack.output_size, spec.output_size, bidirectional)
        self.head.require(spec)
        self.head.tie(self.embedding)

    def require(self, spec: TaskSpec) -> None:
        """Raise UserError, with the reason, for a task that this network cannot do."""
        if spec.kind not in self.kinds:
            fitting = OTHERS.get(spec.kind, "seqbench.models.network.Network")
            raise UserError(
                f"model._target_: {type(self).__name__} is not for a task of the kind {spec.kind}; "
                f"use model._target_={fitting}"
            )

    @property
    def state_size(self) -> int:
        """Numbers of state a row carries, over all layers and directions."""
        return self.stack.state_size

    @property
    def backend(self) -> Literal["native", "reference"]:
        """What the cells run."""
        return self.stack.backend

    def forward(self, batch: Batch, state: StackState | None = None) -> Output:
        """Run one batch.

        state: from the batch before, its gradient cut by the caller; rows that ``batch.reset``
        marks start anew. None starts all rows anew. The state that comes out is the one after
        the last column, so it is of use for rows without padding only.
        """
        if state is not None and batch.reset is not None:
            state = self._restart(state, batch.reset)
        return self.advance(batch.inputs, state, batch.lengths)

    def predict(self, batch: Batch, output: Output, logits: Tensor | None = None) -> Tensor:
        """What the network says of a batch that ``forward`` gave ``output`` for: logits ``(B, C)``
        or ``(B, T, C)``, or numbers ``(B, O)``.

        logits: what ``head.predict`` makes of ``output.hidden``, where that is known.
        """
        return self.head.predict(output.hidden) if logits is None else logits

    def advance(self, inputs: Tensor, state: StackState | None, lengths: Tensor) -> Output:
        """Run over ``inputs (B, T)`` from a state on; ``lengths (B,)`` of them are valid."""
        outputs, state = self.stack(self.embedding(inputs), state, lengths)
        return Output(self.head.pool(outputs, lengths), state)

    def step(self, tokens: Tensor, state: StackState) -> Output:
        """One time step for ``tokens (B,)`` by the cells' equations; hidden is ``(B, F)``."""
        y, state = self.stack.step(self.embedding(tokens.unsqueeze(1))[:, 0], state)
        hidden = self.head.pool(y.unsqueeze(1), torch.ones_like(tokens))
        return Output(hidden[:, 0], state)

    def begin(self, batch_size: int, labels: Tensor | None = None) -> StackState:
        """The state before the first token of ``batch_size`` texts.

        labels: ``(B,)``, for a network that writes a text of a label.
        """
        parameter = next(self.parameters())
        return self.stack.initial_state(batch_size, parameter.device, parameter.dtype)

    def _restart(self, state: StackState, reset: Tensor) -> StackState:
        dtypes = (part.dtype for cell in state for part in cell if part.is_floating_point())
        dtype = next(dtypes, torch.float32)
        fresh = self.stack.initial_state(reset.shape[0], reset.device, dtype)
        return tuple(
            tuple(
                torch.where(reset.view(-1, *[1] * (old.dim() - 1)), new, old)
                for old, new in zip(cell, start, strict=True)
            )
            for cell, start in zip(state, fresh, strict=True)
        )

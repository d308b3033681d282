"""Transducer: a sequence -> a sequence of another length."""

from typing import Any

import torch
from torch import Tensor, nn

from seqbench.batch import IGNORE, Batch
from seqbench.errors import UserError
from seqbench.models.network import Network, Output
from seqbench.models.stack import Stack, StackState
from seqbench.spec import TaskSpec

SHARED = ("num_layers", "dropout", "variational", "recurrent_dropout", "zoneout", "backend")
"""Settings of the encoder that are the decoder's, too."""


class Transducer(Network):
    """An encoder reads a sequence, and a decoder writes another from the state it has left.

    ``3 1 4 -> 4 1 3 <eos>``

    Sutskever, Vinyals and Le 2014, "Sequence to sequence learning with neural networks". The
    decoder is a second stack of the same cells and depth; it begins from the encoder's state at
    each row's own last step, and reads the token before: in training the true one (teacher
    forcing, Williams and Zipser 1989), else its own likeliest. Of a bidirectional encoder both
    directions' states stand side by side in a decoder of twice the width.

    Raises UserError as ``Network`` does, and for a task of another kind.
    """

    kinds = ("transduce",)

    def __init__(self, spec: TaskSpec, **settings: Any) -> None:
        super().__init__(spec, **settings)
        assert spec.start_id is not None
        assert spec.end_id is not None
        self.start_id, self.end_id = spec.start_id, spec.end_id
        size = self.embedding.output_size
        self.tokens = nn.Embedding(spec.output_size + 1, size)  # the start mark is never put out
        self.decoder = Stack(
            settings["cell"],
            size,
            self.stack.hidden_size * self.stack.num_directions,
            **{key: value for key, value in settings.items() if key in SHARED},
        )
        given, wanted = self._joined(_start(self.stack)), _start(self.decoder)
        if _shapes(given) != _shapes(wanted) or self.decoder.output_size != self.stack.output_size:
            raise UserError(
                "model.bidirectional=true: two states of these cells, side by side, are none of "
                "the decoder's; use model.bidirectional=false"
            )

    @property
    def state_size(self) -> int:
        """Numbers of state that pass from the encoder to the decoder."""
        return self.decoder.state_size

    def forward(self, batch: Batch, state: StackState | None = None) -> Output:
        """Predict each target ``(B, U)`` from those before it.

        state: None. The state that comes out is the one that the decoder begins with.
        """
        vectors = self.embedding(batch.inputs)
        _, left = self.stack(vectors, None, batch.lengths, ragged_state=True)
        state = self._joined(left)
        tokens = batch.targets.masked_fill(batch.targets == IGNORE, 0)
        start = tokens.new_full((len(tokens), 1), self.start_id)
        inputs = torch.cat([start, tokens[:, :-1]], 1)
        outputs, _ = self.decoder(self.tokens(inputs), state)
        lengths = (batch.targets != IGNORE).sum(1)
        return Output(self.head.pool(outputs, lengths), state)

    def predict(self, batch: Batch, output: Output, logits: Tensor | None = None) -> Tensor:
        """Logits ``(B, U, output_size)``: in training those after the true tokens, else those of
        greedy decoding, as many steps as targets are wide. Behind its end mark a row has nothing
        but end marks."""
        if self.training:
            return super().predict(batch, output, logits)
        state, (rows, steps) = output.state, batch.targets.shape
        token = torch.full((rows,), self.start_id, device=batch.targets.device)
        ended = torch.zeros_like(token, dtype=torch.bool)
        answer = []
        for _ in range(steps):
            y, state = self.decoder.step(self.tokens(token), state)
            logits = self.head.predict(self.head.pool(y.unsqueeze(1), torch.ones_like(token))[:, 0])
            only_end = torch.full_like(logits, -torch.inf)
            only_end[:, self.end_id] = 0
            logits = torch.where(ended.unsqueeze(1), only_end, logits)
            token = logits.argmax(-1)
            ended = ended | (token == self.end_id)
            answer.append(logits)
        return torch.stack(answer, 1)

    def _joined(self, state: StackState) -> StackState:
        """The encoder's state as the decoder's: a layer's two directions side by side."""
        if not self.stack.bidirectional:
            return state
        return tuple(
            tuple(torch.cat(both, -1) for both in zip(ahead, back, strict=True))
            for ahead, back in zip(state[::2], state[1::2], strict=True)
        )


def _start(stack: Stack) -> StackState:
    return stack.initial_state(1, torch.device("cpu"), torch.float32)


def _shapes(state: StackState) -> list[torch.Size]:
    return [part.shape for cell in state for part in cell]

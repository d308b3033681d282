"""A textbook's program for film reviews: many narrow layers of a cell written out by hand."""

import math

import torch
from torch import Tensor, nn

LAYERS, HIDDEN, EMBEDDING = 25, 8, 64


class Gate(nn.Module):
    """W x + U h + b."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(inputs, HIDDEN) / math.sqrt(inputs))
        self.u = nn.Parameter(torch.randn(HIDDEN, HIDDEN) / math.sqrt(HIDDEN))
        self.b = nn.Parameter(torch.zeros(HIDDEN))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return x @ self.w + h @ self.u + self.b


class Cell(nn.Module):
    """A layer; its state ``(h, c)`` is two of ``(B, 8)``, and only the LSTM uses c."""

    def __init__(self, inputs: int, gates: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(Gate(inputs) for _ in range(gates))


class RNN(Cell):
    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, 1)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tanh(self.gates[0](x, h)), c


class LSTM(Cell):
    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, 4)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, o, g = (gate(x, h) for gate in self.gates)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class GRU(Cell):
    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, 3)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        reset, update, new = self.gates
        r, z = torch.sigmoid(reset(x, h)), torch.sigmoid(update(x, h))
        return (1 - z) * h + z * torch.tanh(new(x, r * h)), c


CELLS = {"rnn": RNN, "lstm": LSTM, "gru_v1": GRU}


class Reviews(nn.Module):
    """The logit ``(B,)`` of tokens ``(B, T)``: whether a review is positive."""

    def __init__(self, cell: str, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING)
        self.layers = nn.ModuleList(
            CELLS[cell](HIDDEN if layer else EMBEDDING) for layer in range(LAYERS)
        )
        self.output = nn.Linear(HIDDEN, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        start = torch.zeros(len(tokens), HIDDEN, device=tokens.device)
        states = [(start, start)] * LAYERS
        for x in self.embedding(tokens).unbind(1):
            for number, layer in enumerate(self.layers):
                states[number] = layer(x, *states[number])
                x = states[number][0]
        logits: Tensor = self.output(x).squeeze(1)
        return logits


class Textbook:
    """Trains Reviews on ``tokens (B, T)`` and ``labels (B,)``, the same batch at each step."""

    def __init__(self, cell: str, vocabulary: int, tokens: Tensor, labels: Tensor):
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokens, self.labels = tokens.to(device), labels.float().to(device)
        self.model = Reviews(cell, vocabulary).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-10, fused=True)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            logits = self.model(self.tokens)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, self.labels)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        if self.tokens.device.type == "cuda":
            torch.cuda.synchronize()

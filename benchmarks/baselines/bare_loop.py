"""A training loop as one writes it by hand: a label at each step of token sequences.

``python -m benchmarks.baselines.bare_loop CELL`` reads a number of steps a line, and answers each
line when they are done.
"""

import sys

import torch
from torch import nn

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Labeller(nn.Module):
    """Logits ``(B, T, classes)`` of tokens ``(B, T)``."""

    def __init__(
        self, cell: str, vocabulary: int, embedding: int, hidden: int, layers: int, classes: int
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.recurrent = CELLS[cell](embedding, hidden, num_layers=layers, batch_first=True)
        self.output = nn.Linear(hidden, classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        output, _ = self.recurrent(self.embedding(tokens))
        logits: torch.Tensor = self.output(output)
        return logits


class BareLoop:
    """Trains a Labeller on random batches of ``inputs (N, T)`` and ``targets (N, T)``."""

    def __init__(
        self,
        model: nn.Module,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        batch_size: int,
    ) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(device)
        self.inputs, self.targets = inputs.to(device), targets.to(device)
        self.batch_size = batch_size
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def run(self, steps: int) -> None:
        self.model.train()
        order = torch.randperm(len(self.inputs))
        per_epoch = len(order) // self.batch_size
        for step in range(steps):
            first = step % per_epoch * self.batch_size
            rows = order[first : first + self.batch_size]
            logits = self.model(self.inputs[rows])
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), self.targets[rows].flatten())
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
        if self.inputs.device.type == "cuda":
            torch.cuda.synchronize()


def of_shape(cell: str, batch: int, time: int, embedding: int, hidden: int) -> BareLoop:
    """On random digits."""
    tokens, targets = torch.randint(10, (2, 50 * batch, time))
    return BareLoop(Labeller(cell, 10, embedding, hidden, 1, 10), tokens, targets, batch)


if __name__ == "__main__":
    loop = of_shape(sys.argv[1], 64, 200, 64, 128)
    for line in sys.stdin:
        loop.run(int(line))
        print("done", flush=True)

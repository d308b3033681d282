"""A training loop as one writes it by hand: a label at each step of token sequences."""

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
    """Trains a Labeller on random batches of ``inputs (N, T)`` and ``targets (N, T)``.

    amp: under bfloat16 autocast.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        batch_size: int,
        amp: bool = False,
    ) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model, self.amp = model.to(device), amp
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
            with torch.autocast(self.inputs.device.type, torch.bfloat16, enabled=self.amp):
                logits = self.model(self.inputs[rows])
                loss = nn.functional.cross_entropy(
                    logits.flatten(0, 1), self.targets[rows].flatten()
                )
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
        if self.inputs.device.type == "cuda":
            torch.cuda.synchronize()

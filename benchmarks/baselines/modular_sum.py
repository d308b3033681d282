"""A textbook's program for the modular sum: the digit as one number, lengths in turn, unshuffled.

Prints as JSON after how many seconds of training, and epochs, the test accuracy was 1.0000.
"""

import argparse
import json
import time

import torch
from torch import nn

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
LENGTHS, SIZE, BATCH, HIDDEN = (25, 75, 125), 5000, 100, 64
TEST_LENGTH, TEST_SIZE = 100, 1000


class Adder(nn.Module):
    """Logits ``(B, T, 10)`` of digits ``(B, T)``."""

    def __init__(self, cell: str) -> None:
        super().__init__()
        self.recurrent = CELLS[cell](1, HIDDEN, batch_first=True)
        self.output = nn.Linear(HIDDEN, 10)

    def forward(self, digits: torch.Tensor) -> torch.Tensor:
        output, _ = self.recurrent(digits.float().unsqueeze(-1))
        logits: torch.Tensor = self.output(output)
        return logits


def draw(size: int, length: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits and their sums, ``(size, length)`` each: the first stays, and is added to the rest."""
    digits = torch.randint(10, (size, length), device=device)
    sums = (digits + digits[:, :1]) % 10
    sums[:, 0] = digits[:, 0]
    return digits, sums


def accuracy(model: nn.Module, digits: torch.Tensor, sums: torch.Tensor) -> float:
    model.eval()
    with torch.inference_mode():
        return float((model(digits).argmax(-1) == sums).float().mean())


def train(cell: str, limit: float) -> dict[str, float]:
    """Trains until the test accuracy is 1.0000, or for so many seconds; tests are not timed."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    lengths = [draw(SIZE, length, device) for length in LENGTHS]
    test = draw(TEST_SIZE, TEST_LENGTH, device)
    model = Adder(cell).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    seconds, epochs = 0.0, 0
    while seconds < limit:
        model.train()
        started = time.perf_counter()
        for digits, sums in lengths:
            for rows, wanted in zip(
                torch.split(digits, BATCH), torch.split(sums, BATCH), strict=True
            ):
                loss = nn.functional.cross_entropy(model(rows).flatten(0, 1), wanted.flatten())
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds, epochs = seconds + time.perf_counter() - started, epochs + 1
        if round(accuracy(model, *test), 4) == 1:
            return {"seconds": seconds, "epochs": epochs, "reached": 1}
    return {"seconds": seconds, "epochs": epochs, "reached": 0}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("cell", choices=CELLS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    asked = parser.parse_args()
    torch.manual_seed(asked.seed)
    print(json.dumps(train(asked.cell, asked.seconds)))

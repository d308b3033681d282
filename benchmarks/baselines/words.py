"""A textbook's word model, written by hand: the whole vocabulary in every softmax."""

import math
import time

import torch
from torch import nn

STREAMS, STEPS = 16, 32
SIZE = 64
State = tuple[torch.Tensor, torch.Tensor]


class WordModel(nn.Module):
    """Logits ``(B, T, V)`` of the words that follow ``(B, T)``, and the LSTM's state."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, SIZE)
        self.recurrent = nn.LSTM(SIZE, SIZE, batch_first=True)
        self.output = nn.Linear(SIZE, vocabulary)

    def forward(
        self, words: torch.Tensor, state: State | None = None
    ) -> tuple[torch.Tensor, State]:
        output, state = self.recurrent(self.embedding(words), state)
        return self.output(output), state


class Textbook:
    """Trains a WordModel on the words' ids ``(N,)``: streams side by side, in chunks, by Adam.

    unknown: share of the words from the id ``rare`` on that a chunk reads as unknown, id 1.
    seconds: of training so far.
    """

    def __init__(
        self, words: torch.Tensor, vocabulary: int, unknown: float = 0.0, rare: int = 0
    ) -> None:
        self.unknown, self.rare = unknown, rare
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        length = len(words) // STREAMS
        self.streams = words[: STREAMS * length].view(STREAMS, length).to(self.device)
        self.model = WordModel(vocabulary).to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.01, fused=True)
        self.state: State | None = None
        self.first = 0
        self.seconds = 0.0

    def run(self, steps: int) -> None:
        """So many steps, from where the last call has stopped."""
        started = time.perf_counter()
        self.model.train()
        for _ in range(steps):
            if self.first + 1 >= self.streams.shape[1]:
                self.first, self.state = 0, None
            chunk = self.streams[:, self.first : self.first + STEPS + 1]
            self.first += STEPS
            if self.unknown:
                drawn = torch.rand(chunk.shape, device=self.device) < self.unknown
                chunk = chunk.masked_fill(drawn & (chunk >= self.rare), 1)
            logits, (h, c) = self.model(chunk[:, :-1], self.state)
            self.state = h.detach(), c.detach()
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), chunk[:, 1:].flatten())
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
        if self.device == "cuda":
            torch.cuda.synchronize()
        self.seconds += time.perf_counter() - started

    @torch.inference_mode()
    def perplexity(self, words: torch.Tensor) -> float:
        """Of a text ``(N,)`` read as a whole: each word but the first is predicted once."""
        self.model.eval()
        total, state = 0.0, None
        inputs, targets = words[:-1].to(self.device), words[1:].to(self.device)
        for piece, wanted in zip(torch.split(inputs, 512), torch.split(targets, 512), strict=True):
            logits, state = self.model(piece.unsqueeze(0), state)
            total += float(nn.functional.cross_entropy(logits[0], wanted, reduction="sum"))
        return math.exp(total / len(targets))

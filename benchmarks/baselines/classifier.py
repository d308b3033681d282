"""Labels for texts by a trained network, as one writes it by hand: sorted batches of a file."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

BATCH_SIZE = 256


def of_one_lstm(weights: Mapping[str, torch.Tensor]) -> tuple[nn.Embedding, nn.LSTM, nn.Linear]:
    """The layers of a seqbench network of one LSTM, with its weights."""
    embedding, kernel, linear = (
        f"network.{name}." for name in ("embedding.table", "stack.cells.0.kernel", "head.linear")
    )
    words, size = weights[f"{embedding}weight"].shape
    classes, hidden = weights[f"{linear}weight"].shape
    table = nn.Embedding(words, size)
    lstm = nn.LSTM(size, hidden, batch_first=True)
    output = nn.Linear(hidden, classes)
    for part, name in ((table, embedding), (lstm, kernel), (output, linear)):
        part.load_state_dict({each: weights[name + each] for each in part.state_dict()})
    return table, lstm, output


class Classifier(nn.Module):
    """Logits ``(B, classes)`` of tokens ``(B, T)``, from the last step of each row.

    checkpoint: seqbench's, of a classifier of texts, an LSTM of one layer.
    """

    def __init__(self, checkpoint: Path) -> None:
        super().__init__()
        kept = torch.load(checkpoint, weights_only=True)
        spec = kept["seqbench"]["spec"]
        self.labels: list[str] = spec["labels"]
        self.ids = {word: i for i, word in enumerate(spec["vocabulary"])}
        self.embedding, self.recurrent, self.output = of_one_lstm(kept["state_dict"])

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.recurrent(self.embedding(tokens))
        logits: torch.Tensor = self.output(outputs[torch.arange(len(tokens)), lengths - 1])
        return logits

    def batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Rows of like length, and their logits."""
        encoded = [
            torch.tensor([self.ids.get(word, 1) for word in text.lower().split()]) for text in texts
        ]
        order = sorted(range(len(texts)), key=lambda row: len(encoded[row]))
        for first in range(0, len(order), BATCH_SIZE):
            rows = order[first : first + BATCH_SIZE]
            lengths = torch.tensor([len(encoded[row]) for row in rows])
            yield rows, self(pad_sequence([encoded[row] for row in rows], True), lengths)


@torch.inference_mode()
def predict(checkpoint: Path, file: Path, written: Path) -> None:
    """Writes text, label and probabilities of each line, as JSON."""
    model = Classifier(checkpoint)
    texts = file.read_text("utf-8").splitlines()
    found: list[dict[str, object]] = [{}] * len(texts)
    for rows, logits in model.batches(texts):
        for row, shares in zip(rows, logits.softmax(-1).tolist(), strict=True):
            by_name = dict(zip(model.labels, shares, strict=True))
            found[row] = {
                "text": texts[row],
                "label": max(by_name, key=by_name.__getitem__),
                "probabilities": by_name,
            }
    with written.open("w", encoding="utf-8") as opened:
        opened.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in found)


@torch.inference_mode()
def evaluate(checkpoint: Path, file: Path) -> dict[str, float]:
    """Loss and accuracy on a csv file."""
    model = Classifier(checkpoint)
    with file.open(encoding="utf-8", newline="") as opened:
        rows_read = list(csv.DictReader(opened))
    texts = [row["text"] for row in rows_read]
    targets = torch.tensor([model.labels.index(row["label"]) for row in rows_read])
    loss, right = 0.0, 0
    for rows, logits in model.batches(texts):
        loss += float(nn.functional.cross_entropy(logits, targets[rows], reduction="sum"))
        right += int((logits.argmax(-1) == targets[rows]).sum())
    return {"loss": loss / len(texts), "accuracy": right / len(texts)}

"""A text by a trained language model, one character at a time, as one writes it by hand."""

from pathlib import Path

import torch

from benchmarks.baselines.classifier import of_one_lstm


class Writer:
    """checkpoint: seqbench's, of a language model of characters, an LSTM of one layer."""

    def __init__(self, checkpoint: Path) -> None:
        kept = torch.load(checkpoint, weights_only=True)
        self.vocabulary: list[str] = kept["seqbench"]["spec"]["vocabulary"]
        self.embedding, self.recurrent, self.output = of_one_lstm(kept["state_dict"])

    @torch.inference_mode()
    def write(self, prompt: str, length: int) -> str:
        ids = [self.vocabulary.index(character) for character in prompt]
        outputs, state = self.recurrent(self.embedding(torch.tensor([ids])))
        for _ in range(length):
            shares = self.output(outputs[:, -1]).softmax(-1)
            token = torch.multinomial(shares, 1)
            ids.append(int(token))
            outputs, state = self.recurrent(self.embedding(token), state)
        return "".join(self.vocabulary[i] for i in ids)

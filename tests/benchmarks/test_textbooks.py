import math
from typing import Any

import pytest
import torch
from benchmarks.baselines import imdb, modular_sum, words
from benchmarks.row import SkippedError
from benchmarks.rows import rows
from torch import nn


def test_modular_sums_begin_with_the_digit_itself() -> None:
    digits, sums = modular_sum.draw(3, 5, "cpu")
    for row, wanted in zip(digits.tolist(), sums.tolist(), strict=True):
        assert wanted == [row[0], *((digit + row[0]) % 10 for digit in row[1:])]


@pytest.mark.parametrize(("cell", "kernel"), [("rnn", nn.RNN), ("lstm", nn.LSTM)])
def test_a_cell_by_hand_is_torchs(cell: str, kernel: Any) -> None:
    own, other = imdb.CELLS[cell](3), kernel(3, imdb.HIDDEN)  # torch's gates: i, f, g, o
    gates: list[Any] = [own.gates[n] for n in ([0, 1, 3, 2] if cell == "lstm" else [0])]
    with torch.no_grad():
        other.weight_ih_l0.copy_(torch.cat([gate.w.T for gate in gates]))
        other.weight_hh_l0.copy_(torch.cat([gate.u.T for gate in gates]))
        other.bias_ih_l0.zero_()
        other.bias_hh_l0.zero_()
    x, h, c = torch.randn(2, 3), torch.randn(2, imdb.HIDDEN), torch.randn(2, imdb.HIDDEN)
    wanted, _ = other(x.unsqueeze(0), (h[None], c[None]) if cell == "lstm" else h[None])
    torch.testing.assert_close(own(x, h, c)[0], wanted[0])


def test_perplexity_is_of_the_whole_text() -> None:
    text = torch.randint(20, (600,))
    textbook = words.Textbook(text, 20)
    with torch.inference_mode():
        logits, _ = textbook.model(text[None, :-1].to(textbook.device))
        loss = nn.functional.cross_entropy(logits[0], text[1:].to(textbook.device))
    assert textbook.perplexity(text) == pytest.approx(math.exp(float(loss)), rel=1e-4)


def test_textbook_learns_the_unknown_word_only_where_words_are_hidden() -> None:
    text = torch.arange(2, 20).repeat(100)
    plain, hidden = words.Textbook(text, 20), words.Textbook(text, 20, unknown=0.5, rare=2)
    moved = []
    for textbook in (plain, hidden):
        bias = textbook.model.output.bias
        before = float(bias[1].detach())
        textbook.run(5)  # an epoch has four
        moved.append(float(bias[1].detach()) - before)
    assert moved[0] < 0 < moved[1]


def test_words_want_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQBENCH_DATA_DIR", raising=False)
    with pytest.raises(SkippedError, match="SEQBENCH_DATA_DIR"):
        next(rows()["words-quality"].turns(1))

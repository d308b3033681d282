"""Words that stand once in the training text become unknown now and then."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.batch import IGNORE
from seqbench.datamodules.language_model import LanguageModel
from seqbench.datamodules.streams import Hidden, Streams
from seqbench.datamodules.texts.encoder import UNKNOWN_ID

TOKENS = np.arange(2, 3002)
FIRST = 1500


def streams(share: float = 0.5) -> Streams:
    return Streams(TOKENS, streams=3, steps=50, hidden=Hidden(share, FIRST, UNKNOWN_ID, seed=7))


def epoch(data: Streams, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """All inputs and targets of an epoch, with those of the text as it is."""
    plain = Streams(TOKENS, streams=3, steps=50)
    inputs, targets = [], []
    for i in range(data.chunks):
        batch, whole = data[number * data.chunks + i], plain[i]
        assert torch.equal(batch.targets == IGNORE, whole.targets == IGNORE)
        # What is a target is the next input.
        there = batch.targets[:, 1:] != IGNORE
        assert torch.equal(batch.inputs[:, 1:][there], batch.targets[:, :-1][there])
        inputs.append(torch.stack([batch.inputs.flatten(), whole.inputs.flatten()]))
        targets.append(torch.stack([batch.targets.flatten(), whole.targets.flatten()]))
    return torch.cat(inputs, 1), torch.cat(targets, 1)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_share_of_the_rare_becomes_unknown(share: float) -> None:
    for read, whole in epoch(streams(share), 0):
        rare = whole >= FIRST
        assert torch.equal(read[~rare], whole[~rare])
        gone = read[rare] == UNKNOWN_ID
        assert torch.equal(read[rare][~gone], whole[rare][~gone])
        assert float(gone.float().mean()) == pytest.approx(share, abs=0.05)


def test_others_in_each_epoch_and_the_same_again() -> None:
    first, again, second = (epoch(streams(), n)[0][0] for n in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_what_stands_once_is_rare_and_only_in_training(tmp_path: Path) -> None:
    words = [f"once{i}" for i in range(200)] + ["often", "twice"] * 400
    rng = np.random.default_rng(0)
    (tmp_path / "text.txt").write_text(" ".join(rng.permutation(words)), "utf-8")
    data = LanguageModel(
        cache_dir=str(tmp_path / "cache"),
        path=str(tmp_path / "text.txt"),
        level="whitespace",
        unknown_singletons=0.5,
        batch_size=2,
        sequence_length=10,
    )
    data.setup()
    vocabulary = data.spec.vocabulary
    assert vocabulary[:4] == ("<pad>", "<unk>", *sorted(("often", "twice")))
    assert data.facts["singletons"] == len(vocabulary) - 4
    read = torch.cat([batch.inputs.flatten() for batch in data.loader("train", training=True)])
    plain = torch.cat([batch.inputs.flatten() for batch in data.loader("train")])
    assert int((plain == UNKNOWN_ID).sum()) == 0
    assert 0.3 < int((read == UNKNOWN_ID).sum()) / data.facts["singletons"] < 0.7
    assert int((read == 2).sum()) == int((plain == 2).sum())

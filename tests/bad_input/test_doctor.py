"""Options that there are not; whatever else is wrong is reported, and no mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--qick"], ["unknown option --qick", "'--quick'"]),
        (["outputs"], ["unrecognized arguments: outputs"]),
        (["--outputs"], ["--outputs", "expected one argument"]),
        (["--outputs", "~nobody_at_all/x"], ["~nobody_at_all/x", "no usable path"]),
        (["--outputs", "a" * 300], ["no usable path"]),
        (["--cell", "Leaky"], ["--cell Leaky", "full name"]),
        (["--cell", "nowhere.cells.Leaky"], ["--cell", "nowhere", "install it"]),
        (["--cell", "torch.nn.Linear"], ["torch.nn.Linear", "no seqbench.Cell"]),
        (["--cell", "os.system"], ["os.system", "no seqbench.Cell"]),
        (["--cell", "seqbench.models.cells.gru.GRUU"], ["GRUU"]),
        (["--cell", "seqbench.models.cells.base.Cell"], ["nothing that can be built"]),
        (["--quick", "--cell", "seqbench.models.cells.gru.GRU"], ["--quick and --cell"]),
    ],
)
def test_wrong_options(refused: Refused, here: Path, words: list[str], parts: list[str]) -> None:
    refused("doctor", *words, parts=parts)

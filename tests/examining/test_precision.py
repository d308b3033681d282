"""Cells that fail in one precision or all, and what is said of them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench.examining import precision
from seqbench.examining.precision import examine

SOURCE = '''
import torch
from torch.nn import functional as F
from seqbench.errors import UserError
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.rnn import RNN

class Good(RNN):
    pass

class NoKernel(GRU):
    """Its kernel cannot do bfloat16; its equations can."""
    def native(self, x, state, lengths):
        if torch.is_autocast_enabled("cpu") or x.dtype == torch.bfloat16:
            raise NotImplementedError('"fast_gru" not implemented for\\n BFloat16')
        return super().native(x, state, lengths)

class Off(GRU):
    """Its kernel computes something else than its equations."""
    def native(self, x, state, lengths):
        y, state = super().native(x, state, lengths)
        return 1.5 * y, state

class Undefined(RNN):
    """The gradient of a root at 0."""
    def step(self, x, state):
        y, state = super().step(x, state)
        return y + 0 * torch.sqrt(y - y), state
    def native(self, x, state, lengths):
        y, state = super().native(x, state, lengths)
        return y + 0 * torch.sqrt(y - y), state

class Rough(RNN):
    """Loses its digits where it gets 8 of them."""
    def native(self, x, state, lengths):
        y, state = super().native(x, state, lengths)
        return (y, state) if torch.is_autocast_enabled("cpu") else ((256 + y) - 256, state)

class Unbuilt(RNN):
    def __init__(self, input_size, hidden_size):
        raise ValueError("no such size")
'''


@pytest.fixture
def tried(
    tmp_path: Path, remembered: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[dict[str, Any], list[str]]]:
    """``tried("Good")``: the row of that cell of a package of the user's, and the problems."""
    (tmp_path / "trial_cells.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(precision, "names", lambda group: [])

    def call(*names: str) -> tuple[dict[str, Any], list[str]]:
        section = examine([torch.device("cpu")], [f"trial_cells.{name}" for name in names])
        row = section.content["cells"][0]
        assert row["own"]
        assert row["device"] == "cpu"
        return row, [f"{each.what}; {each.do}" for each in section.problems]

    return call


Row = dict[str, Any]
Tried = Callable[..., tuple[Row, list[str]]]


def failing(row: Row) -> set[str]:
    return {
        name for name, each in row["precisions"].items() if not (each["works"] or each["refused"])
    }


def test_a_good_cell_leaves_all_as_it_was(tried: Tried) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    row, problems = tried("Good")
    assert torch.equal(torch.get_rng_state(), state)
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, torch.float32)
    assert (row["backend"], failing(row), problems) == ("native", set(), [])
    assert row["precisions"]["64-true"]["difference"] < 1e-5


def test_a_kernel_that_lacks_a_precision(tried: Tried) -> None:
    row, problems = tried("NoKernel")
    assert failing(row) == {"bf16-mixed", "bf16-true"}
    why = (
        'NotImplementedError: "fast_gru" not implemented for BFloat16; '
        "model.backend=reference works"
    )
    assert row["precisions"]["bf16-mixed"]["why"] == why
    (line,) = problems
    assert line.startswith("trial_cells.NoKernel with trainer.precision=bf16-mixed on cpu: Not")
    assert line.endswith("; use trainer.precision=32-true")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Off", "off by "),
        ("Undefined", "the outputs or the gradient are not finite"),
        ("Unbuilt", "Network: no such size"),
    ],
)
def test_a_cell_that_fails_everywhere_is_told_once(tried: Tried, name: str, part: str) -> None:
    row, problems = tried(name)
    assert failing(row) == {"32-true", "bf16-mixed", "64-true", "bf16-true"}
    (line,) = problems
    assert "trainer.precision=32-true" in line
    assert part in line
    assert ("model.backend=reference works" in line) == (name == "Off")


def test_cells_that_fail_alike_share_a_line(tried: Tried) -> None:
    _, problems = tried("Undefined", "Unbuilt", "Undefined")
    assert len(problems) == 2
    assert problems[0].startswith("trial_cells.Undefined with")


def test_rounding_has_its_bounds(tried: Tried) -> None:
    row, problems = tried("Rough")
    assert failing(row) == {"bf16-true"}
    assert "from float32 (allowed 20%)" in row["precisions"]["bf16-true"]["why"]
    assert problems == [], "nobody is told to train in it"


def test_float16_weights_do_not_survive_the_optimiser(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AdamW's 1e-8 is 0 in float16: a forward and a backward pass alone show nothing."""
    monkeypatch.setattr(precision, "check_device", lambda node: None)
    monkeypatch.setattr(precision, "PRECISIONS", ("32-true", "16-true"))
    plain = partial(torch.optim.AdamW, lr=1e-3)  # the fused one rounds at its end alone
    monkeypatch.setattr("seqbench.build.optimizer", lambda config: plain)
    row, _ = tried("Good")
    outcome = row["precisions"]["16-true"]
    assert outcome["why"] == "weights or outputs are not finite after a step of the optimiser"
    assert outcome["difference"] < 0.01

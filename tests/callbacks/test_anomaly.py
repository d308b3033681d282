"""Which operation is named where a loss or gradient is not finite."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench.callbacks.anomaly import Operations

Train = Callable[..., int]
QUICK = ["debug=anomaly", "logger=none", "progress=none", "trainer.max_epochs=1"]
CODE = (Path(__file__).parents[1] / "packages" / "troubled" / "cells.py").read_text("utf-8")


def line_of(code: str) -> str:
    """How a message names the one line of the troubled cell that reads so."""
    (number,) = (n for n, line in enumerate(CODE.splitlines(), 1) if line.strip() == code)
    return f"cells.py, line {number} ({code})"


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (
            "difference",
            "the training loss is nan: sub in {a = large - large.detach()} gave nan, "
            "after exp in {large = torch.exp(a + 1000)} had given an infinite number; its batch",
        ),
        (
            "root",
            "a gradient is not finite; the first came of sqrt in "
            "{a = torch.tanh(a + torch.sqrt(a - a))}, backward; its batch",
        ),
    ],
)
def test_the_operation_and_its_line_are_named(
    train: Train,
    tiny: list[str],
    troubled: list[str],
    here: Path,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
    trouble: str,
    message: str,
    precision: str,
) -> None:
    words = [*tiny, *QUICK, *troubled, f"+model.cell.trouble={trouble}", "+model.cell.at=2"]
    assert train(*words, f"trainer.precision={precision}") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("seqbench: step 2 (epoch 1): ")
    shown = re.sub(r"in \S*(cells\.py)", r"in \1", line)
    for part in re.split(r"(\{.*?\})", message):
        assert (line_of(part[1:-1]) if part.startswith("{") else part) in shown
    assert "debug=anomaly" not in line
    assert not recwarn.list, "torch's own stack, of another operation"
    assert list(here.rglob("debug_outputs/**/bad_batch.pt"))


def test_weights_that_a_step_spoilt_are_no_operation_s_fault(
    train: Train,
    tiny: list[str],
    here: Path,
    composed_once: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = ["scheduler=constant", "optimizer.lr=3.4e38", "optimizer.weight_decay=1"]
    assert train(*tiny, *QUICK, *words) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "step 2 (epoch 1): the training loss is nan, the value of " in line
    assert "gave nan" not in line


def test_a_training_is_not_changed_by_it(
    train: Train, tiny: list[str], here: Path, composed_once: None
) -> None:
    words = [*tiny, *QUICK, "model=gru", "model.dropout=0.3", "model.num_layers=2"]
    assert train(*words) == 0
    assert train(*words, "callbacks.anomaly=null", "trainer.detect_anomaly=false") == 0
    first, second = (torch.load(path, weights_only=True) for path in here.rglob("last.ckpt"))
    assert all(torch.equal(w, second["state_dict"][k]) for k, w in first["state_dict"].items())


def test_an_infinite_number_that_was_asked_for_is_none_that_was_made() -> None:
    x = torch.tensor([1.0, 2.0])
    with Operations() as operations:
        torch.full((2,), -torch.inf)
        x.masked_fill(x > 1, -torch.inf).softmax(0)
        torch.where(x > 1, x, -torch.inf)
        torch.empty(3).fill_(1)
        x.clone()[0] = torch.inf
    assert (operations.nan, operations.infinite) == (None, None)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda x: x.neg().log(), "log"),
        (lambda x: x.clone().div_(0).sub_(torch.inf), "sub_"),
        (lambda x: torch.nn.functional.gelu(x * torch.nan), "mul"),
        (lambda x: x.clone().__setitem__(0, torch.nan), "__setitem__"),
        (lambda x: torch.stack([x, x]).div(0).sub(torch.inf).unbind(), "sub"),
    ],
)
def test_the_first_nan_is_found_however_it_is_made(make: Callable[..., Any], name: str) -> None:
    with Operations() as operations:
        make(torch.tensor([1.0, 2.0]))
    assert operations.nan is not None
    assert operations.nan.operation == name
    assert operations.nan.file == __file__


def test_a_gradient_is_traced_through_operations_made_of_several() -> None:
    x = torch.zeros(3, requires_grad=True)
    with Operations(accuse=lambda: None) as operations:
        loss = torch.nn.functional.mse_loss(x.sqrt() * 2, torch.ones(3)).exp()
    torch.autograd.backward(loss)
    assert operations.gradient is not None
    assert operations.gradient.operation == "sqrt"

"""Networks of each cell, depth, direction and head, and what onnxruntime computes of their file."""

from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor

from seqbench.exporting.compare import File, compare
from seqbench.exporting.forms import form_of
from seqbench.exporting.translate import translate
from seqbench.models.cells.base import State
from seqbench.models.cells.gru import GRU
from seqbench.models.cells.gru_v1 import GRUv1
from seqbench.models.cells.irnn import IRNN
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.lstm_layernorm import LayerNormLSTM
from seqbench.models.cells.lstm_peephole import PeepholeLSTM
from seqbench.models.cells.rnn import RNN
from seqbench.models.embedding import Features, Number, OneHot, Table
from seqbench.models.heads import AdaptiveSoftmax, PerStep, Pooled, Regression
from seqbench.models.network import Network
from seqbench.spec import Kind, TaskSpec

V = 11


def network(spec: TaskSpec, cell: Any, embedding: Any, head: Any, **settings: Any) -> Network:
    """In evaluation mode, its weights moved from a start whose zeros would hide mistakes."""
    torch.manual_seed(0)
    made = Network(
        spec, cell=cell, embedding=embedding, head=head, hidden_size=6, dropout=0.5, **settings
    )
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return made.eval()


class Counting(GRUv1):
    """A cell without a kernel whose state holds integers, and infinities at the start."""

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> State:
        (h,) = super().initial_state(batch_size, device, dtype)
        count = torch.zeros(batch_size, 1, dtype=torch.long, device=device)
        return h, count, torch.full_like(h, -torch.inf)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, count, highest = state
        y, (h,) = super().step(x / (count + 1), (h,))
        return y + highest.clamp(min=0), (h, count + 1, torch.maximum(highest, h))


def in_turn(*cells: Any) -> Any:
    """One layer of each: an export takes a second or two, whatever there is in it."""
    turn = cycle(cells)
    return lambda input_size, hidden_size: next(turn)(input_size, hidden_size)


def table() -> Any:
    return partial(Table, size=6, dropout=0.5, word_dropout=0.5)


def cases() -> dict[str, tuple[Kind, Any, Any, Any, dict[str, Any]]]:
    """Kind, cell, embedding, head and settings of a network."""
    adaptive = partial(AdaptiveSoftmax, cutoffs=[3, 7], div_value=2.0)
    pooled = partial(Regression, pooling="mean_max", hidden_layer=5, dropout=0.5)
    cells = in_turn(LSTM, GRU, RNN, IRNN)
    gated = in_turn(PeepholeLSTM, LayerNormLSTM)
    tied = partial(PerStep, tied=True)
    return {
        "all nodes": ("language_model", cells, OneHot, adaptive, {"num_layers": 4}),
        "both ways": ("regress", LSTM, Features, pooled, {"bidirectional": True}),
        "loop": ("language_model", Counting, table(), tied, {"zoneout": 0.3}),
        "tag": ("tag", GRU, Number, PerStep, {"recurrent_dropout": 0.5}),
        "loop of gates": ("classify", gated, table(), Pooled, {"num_layers": 2}),
        "loop with zoneout": ("tag", LSTM, Number, PerStep, {"zoneout": 0.3}),
    }


@pytest.mark.parametrize("name", cases())
def test_the_file_computes_what_the_network_computes(name: str, tmp_path: Path) -> None:
    kind, cell, embedding, head, settings = cases()[name]
    size = V if kind == "language_model" else 2
    spec = TaskSpec(kind=kind, input_size=V, output_size=size, features=embedding is Features)
    form = form_of(network(spec, cell, embedding, head, **settings), spec).eval()
    path = tmp_path / "a.onnx"
    translate(form, path)
    assert compare(File(path), form) < 1e-5
    content = path.read_bytes()
    assert b".py" not in content, "it names no source file of this machine"
    assert (b"Scan" in content) is ("loop" in name), "torch's kernels are nodes of their own"
    assert [each.name for each in tmp_path.iterdir()] == ["a.onnx"]
    inputs = onnxruntime.InferenceSession(path).get_inputs()
    assert [each.name for each in inputs] == form.inputs
    assert [each.shape[0] for each in inputs] == ["batch"] * len(inputs)
    assert inputs[0].shape == ["batch", "time", *([V] if spec.features else [])]

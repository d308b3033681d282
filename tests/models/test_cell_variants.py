"""The LSTM's and GRU's variants against their papers, written out in numpy number by number."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seqbench.models.cells.base import Cell, State
from seqbench.models.cells.lstm import LSTM
from seqbench.models.cells.lstm_1997 import LSTM1997
from seqbench.models.cells.lstm_layernorm import LayerNormLSTM
from seqbench.models.cells.lstm_peephole import PeepholeLSTM
from seqbench.models.cells.mgu import MGU

Array = NDArray[np.float64]
Weights = dict[str, Array]
D, H = 3, 5


def sigmoid(a: float) -> float:
    return 1 / (1 + float(np.exp(-a)))


def normed(a: Array) -> Array:
    normal: Array = (a - a.mean()) / np.sqrt(((a - a.mean()) ** 2).mean() + 1e-5)
    return normal


def products(w: Weights, x: Array, h: Array, gates: int) -> Array:
    """W x + U h + b, ``(gates, H)``."""
    total: Array = w["weight_ih"] @ x + w["weight_hh"] @ h + w["bias"]
    return total.reshape(gates, H)


def peephole_by_hand(w: Weights, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    a, p = products(w, x, h, 4), w["peephole"].reshape(3, H)
    new_h, new_c = np.zeros(H), np.zeros(H)
    for k in range(H):
        i = sigmoid(a[0, k] + p[0, k] * c[k])
        f = sigmoid(a[1, k] + p[1, k] * c[k])
        new_c[k] = f * c[k] + i * np.tanh(a[2, k])
        new_h[k] = sigmoid(a[3, k] + p[2, k] * new_c[k]) * np.tanh(new_c[k])
    return new_h, new_c


def lstm_1997_by_hand(w: Weights, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    a = products(w, x, h, 3)
    new_h, new_c = np.zeros(H), np.zeros(H)
    for k in range(H):
        new_c[k] = c[k] + sigmoid(a[0, k]) * (4 / (1 + np.exp(-a[1, k])) - 2)
        new_h[k] = sigmoid(a[2, k]) * (2 / (1 + np.exp(-new_c[k])) - 1)
    return new_h, new_c


def layernorm_by_hand(w: Weights, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    from_x = w["gain_ih"] * normed(w["weight_ih"] @ x)
    from_h = w["gain_hh"] * normed(w["weight_hh"] @ h)
    a = (from_x + from_h + w["bias"]).reshape(4, H)
    new_c = np.array(
        [sigmoid(a[1, k]) * c[k] + sigmoid(a[0, k]) * np.tanh(a[2, k]) for k in range(H)]
    )
    seen = np.tanh(w["gain_c"] * normed(new_c) + w["bias_c"])
    return np.array([sigmoid(a[3, k]) for k in range(H)]) * seen, new_c


def mgu_by_hand(w: Weights, x: Array, h: Array) -> tuple[Array, ...]:
    f = np.array([sigmoid(a) for a in products(w, x, h, 2)[0]])
    n = np.tanh(products(w, x, f * h, 2)[1])
    return ((1 - f) * h + f * n,)


BY_HAND: dict[type[Cell], Callable[..., tuple[Array, ...]]] = {
    PeepholeLSTM: peephole_by_hand,
    LSTM1997: lstm_1997_by_hand,
    LayerNormLSTM: layernorm_by_hand,
    MGU: mgu_by_hand,
}


def shaken(cell: Cell) -> Cell:
    """In float64, with no weight, gain or bias left at 0 or 1."""
    cell = cell.double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return cell


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def check_equation(cls: type[Cell], by_hand: Callable[..., tuple[Array, ...]]) -> None:
    cell = shaken(cls(D, H))
    weights = {name: p.detach().numpy() for name, p in cell.named_parameters()}
    x = random(2, D)
    state = tuple(random(2, H) for _ in cell.initial_state(2, x.device, x.dtype))
    y, following = cell.step(x, state)
    for row in range(2):
        want = by_hand(weights, x[row].numpy(), *(part[row].numpy() for part in state))
        for got, wanted in zip((y, *following), (want[0], *want), strict=True):
            np.testing.assert_allclose(got[row].detach().numpy(), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("cls", BY_HAND)
def test_step_is_the_paper_s_equation(cls: type[Cell]) -> None:
    check_equation(cls, BY_HAND[cls])


class OutputSeesOldCell(PeepholeLSTM):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        p_i, p_f, p_o = self.peephole.chunk(3)
        i, f, g, o = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(
            4, -1
        )
        new = torch.sigmoid(f + p_f * c) * c + torch.sigmoid(i + p_i * c) * torch.tanh(g)
        h = torch.sigmoid(o + p_o * c) * torch.tanh(new)
        return h, (h, new)


class PlainTanh(LSTM1997):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        i, g, o = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(
            3, -1
        )
        c = c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class NormedTogether(LayerNormLSTM):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        both = F.linear(x, self.weight_ih) + F.linear(h, self.weight_hh)
        gates = F.layer_norm(both, both.shape[-1:], self.gain_ih, self.bias)
        i, f, g, o = gates.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(F.layer_norm(c, c.shape[-1:], self.gain_c, self.bias_c))
        return h, (h, c)


class UpdatesOnly(MGU):
    def update(self, x: Tensor, h: Tensor, seen: Tensor) -> tuple[Tensor, State]:
        f, n = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(2, -1)
        h = (1 - torch.sigmoid(f)) * h + torch.sigmoid(f) * torch.tanh(n)
        return h, (h,)


@pytest.mark.parametrize("cls", [OutputSeesOldCell, PlainTanh, NormedTogether, UpdatesOnly])
def test_a_wrong_gate_is_caught(cls: type[Cell]) -> None:
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_equation(cls, BY_HAND[cls.__mro__[1]])


def lstm_of(**weights: Tensor) -> LSTM:
    lstm = LSTM(D, H).double()
    names = {"weight_ih": "weight_ih_l0", "weight_hh": "weight_hh_l0", "bias": "bias_ih_l0"}
    zeros = {"kernel.bias_hh_l0": torch.zeros(4 * H, dtype=torch.float64)}
    lstm.load_state_dict(zeros | {f"kernel.{names[key]}": w for key, w in weights.items()})
    return lstm


@pytest.mark.parametrize("closed", [True, False])
def test_without_its_peepholes_it_is_an_lstm(closed: bool) -> None:
    cell = shaken(PeepholeLSTM(D, H))
    assert PeepholeLSTM(D, H).peephole.abs().max() == 0, "as it starts"
    assert isinstance(cell, PeepholeLSTM)
    if closed:
        torch.nn.init.zeros_(cell.peephole)
    weights = {key: cell.state_dict()[key] for key in ("weight_ih", "weight_hh", "bias")}
    x = random(2, 30, D)
    same = torch.allclose(cell(x)[0], lstm_of(**weights)(x)[0], rtol=0, atol=1e-12)
    assert same == closed


def test_lstm_1997_is_an_lstm_that_forgets_nothing_rescaled() -> None:
    """c = 2 C, the candidate's weights halved, and a forget gate held wide open."""
    cell = shaken(LSTM1997(D, H))
    weights = {}
    for key in ("weight_ih", "weight_hh", "bias"):
        i, g, o = cell.state_dict()[key].chunk(3)
        open_ = torch.full_like(i, 60.0) if key == "bias" else torch.zeros_like(i)
        weights[key] = torch.cat([i, open_, g / 2, o])
    x = random(2, 30, D)
    y, (_, c) = cell(x)
    want, (_, half) = lstm_of(**weights)(x)
    torch.testing.assert_close(y, want, rtol=0, atol=1e-12)
    torch.testing.assert_close(c, 2 * half, rtol=0, atol=1e-11)


def test_lstm_1997_never_forgets() -> None:
    """With its input gate shut, a thousand steps of any input leave the cell as it was."""
    cell, lstm = LSTM1997(D, H, input_bias=-90.0).double(), LSTM(D, H).double()
    c = random(2, H)
    start, x = (torch.zeros_like(c), c), random(2, 1000, D)
    assert torch.equal(cell(x, start)[1][1], c)
    assert (lstm(x, start)[1][1] - c).abs().max() > 0.1


def test_layer_norm_ignores_what_all_rows_of_a_weight_share() -> None:
    """Ba et al. 2016, section 5.1: neither a weight's scale nor a shift of all its rows matters."""
    cell = shaken(LayerNormLSTM(D, H))
    x = 10 * random(2, 30, D)
    want, _ = cell(x)
    for name in ("weight_ih", "weight_hh"):
        weight = dict(cell.named_parameters())[name]
        kept = weight.detach().clone()
        with torch.no_grad():
            weight.add_(random(1, weight.shape[1]))
        torch.testing.assert_close(cell(x)[0], want, rtol=0, atol=1e-9)
        with torch.no_grad():
            weight.copy_(1000 * kept)
        # Only the 1e-5 that is added to each variance can tell.
        torch.testing.assert_close(cell(x)[0], want, rtol=0, atol=1e-2)
        with torch.no_grad():
            weight.copy_(kept)
            weight[0] *= 1000
        assert (cell(x)[0] - want).abs().max() > 0.1, "one row alone does matter"
        with torch.no_grad():
            weight.copy_(kept)


@pytest.mark.parametrize("bias", [-90.0, 0.0, 90.0])
def test_the_minimal_gate_remembers(bias: float) -> None:
    """With all weights 0 the new value is 0, so h is scaled by 1 - f."""
    cell = MGU(D, H, input_init="zeros", recurrent_init="zeros", forget_bias=bias)
    h = torch.rand(2, H)
    _, (after,) = cell.step(torch.randn(2, D), (h,))
    torch.testing.assert_close(after, {-90.0: 1.0, 0.0: 0.5, 90.0: 0.0}[bias] * h)


def test_biases_start_as_told() -> None:
    peephole, layer_norm = PeepholeLSTM(D, H, forget_bias=2.5), LayerNormLSTM(D, H, forget_bias=2.5)
    for cell in (peephole, layer_norm):
        assert cell.bias.tolist() == [0.0] * H + [2.5] * H + [0.0] * (2 * H)
    first = LSTM1997(D, H, input_bias=-3.0, output_bias=-2.0)
    assert first.bias.tolist() == [-3.0] * H + [0.0] * H + [-2.0] * H
    assert MGU(D, H, forget_bias=-2.0).bias.tolist() == [-2.0] * H + [0.0] * H

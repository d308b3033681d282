"""What a step of the optimiser is looked at for, and what a float16 scaler may skip."""

import math
from copy import deepcopy
from functools import partial
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, get_total_norm
from torch.utils.data import DataLoader

from seqbench.batch import Batch
from seqbench.isolation import isolated
from seqbench.models import finite
from seqbench.models.cells.gru import GRU
from seqbench.models.embedding import Table
from seqbench.models.finite import NotFiniteError, Taken, Watch
from seqbench.models.heads.per_step import PerStep
from seqbench.models.module import SequenceModule
from seqbench.models.network import Network
from seqbench.spec import TaskSpec

SPEC = TaskSpec(kind="tag", input_size=5, output_size=3, padding_id=4)


def batch(rows: int = 2) -> Batch:
    return Batch(torch.randint(4, (rows, 6)), torch.full((rows,), 6), torch.randint(3, (rows, 6)))


def with_gradients(*values: float) -> nn.Linear:
    """A layer of two parameters, filled with these gradients."""
    layer = nn.Linear(2, 2)
    for parameter, value in zip(layer.parameters(), values, strict=True):
        parameter.grad = torch.full_like(parameter, value)
    return layer


def watching(*losses: float) -> Watch:
    watch = Watch()
    watch.taken = [Taken(i, batch(), None, torch.tensor(loss)) for i, loss in enumerate(losses)]
    return watch


def norm_of(layer: nn.Module) -> Tensor:
    return get_total_norm([p.grad for p in layer.parameters() if p.grad is not None])


def check(watch: Watch, layer: nn.Module, scaled: bool = False) -> Tensor:
    return watch.check(norm_of(layer), layer, scaled)


def test_a_sound_step_is_let_through_and_forgotten() -> None:
    watch, layer = watching(1.0, 2.0), with_gradients(3.0, 4.0)
    watch.norms = [torch.tensor(1.0)]
    assert check(watch, layer) == pytest.approx(math.sqrt(4 * 9 + 2 * 16))
    assert (watch.taken, watch.norms) == ([], [])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_loss_is_found_among_those_of_a_step(value: float, scaled: bool) -> None:
    with pytest.raises(NotFiniteError, match=f"^the training loss is {value}$") as caught:
        check(watching(1.0, value, 2.0), with_gradients(1.0, 1.0), scaled)
    assert caught.value.taken.number == 1


def test_what_else_is_not_finite_is_told() -> None:
    layer = with_gradients(1.0, math.nan)
    with pytest.raises(NotFiniteError, match="the gradient of bias not finite"):
        check(watching(math.nan), layer)
    with torch.no_grad():
        layer.weight[0] = math.inf
        layer.bias[0] = math.nan
    with pytest.raises(NotFiniteError, match="value of weight and of 1 other parameter not finite"):
        check(watching(math.nan), layer)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_is_traced_to_the_batch_that_spoilt_it(value: float) -> None:
    for norms, number in (([1.0, value, value], 1), ([1.0, 2.0, value], 2), ([], 2)):
        watch = watching(1.0, 1.0, 1.0)
        watch.norms = [torch.tensor(norm) for norm in norms]
        with pytest.raises(NotFiniteError, match=r"^the gradient of bias is not") as caught:
            check(watch, with_gradients(1.0, value))
        assert caught.value.taken.number == number


@pytest.mark.parametrize(("dtype", "value"), [(torch.float32, 1e25), (torch.float16, 5e4)])
def test_a_large_gradient_is_finite_and_clipped_for_what_it_is(
    dtype: torch.dtype, value: float
) -> None:
    layer = with_gradients(value, value).to(dtype)
    assert not norm_of(layer).isfinite()
    norm = check(watching(1.0), layer)
    assert float(norm) == pytest.approx(value * math.sqrt(6), rel=1e-3)


def test_a_scaler_s_skipped_steps_are_its_own_affair_up_to_a_point() -> None:
    watch, layer = Watch(), with_gradients(1.0, math.inf)
    for _ in range(finite.MOST_SKIPPED - 1):
        watch.taken = watching(1.0).taken
        check(watch, layer, scaled=True)
    watch.taken = watching(1.0).taken
    check(watch, with_gradients(1.0, 1.0), scaled=True)  # and the count begins anew
    for _ in range(finite.MOST_SKIPPED - 1):
        watch.taken = watching(1.0).taken
        check(watch, layer, scaled=True)
    watch.taken = watching(1.0).taken
    with pytest.raises(NotFiniteError, match="the gradient of bias is not finite"):
        check(watch, layer, scaled=True)


@pytest.fixture
def module() -> SequenceModule:
    made = Network(
        SPEC, cell=GRU, embedding=partial(Table, size=4), head=PerStep, hidden_size=4, num_layers=1
    )
    return SequenceModule(made, SPEC, optimizer=partial(torch.optim.SGD, lr=0.1))


def fit(
    module: SequenceModule, steps: int, scaler: torch.amp.GradScaler | None = None, **settings: Any
) -> None:
    trainer = L.Trainer(
        accelerator="cpu",
        plugins=[MixedPrecision("16-mixed", "cpu", scaler)] if scaler else [],
        max_steps=steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    data: Any = [batch() for _ in range(steps)]
    train, val = (DataLoader(part, batch_size=None) for part in (data, data[:1]))
    with isolated(1):
        trainer.fit(module, train, val)


def weights(module: SequenceModule) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.network.parameters()])


@pytest.mark.parametrize("clip", [None, 0.1])
def test_a_real_scaler_skips_and_goes_on(module: SequenceModule, clip: float | None) -> None:
    """Steps that overflow leave the weights as they were; as the factor falls they are made."""
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**30)
    before = weights(module)
    fit(module, 3, scaler, gradient_clip_val=clip)
    assert torch.equal(weights(module), before)
    assert (module.watch.skipped, scaler.get_scale()) == (3, 2.0**27)
    fit(module, 15, scaler, gradient_clip_val=clip)
    assert not torch.equal(weights(module), before)
    assert weights(module).isfinite().all()
    assert module.watch.skipped == 0


def test_a_real_scaler_cannot_mend_a_gradient_that_is_none(
    module: SequenceModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finite, "MOST_SKIPPED", 5)
    weight: Any = next(module.network.head.parameters())
    weight.register_hook(lambda gradient: gradient * math.nan)
    before = weights(module)
    with pytest.raises(NotFiniteError, match="the gradient of head") as caught:
        fit(module, 9, torch.amp.GradScaler("cpu"))
    assert caught.value.taken.number == 4
    assert torch.equal(weights(module), before)


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_clipping_is_torch_s_own(module: SequenceModule, algorithm: str) -> None:
    """To the last bit."""
    twin = deepcopy(module)
    torch.manual_seed(1)
    fit(module, 4, gradient_clip_val=0.01, gradient_clip_algorithm=algorithm)
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(twin.network.parameters(), lr=0.1)
    parameters = list(twin.network.parameters())
    for each in [batch() for _ in range(4)]:
        optimizer.zero_grad()
        nll, count = twin.network.head.nll(twin.network(each).hidden, each.targets)
        torch.autograd.backward(nll / count)
        if algorithm == "norm":
            norm = clip_grad_norm_(parameters, 0.01)
        else:
            norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
            clip_grad_value_(parameters, 0.01)
        optimizer.step()
    assert torch.equal(weights(module), weights(twin))
    assert torch.equal(module.gradient_norm, norm)

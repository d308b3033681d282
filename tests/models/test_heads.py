from copy import deepcopy
from functools import partial
from typing import Any, Literal

import pytest
import torch
from torch.nn import functional as F

from seqbench.batch import IGNORE, Batch
from seqbench.errors import UserError
from seqbench.models.cells.gru import GRU
from seqbench.models.embedding import OneHot, Table
from seqbench.models.heads.adaptive_softmax import AdaptiveSoftmax
from seqbench.models.heads.base import Head
from seqbench.models.heads.per_step import Identity, PerStep, TiedLinear
from seqbench.models.heads.pooled import Pooled
from seqbench.models.network import Network
from seqbench.spec import Kind, TaskSpec

Pooling = Literal["last", "mean", "max", "mean_max"]
POOLINGS: list[Pooling] = ["last", "mean", "max", "mean_max"]
LENGTHS = torch.tensor([6, 2, 1])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling(pooling: Pooling, bidirectional: bool) -> None:
    head = Pooled(4, 3, bidirectional=bidirectional, pooling=pooling)
    outputs = torch.randn(3, 6, 4)
    hidden = head.pool(outputs, LENGTHS)
    assert hidden.shape == (3, 8 if pooling == "mean_max" else 4)
    assert head.predict(hidden).shape == (3, 3)
    for got, row, length in zip(hidden, outputs, LENGTHS.tolist(), strict=True):
        steps = row[:length]
        back = steps[0, 2:] if bidirectional else steps[-1, 2:]
        want = {
            "last": torch.cat([steps[-1, :2], back]),
            "mean": steps.mean(0),
            "max": steps.amax(0),
            "mean_max": torch.cat([steps.mean(0), steps.amax(0)]),
        }[pooling]
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("padding", [1e9, torch.inf, torch.nan])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_never_counts(pooling: Pooling, padding: float) -> None:
    head = Pooled(4, 3, bidirectional=True, pooling=pooling)
    outputs = torch.randn(3, 6, 4)
    broken = outputs.clone()
    broken[1, 2:], broken[2, 1:] = padding, padding
    broken.requires_grad_()
    hidden = head.pool(broken, LENGTHS)
    assert torch.equal(hidden, head.pool(outputs, LENGTHS))
    (gradient,) = torch.autograd.grad((hidden**2).sum(), broken)
    assert gradient.isfinite().all()
    assert gradient[1, 2:].abs().max() == 0
    assert gradient[1, :2].abs().max() > 0


def test_per_step_answers_each_step() -> None:
    head = PerStep(4, 3)
    outputs = torch.randn(2, 5, 4)
    assert torch.equal(head.pool(outputs, torch.tensor([5, 2])), outputs)
    assert head.predict(outputs).shape == (2, 5, 3)


def test_nll_sums_over_what_counts() -> None:
    head = PerStep(4, 3)
    hidden, targets = torch.randn(2, 5, 4), torch.randint(3, (2, 5))
    targets[1, 2:] = IGNORE
    loss, count = head.nll(hidden, targets)
    logits = head.predict(hidden)
    kept = torch.cat([logits[0], logits[1, :2]])
    wanted = torch.cat([targets[0], targets[1, :2]])
    torch.testing.assert_close(loss, -kept.log_softmax(-1)[torch.arange(7), wanted].sum())
    assert isinstance(count, torch.Tensor)
    assert count == 7


def test_nll_of_labels() -> None:
    head = Pooled(4, 3)
    hidden, targets = torch.randn(5, 4), torch.tensor([0, 2, 1, IGNORE, 1])
    loss, count = head.nll(hidden, targets)
    kept = targets != IGNORE
    want = F.cross_entropy(head.predict(hidden)[kept], targets[kept], reduction="sum")
    torch.testing.assert_close(loss, want)
    assert count == 4


def test_nothing_to_count_is_zero() -> None:
    loss, count = PerStep(4, 3).nll(torch.randn(2, 5, 4), torch.full((2, 5), IGNORE))
    assert loss == 0
    assert count == 0


@pytest.mark.parametrize("pooling", POOLINGS)
def test_loss_is_float32_under_autocast(pooling: Pooling) -> None:
    head = Pooled(4, 3, pooling=pooling)
    outputs = torch.randn(3, 6, 4)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = head.pool(outputs.bfloat16(), LENGTHS)
        loss, _ = head.nll(hidden, torch.tensor([0, 1, 2]))
    assert loss.dtype == torch.float32
    want, _ = head.nll(head.pool(outputs, LENGTHS), torch.tensor([0, 1, 2]))
    torch.testing.assert_close(loss, want, rtol=0.02, atol=0)


def test_dropout_is_drawn_once_for_loss_and_predictions() -> None:
    lengths = torch.tensor([4, 3])
    for head in (Pooled(64, 3, dropout=0.5), PerStep(64, 3, dropout=0.5)):
        outputs = torch.randn(2, 4, 64)
        hidden = head.pool(outputs, lengths)
        assert not torch.equal(hidden, head.pool(outputs, lengths))
        assert torch.equal(head.predict(hidden), head.predict(hidden))
        head.eval()
        assert torch.equal(head.pool(outputs, lengths), head.pool(outputs, lengths))


def spec(kind: Kind, **encoding: bool) -> TaskSpec:
    return TaskSpec(kind=kind, input_size=5, output_size=3, encoding=encoding)


def test_refusals_say_why() -> None:
    with pytest.raises(UserError) as caught:
        Pooled(4, 3, pooling="last").require(spec("tag"))
    assert str(caught.value) == (
        "model/head=last gives one label a sequence, but the task wants one label a step; "
        "use model/head=per_step"
    )
    with pytest.raises(UserError) as caught:
        PerStep(4, 3).require(spec("classify"))
    assert str(caught.value) == (
        "model/head=per_step gives one label a step, but the task wants one label a sequence; "
        "use model/head=last, mean, max or mean_max"
    )
    for pooling in POOLINGS:
        Pooled(4, 3, pooling=pooling).require(spec("classify"))
    PerStep(4, 3).require(spec("tag"))
    PerStep(4, 3).require(spec("language_model"))


def test_after_padding_reads_the_last_column() -> None:
    head = Pooled(4, 3, after_padding=True)
    outputs = torch.randn(3, 6, 4)
    assert torch.equal(head.pool(outputs, LENGTHS), outputs[:, -1])
    head.require(spec("classify", pad_to_max=True))
    with pytest.raises(UserError, match=r"task\.pad_to_max=true"):
        head.require(spec("classify"))
    with pytest.raises(UserError, match=r"model\.head\.after_padding=false"):
        Pooled(4, 3, bidirectional=True, after_padding=True)
    with pytest.raises(UserError, match=r"model/head=last"):
        Pooled(4, 3, pooling="mean", after_padding=True)


def test_one_logit_is_binary_cross_entropy() -> None:
    head = Pooled(4, 2, one_logit=True)
    assert head.linear.out_features == 1
    hidden, targets = torch.randn(5, 4), torch.tensor([0, 1, 1, 0, 1])
    loss, count = head.nll(hidden, targets)
    logit = head.linear(hidden).squeeze(1)
    want = F.binary_cross_entropy_with_logits(logit, targets.float(), reduction="sum")
    torch.testing.assert_close(loss, want)
    assert count == 5
    assert torch.equal(head.predict(hidden).argmax(-1), (logit > 0).long())
    with pytest.raises(UserError, match=r"model\.head\.one_logit=false"):
        Pooled(4, 3, one_logit=True)


def test_a_hidden_layer_is_rectified() -> None:
    head = Pooled(4, 3, hidden_layer=7)
    hidden = torch.randn(5, 4)
    layer, _ = head.hidden.children()
    assert isinstance(layer, torch.nn.Linear)
    assert layer.out_features == 7
    torch.testing.assert_close(head.predict(hidden), head.linear(layer(hidden).relu()))


def whole_softmax(head: AdaptiveSoftmax, hidden: torch.Tensor) -> torch.Tensor:
    """Log-probabilities as Grave et al. 2017 define them: a tail's share, shared out in it."""
    softmax = head.softmax
    start = softmax.cutoffs[0]
    first = softmax.head(hidden).log_softmax(-1)
    tails = [tail(hidden).log_softmax(-1) for tail in softmax.tail]
    shares = [first[..., start + i, None] + tail for i, tail in enumerate(tails)]
    return torch.cat([first[..., :start], *shares], -1)


@pytest.mark.parametrize("cutoffs", [None, [1], [20, 50], [5, 6, 299]])
def test_adaptive_softmax_s_loss_is_that_of_its_predictions(cutoffs: list[int] | None) -> None:
    head = AdaptiveSoftmax(64, 300, cutoffs=cutoffs)
    hidden, targets = torch.randn(3, 100, 64), torch.arange(300).view(3, 100)
    predicted = head.predict(hidden)
    torch.testing.assert_close(predicted, whole_softmax(head, hidden))
    torch.testing.assert_close(predicted.exp().sum(-1), torch.ones(3, 100))
    loss, count = head.nll(hidden, targets)
    torch.testing.assert_close(loss, -predicted.gather(-1, targets.unsqueeze(-1)).sum())
    assert count == 300


def test_adaptive_softmax_chooses_its_cutoffs() -> None:
    assert AdaptiveSoftmax(64, 1000).softmax.cutoffs == [40, 333, 1000]
    assert AdaptiveSoftmax(15, 1000).softmax.cutoffs == [40, 1000]  # a second tail of nothing
    head = AdaptiveSoftmax(64, 1000, div_value=2.0)
    shapes = [p.shape[0] for name, p in head.named_parameters() if name.endswith(".0.weight")]
    assert shapes == [32, 16]


def test_adaptive_softmax_leaves_out_what_does_not_count() -> None:
    head = AdaptiveSoftmax(16, 300)
    hidden, targets = torch.randn(2, 5, 16, requires_grad=True), torch.randint(300, (2, 5))
    targets[1, 2:] = IGNORE
    loss, count = head.nll(hidden, targets)
    want, _ = head.nll(
        torch.cat([hidden[0], hidden[1, :2]]), torch.cat([targets[0], targets[1, :2]])
    )
    torch.testing.assert_close(loss, want)
    assert count == 7
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert gradient[1, 2:].abs().max() == 0
    assert gradient[0].abs().amax(-1).min() > 0
    loss, count = head.nll(hidden, torch.full((2, 5), IGNORE))
    assert loss == 0
    assert count == 0
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert gradient.abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_adaptive_softmax_is_float32_under_autocast(dtype: torch.dtype) -> None:
    head = AdaptiveSoftmax(16, 300)
    hidden, targets = torch.randn(2, 150, 16).to(dtype), torch.arange(300).view(2, 150)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = head.nll(hidden, targets)
        predicted = head.predict(hidden)
    assert loss.dtype == predicted.dtype == torch.float32
    assert torch.equal(loss, head.nll(hidden.float(), targets)[0])
    assert torch.equal(predicted, head.predict(hidden.float()))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cutoffs": [50, 20]}, r"model\.head\.cutoffs=\[50, 20\] should ascend"),
        ({"cutoffs": [20, 20]}, "should ascend"),
        ({"cutoffs": [0, 20]}, "between 1 and 299"),
        ({"cutoffs": [20, 300]}, "between 1 and 299"),
        ({"cutoffs": []}, "should ascend"),
        ({"cutoffs": [2, 3, 4]}, r"model\.head\.div_value=4 leaves tail 3 nothing of 16"),
        ({"div_value": 17.0}, r"model\.head\.div_value=17 leaves tail 1 nothing of 16"),
        ({"output_size": 299}, "gains nothing below 300 tokens, but there are 299"),
        ({"output_size": 1, "cutoffs": [1]}, "should ascend"),
    ],
)
def test_adaptive_softmax_refuses(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=rf"{said}.*model/head=per_step$"):
        AdaptiveSoftmax(16, **{"output_size": 300, **settings})


def test_heads_of_tasks_that_put_out_tokens() -> None:
    for kind in ("language_model", "write"):
        for head in (PerStep(4, 3), AdaptiveSoftmax(16, 300)):
            head.require(spec(kind))
        with pytest.raises(UserError, match=r"; use model/head=per_step or adaptive_softmax$"):
            Pooled(4, 3).require(spec(kind))
    with pytest.raises(UserError, match=r"^model/head=adaptive_softmax gives the next token"):
        AdaptiveSoftmax(16, 300).require(spec("tag"))


def tied(kind: Kind = "language_model", size: int = 6, **sizes: Any) -> Network:
    spec = TaskSpec(kind, **{"input_size": 11, "output_size": 11, **sizes})
    embedding, head = partial(Table, size=size), partial(PerStep, tied=True)
    network = Network(spec, cell=GRU, embedding=embedding, head=head, hidden_size=6)
    torch.nn.init.normal_(linear_of(network).bias)
    return network


def linear_of(network: Network) -> TiedLinear:
    assert isinstance(network.head, PerStep)
    assert isinstance(network.head.linear, TiedLinear)
    return network.head.linear


def loss_of(network: Network) -> torch.Tensor:
    inputs = torch.tensor([[3, 1, 4, 1], [5, 2, 0, 0]])
    targets = torch.tensor([[1, 4, 1, 8], [2, 7, IGNORE, IGNORE]])
    batch = Batch(inputs, torch.tensor([4, 2]), targets)
    loss: torch.Tensor = network.head.nll(network(batch).hidden, targets)[0]
    return loss


def table_of(network: Network) -> torch.Tensor:
    assert isinstance(network.embedding, Table)
    return network.embedding.table.weight


def test_tied_weights_are_one() -> None:
    network = tied()
    weight, bias = table_of(network), linear_of(network).bias
    hidden = torch.randn(2, 5, 6)
    logits = network.head.predict(hidden)
    torch.testing.assert_close(logits[..., 1:], (hidden @ weight.T + bias)[..., 1:])
    assert (logits[..., 0] == -torch.inf).all()
    assert sum(p.shape == weight.shape for p in network.parameters()) == 1
    assert sum(v.shape == weight.shape for v in network.state_dict().values()) == 1
    for other in (tied(), deepcopy(network)):
        other.load_state_dict(network.state_dict())
        torch.testing.assert_close(loss_of(other), loss_of(network), rtol=0, atol=0)
        with torch.no_grad():
            table_of(other)[1:] *= 2
        assert not torch.allclose(other.head.predict(hidden)[..., 1:], logits[..., 1:])
        assert torch.equal(network.head.predict(hidden), logits)


def test_tied_weights_learn_from_both_sides() -> None:
    network = tied()
    (both,) = torch.autograd.grad(loss_of(network), table_of(network))
    parts = []
    for side in (network.embedding, network.head):
        part = deepcopy(network)
        frozen = deepcopy(part.embedding).requires_grad_(False)
        if side is network.head:
            part.embedding = frozen
            weight = linear_of(part).tables[0].weight
        else:
            part.head.tie(frozen)
            weight = table_of(part)
        parts.append(torch.autograd.grad(loss_of(part), weight)[0])
        assert parts[-1].abs().max() > 0
    torch.testing.assert_close(both, parts[0] + parts[1])


def test_tied_padding_stays_zero() -> None:
    network = tied()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    before = loss_of(network)
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(network).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert loss_of(network) < before
    assert table_of(network)[0].abs().max() == 0
    assert all(p.isfinite().all() for p in network.parameters())


def test_tied_refusals() -> None:
    with pytest.raises(
        UserError, match=r"^model\.head\.tied=true needs model\.embedding\.size=6, "
    ):
        tied(size=5)
    for settings in ({"kind": "tag"}, {"output_size": 12}):
        with pytest.raises(UserError, match=r"tokens it reads; use model\.head\.tied=false$"):
            tied(**settings)
    with pytest.raises(UserError, match=r"needs model/embedding=table"):
        PerStep(4, 3, tied=True).tie(OneHot(3, 0))
    head: Head = PerStep(4, 3)
    names = list(head.state_dict())
    head.tie(OneHot(3, 0))
    assert list(head.state_dict()) == names


def test_identity() -> None:
    head = Identity(3, 3)
    outputs = torch.randn(2, 5, 3)
    assert torch.equal(head.predict(head.pool(outputs, torch.tensor([5, 2]))), outputs)
    assert list(head.parameters()) == []
    head.require(spec("tag"))
    head.require(spec("language_model"))
    with pytest.raises(UserError, match=r"^model/head=identity gives one label a step"):
        head.require(spec("classify"))
    for sizes, wanted in (
        ((4, 3, False), "set model.hidden_size=3"),
        ((8, 6, True), "set model.hidden_size=3"),
        ((4, 3, True), "set model.bidirectional=false model.hidden_size=3"),
    ):
        with pytest.raises(UserError, match=f"^model/head=identity: .*{wanted}$"):
            Identity(*sizes)

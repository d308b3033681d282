"""Our scores against torchmetrics' and numpy's, batched in different ways."""

from functools import partial

import pytest
import torch
from torch.nn import functional as F
from torchmetrics.functional.classification import (
    binary_auroc,
    multiclass_accuracy,
    multiclass_f1_score,
)

from seqbench.batch import IGNORE, Batch
from seqbench.metrics import LabelScores as Scores
from seqbench.metrics import scores_of
from seqbench.spec import TaskSpec

TAG = TaskSpec(kind="tag", input_size=9, output_size=4, length_bounds=(3, 5))
CLASSIFY = TaskSpec(kind="classify", input_size=9, output_size=2, length_bounds=(2, 3, 5))


def scores(spec: TaskSpec, logits: torch.Tensor, batch: Batch, size: int) -> Scores:
    result = Scores(spec, detailed=True)
    for i in range(0, len(logits), size):
        part = Batch(*(field[i : i + size] for field in batch[:3]))
        targets = part.targets.flatten()
        nll = F.cross_entropy(
            logits[i : i + size].reshape(-1, spec.output_size), targets, reduction="sum"
        )
        given = partial(torch.narrow, logits, 0, i, len(part.targets))
        result.update(nll, (targets != IGNORE).sum(), given, part)
    return result


@pytest.fixture
def tagged() -> tuple[torch.Tensor, Batch]:
    torch.manual_seed(0)
    lengths = torch.randint(1, 7, (40,))
    targets = torch.randint(0, 4, (40, 6))
    targets[torch.arange(6) >= lengths[:, None]] = IGNORE
    logits = torch.randn(40, 6, 4) + 4 * F.one_hot(targets.clamp(0), 4)
    return logits, Batch(torch.zeros(40, 6), lengths, targets)


def test_per_step_scores(tagged: tuple[torch.Tensor, Batch]) -> None:
    logits, batch = tagged
    flat = logits.reshape(-1, 4), batch.targets.flatten()
    right = (logits.argmax(-1) == batch.targets) | (batch.targets == IGNORE)
    values = scores(TAG, logits, batch, 7).compute()
    assert set(values) == {"loss", "accuracy", "sequence_accuracy"}
    assert values["loss"] == pytest.approx(float(F.cross_entropy(*flat)), rel=1e-5)
    micro = multiclass_accuracy(*flat, 4, average="micro", ignore_index=IGNORE)
    assert values["accuracy"] == pytest.approx(float(micro))
    assert values["sequence_accuracy"] == pytest.approx(float(right.all(1).float().mean()))


@pytest.mark.parametrize("spec", [TAG, CLASSIFY])
def test_scores_do_not_depend_on_the_batch_size(
    tagged: tuple[torch.Tensor, Batch], spec: TaskSpec
) -> None:
    logits, batch = tagged
    if spec is CLASSIFY:
        logits, batch = logits[:, 0, :2], batch._replace(targets=batch.targets[:, 0] % 2)
    whole = scores(spec, logits, batch, 40)
    for size in (1, 3, 39):
        parts = scores(spec, logits, batch, size)
        assert parts.compute() == pytest.approx(whole.compute(), rel=1e-5)
        assert parts.slices() == whole.slices()
        assert parts.report() == whole.report()


def test_sequence_scores(tagged: tuple[torch.Tensor, Batch]) -> None:
    logits, batch = tagged
    logits, targets = logits[:, 0, :2], batch.targets[:, 0] % 2
    values = scores(CLASSIFY, logits, batch._replace(targets=targets), 7).compute()
    assert set(values) == {"loss", "accuracy", "macro_f1", "auroc"}
    assert values["auroc"] == pytest.approx(float(binary_auroc(logits.softmax(1)[:, 1], targets)))
    macro = multiclass_f1_score(logits.argmax(1), targets, 2, average="macro")
    assert values["macro_f1"] == pytest.approx(float(macro))


def test_slices_by_length(tagged: tuple[torch.Tensor, Batch]) -> None:
    logits, batch = tagged
    slices = scores(TAG, logits, batch, 9).slices()["length"]
    assert list(slices) == ["3", "5", "longer"]
    assert sum(values["rows"] for values in slices.values()) == 40
    rows = batch.lengths <= 3
    right = (logits.argmax(-1) == batch.targets)[rows].sum() / (batch.targets[rows] != IGNORE).sum()
    assert slices["3"]["accuracy"] == pytest.approx(float(right))


def test_reset_forgets(tagged: tuple[torch.Tensor, Batch]) -> None:
    logits, batch = tagged
    kept = scores(TAG, logits, batch, 40)
    kept.reset()
    targets = batch.targets[:5].flatten()
    nll = F.cross_entropy(logits[:5].reshape(-1, 4), targets, reduction="sum")
    part = Batch(*(field[:5] for field in batch[:3]))
    kept.update(nll, (targets != IGNORE).sum(), lambda: logits[:5], part)
    assert kept.compute() == pytest.approx(scores(TAG, logits[:5], part, 5).compute())


def answered(confusion: list[list[int]], labels: tuple[str, ...] = ()) -> Scores:
    """The scores of a network that answers as ``confusion`` has it, four rows at a time."""
    pairs = [
        (true, predicted)
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        for _ in range(count)
    ]
    targets, predicted = torch.tensor(pairs).T
    spec = TaskSpec(kind="classify", input_size=9, output_size=len(confusion), labels=labels)
    logits = F.one_hot(predicted, len(confusion)).float()
    batch = Batch(torch.zeros(len(targets), 1), torch.ones(len(targets)).long(), targets)
    return scores(spec, logits, batch, 4)


def test_a_report_by_hand() -> None:
    """Unequal classes; c is never predicted, d does not occur."""
    confusion = [[4, 1, 0, 0], [1, 2, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]]
    found = answered(confusion, ("a", "b", "c", "d"))
    nothing = {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert found.report() == {
        "classes": {
            "a": {
                "precision": pytest.approx(4 / 7),
                "recall": pytest.approx(4 / 5),
                "f1": pytest.approx(2 / 3),
                "support": 5,
            },
            "b": {
                "precision": pytest.approx(2 / 3),
                "recall": pytest.approx(2 / 3),
                "f1": pytest.approx(2 / 3),
                "support": 3,
            },
            "c": nothing | {"support": 2},
            "d": nothing | {"support": 0},
        },
        "confusion": confusion,
    }
    values = found.compute()
    assert values["accuracy"] == pytest.approx(6 / 10)
    assert values["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_a_class_that_is_only_predicted_counts_in_the_macro_f1() -> None:
    found = answered([[1, 1, 0], [0, 0, 0], [0, 0, 2]])
    assert found.report()["classes"]["1"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
    }
    assert found.compute()["macro_f1"] == pytest.approx((2 / 3 + 0 + 1) / 3)


@pytest.mark.parametrize("classes", [3, 7, 40])
def test_macro_f1_is_torchmetrics_own(classes: int) -> None:
    torch.manual_seed(classes)
    confusion = torch.randint(0, 4, (classes, classes))
    confusion[-1] = 0  # not in the targets
    found = answered(confusion.tolist())
    true, predicted = confusion.nonzero().repeat_interleave(confusion[confusion > 0], 0).T
    wanted = multiclass_f1_score(predicted, true, classes, average="macro")
    assert found.compute()["macro_f1"] == pytest.approx(float(wanted))
    assert found.report()["confusion"] == confusion.tolist()


def test_many_classes_have_a_report_without_a_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    confusion = [[4, 1, 0, 0], [1, 2, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]]
    whole = answered(confusion)
    monkeypatch.setattr("seqbench.metrics.confusion.WHOLE", 3)
    sums = answered(confusion)
    assert sums.report() == whole.report() | {"confusion": []}
    assert sums.compute() == whole.compute()


def test_labels_of_steps_have_no_report(tagged: tuple[torch.Tensor, Batch]) -> None:
    assert scores(TAG, *tagged, 7).report() == {}


@pytest.mark.parametrize("size", [1, 3, 8])
def test_number_scores_are_in_the_data_s_own_units(size: int) -> None:
    torch.manual_seed(0)
    spec = TaskSpec(
        kind="regress",
        input_size=1,
        output_size=2,
        features=True,
        encoding={"outputs": ["a", "b"], "output_scale": [2.0, 10.0]},
    )
    said, targets = torch.randn(8, 2), torch.randn(8, 2)
    found = scores_of(spec, detailed=True, characters=None)
    for i in range(0, 8, size):
        rows = slice(i, i + size)
        batch = Batch(torch.zeros(len(said[rows]), 1, 1), torch.ones(1), targets[rows])
        nll = F.mse_loss(said[rows], targets[rows], reduction="sum")
        found.update(
            nll, torch.tensor(targets[rows].numel()), partial(said.__getitem__, rows), batch
        )
    errors = (said - targets) * torch.tensor([2.0, 10.0])
    assert found.compute() == pytest.approx(
        {
            "loss": float((said - targets).square().mean()),
            "mae": float(errors.abs().mean()),
            "rmse": float(errors.square().mean().sqrt()),
        },
        rel=1e-5,
    )
    by_output = found.slices()["output"]
    assert by_output["b"]["mae"] == pytest.approx(float(errors[:, 1].abs().mean()), rel=1e-5)
    assert by_output["a"]["rmse"] == pytest.approx(
        float(errors[:, 0].square().mean().sqrt()), rel=1e-5
    )


def test_a_transduction_s_whole_rows_are_exact_matches() -> None:
    spec = TaskSpec(kind="transduce", input_size=9, output_size=4, length_bounds=(2,))
    targets = torch.tensor([[0, 1, 3], [2, 3, IGNORE]])
    predicted = torch.tensor([[0, 1, 3], [2, 0, 0]])
    found = scores_of(spec, detailed=True, characters=None)
    batch = Batch(torch.zeros(2, 3), torch.tensor([3, 2]), targets)
    logits = F.one_hot(predicted, 4).float()
    found.update(torch.tensor(0.0), torch.tensor(5), lambda: logits, batch)
    assert found.compute() == pytest.approx({"loss": 0, "accuracy": 0.8, "exact_match": 0.5})
    slices = found.slices()["length"]
    assert slices["2"] == {"accuracy": 0.5, "exact_match": 0.0, "rows": 1}

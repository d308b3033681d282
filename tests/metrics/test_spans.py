"""Spans counted by hand, in three ways to write them."""

from functools import partial

import pytest
import torch
from torch.nn.functional import one_hot, pad

from seqbench.batch import IGNORE, Batch
from seqbench.metrics import LabelScores
from seqbench.metrics.spans import Spans, are_span_tags
from seqbench.spec import TaskSpec

LABELS = (
    *("O", "B-LOC", "B-PER", "E-LOC", "E-PER", "I-LOC", "I-PER", "S-LOC", "S-PER"),
    "B-MISC",  # occurs nowhere
)


def ids(tags: str) -> torch.Tensor:
    return torch.tensor([[LABELS.index(tag) for tag in tags.split()]])


def counted(predicted: str, true: str) -> tuple[float, dict[str, tuple[int, int]]]:
    """F1, and by type how many are right and how many there are."""
    spans = Spans(LABELS)
    spans.update(ids(predicted), ids(true), torch.tensor([len(true.split())]))
    kinds = spans.report()["spans"]
    return spans.compute(), {
        kind: (round(values["recall"] * values["support"]), values["support"])
        for kind, values in kinds.items()
        if values["support"] or values["precision"]
    }


@pytest.mark.parametrize(
    ("tags", "kinds"),
    [
        # IOB2: B begins each span
        ("B-PER I-PER O B-PER", {"PER": 2}),
        ("B-PER B-PER I-PER", {"PER": 2}),
        ("B-PER I-PER B-LOC", {"PER": 1, "LOC": 1}),
        # IOB1: B only parts two spans of a type that touch
        ("I-PER I-PER O I-PER", {"PER": 2}),
        ("I-PER B-PER I-PER", {"PER": 2}),
        ("I-PER I-LOC I-LOC", {"PER": 1, "LOC": 1}),
        # IOBES: E ends a span, S is one
        ("B-PER I-PER E-PER O S-LOC", {"PER": 1, "LOC": 1}),
        ("S-PER S-PER B-PER E-PER", {"PER": 3}),
        # no well-formed IOBES, as a network may put it out
        ("B-PER E-PER I-PER", {"PER": 2}),
        ("S-PER E-PER", {"PER": 2}),
        ("O E-PER I-LOC", {"PER": 1, "LOC": 1}),
        ("O O", {}),
    ],
)
def test_how_many_spans_there_are(tags: str, kinds: dict[str, int]) -> None:
    assert counted(tags, tags) == (1.0, {kind: (n, n) for kind, n in kinds.items()})


@pytest.mark.parametrize(
    ("predicted", "true", "f1", "kinds"),
    [
        ("B-PER I-PER O", "B-PER O O", 0.0, {"PER": (0, 1)}),  # too long
        ("O I-PER O", "B-PER I-PER O", 0.0, {"PER": (0, 1)}),  # too short
        ("B-LOC O", "B-PER O", 0.0, {"PER": (0, 1)}),  # of another type
        ("B-PER B-PER", "B-PER I-PER", 0.0, {"PER": (0, 1)}),  # cut in two
        ("I-PER I-PER", "B-PER I-PER", 1.0, {"PER": (1, 1)}),  # another way to write it
        ("B-PER E-PER S-LOC", "B-PER I-PER B-LOC", 1.0, {"PER": (1, 1), "LOC": (1, 1)}),
        # two of three are right, four are found: 2 * 2 / (3 + 4)
        (
            "B-PER O B-LOC B-LOC B-PER",
            "B-PER O B-LOC O B-LOC",
            4 / 7,
            {"PER": (1, 1), "LOC": (1, 2)},
        ),
        ("B-PER O", "O O", 0.0, {}),
    ],
)
def test_what_is_right(
    predicted: str, true: str, f1: float, kinds: dict[str, tuple[int, int]]
) -> None:
    found, by_type = counted(predicted, true)
    assert found == pytest.approx(f1)
    assert by_type == kinds


def test_a_report_by_hand() -> None:
    spans = Spans(LABELS)
    spans.update(ids("B-PER O B-LOC B-LOC B-PER"), ids("B-PER O B-LOC O B-LOC"), torch.tensor([5]))
    nothing = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert spans.report() == {
        "spans": {
            "LOC": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2},
            "MISC": nothing,
            "PER": {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1},
        }
    }


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (("O", "B-PER", "I-PER"), True),
        (("O", "S-a", "E-a"), True),
        (("I-NP", "B-VP"), True),
        (("O",), False),
        ((), False),
        (("NOUN", "VERB"), False),
        (("O", "B-PER", "X"), False),
        (("O", "B-"), False),
        (("O", "BPER"), False),
        (("O", "L-PER"), False),
    ],
)
def test_which_tags_are_those_of_spans(labels: tuple[str, ...], wanted: bool) -> None:
    assert are_span_tags(labels) == wanted


def scores(size: int, steps: int = 12) -> LabelScores:
    """Sixty rows of random tags in batches of ``size``, padded to ``steps``; 0: not at all."""
    spec = TaskSpec(kind="tag", input_size=5, output_size=len(LABELS), labels=LABELS)
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 9, (60,), generator=draw)
    answers = torch.randint(0, 9, (2, 60, 8), generator=draw)
    answers[0, :40] = answers[1, :40]
    found = LabelScores(spec, detailed=True)
    for i in range(0, 60, size):
        rows = slice(i, i + size)
        behind = torch.arange(8) >= lengths[rows, None]
        targets = answers[1, rows].masked_fill(behind, IGNORE)
        # behind the end there is a prediction, too: of a span
        predicted = answers[0, rows].masked_fill(behind, LABELS.index("B-MISC"))
        more = (0, (steps or int(lengths[i])) - 8)
        targets = pad(targets, more, value=IGNORE)
        predicted = pad(predicted, more, value=LABELS.index("I-PER"))
        predict = partial(one_hot, predicted, len(LABELS))
        batch = Batch(torch.zeros_like(targets), lengths[rows], targets)
        found.update(torch.tensor(0.0), (targets != IGNORE).sum(), predict, batch)
    return found


def test_neither_padding_nor_the_batch_size_counts() -> None:
    whole = scores(60, 8)
    f1 = whole.compute()["span_f1"]
    assert 0.3 < f1 < 1
    for size, steps in ((60, 12), (7, 8), (1, 30), (1, 0)):
        other = scores(size, steps)
        assert other.compute() == whole.compute()
        assert other.report() == whole.report()


def test_reset_forgets() -> None:
    spans = Spans(LABELS)
    spans.update(ids("B-PER O"), ids("O O"), torch.tensor([2]))
    assert spans.compute() == 0
    spans.reset()
    spans.update(ids("O O"), ids("O O"), torch.tensor([2]))
    assert spans.compute() == 1  # nothing there, nothing found


def test_only_what_is_detailed_has_spans() -> None:
    spec = TaskSpec(kind="tag", input_size=5, output_size=2, labels=("O", "B-A"))
    assert LabelScores(spec, detailed=True).spans is not None
    assert LabelScores(spec, detailed=False).spans is None
    assert LabelScores(spec, detailed=False).report() == {}

"""The table that ends a run."""

import io

from rich.console import Console

from seqbench.summary import metrics_table


def shown(
    metrics: dict[str, dict[str, float]], baselines: dict[str, dict[str, dict[str, float]]]
) -> list[list[str]]:
    """The words of each line, on a terminal of 80 columns."""
    text = io.StringIO()
    Console(file=text, width=80).print(metrics_table(metrics, baselines))
    return [line.split() for line in text.getvalue().splitlines()]


def test_a_network_that_writes_stands_beside_its_n_grams() -> None:
    metrics = {
        split: {"loss": 2.5, "perplexity": 12.18249, "bits_per_character": 1.2}
        for split in ("train", "val", "test")
    }
    counted = {"val": {"loss": 3.0, "bits_per_character": 1.5}, "test": {"loss": 3.0}}
    lines = shown(metrics, {"trigram": counted, "bigram": counted})
    assert lines == [
        ["trigram", "bigram"],
        ["split", "bits/char", "perplexity", "loss", "bits/char", "bits/char"],
        ["train", "1.2000", "12.18", "2.5000"],
        ["val", "1.2000", "12.18", "2.5000", "1.5000", "1.5000"],
        ["test", "1.2000", "12.18", "2.5000"],
    ]


def test_a_network_that_labels_stands_beside_the_majority() -> None:
    metrics = {"val": {"accuracy": 0.75, "loss": 0.5}, "test": {"accuracy": 0.7, "loss": 0.6}}
    majority = {"val": {"accuracy": 0.5, "macro_f1": 0.3}}
    assert shown(metrics, {"majority": majority}) == [
        ["split", "accuracy", "loss", "majority"],
        ["val", "0.7500", "0.5000", "0.5000"],
        ["test", "0.7000", "0.6000"],
    ]


def test_a_network_that_finds_spans_stands_beside_the_f1_of_others() -> None:
    values = {"accuracy": 0.9, "sequence_accuracy": 0.4, "span_f1": 0.7, "loss": 0.3}
    by_word = {"accuracy": 0.8, "sequence_accuracy": 0.2, "span_f1": 0.5}
    assert shown({"train": {"accuracy": 0.95}, "test": values}, {"by_word": {"test": by_word}}) == [
        ["by_word"],
        ["split", "span_f1", "accuracy", "sequence_accuracy", "loss", "span_f1"],
        ["train", "0.9500"],
        ["test", "0.7000", "0.9000", "0.4000", "0.3000", "0.5000"],
    ]


def test_a_baseline_that_says_nothing_of_what_is_shown_is_left_out() -> None:
    assert shown({"test": {"loss": 1.0}}, {"other": {"test": {"speed": 3.0}}}) == [
        ["split", "loss"],
        ["test", "1.0000"],
    ]

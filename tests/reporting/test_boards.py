"""What is compared with what, in which order, and what a reader is told."""

import json
from pathlib import Path

import pytest
from tests.reporting.conftest import MakeRun, read

from seqbench.errors import UserError
from seqbench.reporting.boards import Wanted, report
from seqbench.reporting.lead import lead
from seqbench.reporting.leaderboard import Leaderboard

MAJORITY = {"majority": {"val": {"accuracy": 0.3}, "test": {"accuracy": 0.35}}}


def board(folder: Path, **wanted: object) -> Leaderboard:
    (found,) = report(read([str(folder)]), [str(folder)], Wanted(**wanted)).leaderboards  # type: ignore[arg-type]
    return found


def three_models(make_run: MakeRun) -> None:
    """gru is like lstm, and rnn far below."""
    for seed in range(5):
        make_run("lstm", seed, 0.90 + 0.01 * seed, baselines=MAJORITY)
        make_run("gru", seed, 0.905 + 0.01 * ((seed * 2) % 5), baselines=MAJORITY)
        make_run("rnn", seed, 0.50 + 0.01 * seed, baselines=MAJORITY)


def test_rows_are_sorted_and_told_apart(make_run: MakeRun, tmp_path: Path) -> None:
    three_models(make_run)
    rows = board(tmp_path).rows
    assert [(row.name, row.verdict, row.kind) for row in rows] == [
        ("gru", "best", "network"),
        ("lstm", "tied", "network"),
        ("rnn", "worse", "network"),
        ("majority", "", "trivial"),
    ]
    gru, lstm, rnn, majority = rows
    assert gru.estimate
    assert rnn.difference
    assert majority.estimate
    assert gru.estimate.mean == pytest.approx(0.925)
    assert gru.difference is None
    assert rnn.difference.mean == pytest.approx(-0.405)
    assert rnn.difference.p == pytest.approx(2 / 252)
    assert rnn.difference.corrected == pytest.approx(4 / 252)
    assert majority.estimate.mean == 0.35
    assert lstm.command.endswith("task=toy model=lstm seed=0,1,2,3,4")


def test_the_baseline_is_a_row_or_a_rule(make_run: MakeRun, tmp_path: Path) -> None:
    three_models(make_run)
    rows = {row.name: row for row in board(tmp_path, baseline="rnn").rows}
    assert rows["lstm"].difference
    assert rows["lstm"].difference.other == "rnn"
    assert rows["lstm"].difference.mean == pytest.approx(0.4)
    assert rows["rnn"].difference is None
    assert rows["rnn"].verdict == "worse"  # than the best
    rows = {row.name: row for row in board(tmp_path, baseline="majority").rows}
    assert rows["rnn"].difference
    assert rows["rnn"].difference.mean == pytest.approx(0.17)
    assert rows["rnn"].difference.p == pytest.approx(2 / 32)


def test_lower_is_better_where_the_task_says_so(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, 20.0 + seed, metric="perplexity", mode="min")
        make_run("rnn", seed, 90.0 + seed, metric="perplexity", mode="min")
    found = board(tmp_path)
    assert (found.split, found.metric, found.mode) == ("test", "perplexity", "min")
    assert [row.name for row in found.rows] == ["lstm", "rnn"]


def test_another_metric(make_run: MakeRun, tmp_path: Path) -> None:
    for model, loss in (("lstm", 0.9), ("rnn", 0.2)):
        both = {"test": {"accuracy": 0.5, "loss": loss}}
        make_run(model, 0, metrics=both)
    found = board(tmp_path, metric="loss")
    assert (found.split, found.metric, found.mode) == ("test", "loss", "min")
    assert [row.name for row in found.rows] == ["rnn", "lstm"]
    with pytest.raises(UserError, match="no run has it; did you mean 'test/loss'"):
        board(tmp_path, metric="test/los")


def test_failures_are_counted_never_averaged_away(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, 0.9)
    make_run("lstm", 3, status="failed")
    make_run("lstm", 4, status="interrupted")
    make_run("gru", 0, status="failed")
    found = board(tmp_path)
    lstm, gru = found.rows
    assert [len(row.runs) for row in found.rows] == [3, 0]
    assert (lstm.failures, gru.failures) == (1, 1)
    assert any("lstm: 1 of 4 runs failed" in note for note in found.notes)
    assert gru.estimate is None


def test_of_several_attempts_at_a_seed_the_last_counts(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(seed=0, status="failed")
    make_run(seed=0, accuracy=0.1, attempt=2)
    for attempt in range(3, 12):
        make_run(seed=0, accuracy=0.1 * attempt, attempt=attempt)
    (row,) = board(tmp_path).rows
    assert row.estimate
    assert row.estimate.by_seed == {0: pytest.approx(1.1)}
    assert row.others == []


def test_other_data_are_told_and_never_merged(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, 0.9, fingerprint="f0", baselines=MAJORITY)
        make_run("lstm", seed, 0.1, fingerprint="f1", baselines=MAJORITY)
        make_run("rnn", seed, 0.5, fingerprint="f1", baselines=MAJORITY)
    found = board(tmp_path)
    rows = {row.name: row for row in found.rows}
    assert set(rows) == {
        "lstm (data A)", "lstm (data B)", "rnn", "majority (data A)", "majority (data B)",
    }  # fmt: skip
    assert [len(row.runs) for row in found.rows if row.kind == "network"] == [3, 3, 3]
    (alone,) = (row for row in found.rows if row.model == "lstm" and row.data != rows["rnn"].data)
    (beside,) = (row for row in found.rows if row.model == "lstm" and row is not alone)
    assert (alone.verdict, rows["rnn"].verdict) == ("best", "unsure")
    assert alone.difference is None
    assert beside.difference
    assert beside.difference.other == "rnn"
    (told,) = (note for note in found.notes if "differ in nothing but the data" in note)
    assert "lstm (data A)" in told
    assert "lstm (data B)" in told
    assert "rnn" not in told


def test_other_code_is_told(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("lstm", 0, group="g1")
    make_run("lstm", 0, group="g2")
    found = board(tmp_path)
    assert {row.name for row in found.rows} == {"lstm (g1)", "lstm (g2)"}
    assert any("nothing but the code of their cell or task" in note for note in found.notes)


def test_rows_are_named_by_what_differs_in_their_model(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("lstm", lr=0.1)
    make_run("lstm", lr=0.01)
    make_run("rnn", lr=0.5)
    many = {"a": 1, "b": 2, "c": 3, "names": {"task": "toy", "model": "rnn", "experiment": "old"}}
    make_run("rnn", config=many, group="g")
    names = {row.name: row.settings for row in board(tmp_path).rows}
    assert set(names) == {"lstm lr=0.1", "lstm lr=0.01", "rnn old", "rnn rnn-0.5-f0"}
    assert names["lstm lr=0.1"] == {"optimizer.lr": 0.1}


def test_a_default_is_named_beside_what_was_asked(make_run: MakeRun, tmp_path: Path) -> None:
    """Of the settings that follow from others none is named."""
    for lr, words in ((0.005, []), (0.1, ["optimizer.lr=0.1"])):
        config = {"command": ["task=toy", "model=lstm", *words], "scheduler": {"max_lr": lr}}
        make_run("lstm", lr=lr, config=config)
    rows = {row.name: row.settings for row in board(tmp_path).rows}
    assert rows == {
        "lstm lr=0.005": {"optimizer.lr": 0.005},
        "lstm lr=0.1": {"optimizer.lr": 0.1},
    }


def test_few_seeds_are_marked(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(5):
        make_run("lstm", seed, 0.5 + 0.01 * seed)
        make_run("rnn", seed, 0.1 + 0.01 * seed)
    for seed in range(2):
        make_run("gru", seed, 0.9)
    found = board(tmp_path)
    verdicts = [(row.name, row.verdict) for row in found.rows]
    assert verdicts == [("gru", "unsure"), ("lstm", "unsure"), ("rnn", "worse")]
    assert any("Fewer than 3 seeds: gru" in note for note in found.notes)


def test_what_is_better_on_common_seeds_is_not_called_worse(
    make_run: MakeRun, tmp_path: Path
) -> None:
    for seed in range(10):
        make_run("lstm", seed, 0.5 + 0.001 * seed if seed < 5 else 0.99)
    for seed in range(5):
        make_run("rnn", seed, 0.6 + 0.001 * seed)
    lstm, rnn = board(tmp_path).rows
    assert (lstm.name, lstm.verdict) == ("lstm", "best")
    assert rnn.difference
    assert rnn.difference.mean > 0
    assert rnn.difference.corrected is not None
    assert rnn.difference.corrected < 0.05
    assert rnn.verdict == "tied"


def test_comparisons_that_can_find_nothing_are_told(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, 0.9 + 0.001 * seed)
        make_run("rnn", seed, 0.1 + 0.001 * seed)
    found = board(tmp_path)
    assert [row.verdict for row in found.rows] == ["unsure", "unsure"]
    told = (
        "With 3 seeds and 1 comparison this test can tell no difference, however large, from chance"
    )
    assert any(f"{told}: rnn; 4 seeds could." in note for note in found.notes)


def test_a_baseline_as_good_as_the_best_network_is_told(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, 0.34 + 0.011 * seed, baselines=MAJORITY)
    make_run("tfidf", 0, 0.5, kind="baseline")
    found = board(tmp_path)
    assert [row.name for row in found.rows] == ["tfidf", "lstm", "majority"]
    assert found.rows[0].verdict == ""
    told = [note for note in found.notes if "not clearly better than" in note]
    assert told == ["The best network, lstm, is not clearly better than majority (0.3500)."]
    assert "Better than the mean of every network: tfidf" in lead(found)[0]


def test_what_the_number_of_labels_allows_is_told(make_run: MakeRun, tmp_path: Path) -> None:
    """The standard error of a share of 0.5 of 100 is 0.05."""
    classes = {"Dog": {"support": 70}, "Cat": {"support": 30}}
    make_run("lstm", 0, 0.5, reports={"test": {"classes": classes}})
    (told,) = (note for note in board(tmp_path).notes if "binomial" in note)
    assert told.startswith("test has 100 rows: ")
    assert "an accuracy of 0.5000 has a margin of error of ±0.0980" in told


def test_time_to_a_threshold(make_run: MakeRun, tmp_path: Path) -> None:
    """By default nine tenths of the way from the majority, 0.3, to the best, 0.9: 0.84."""
    make_run("lstm", 0, 0.9, curve=[0.3, 0.83, 0.85], baselines=MAJORITY)
    make_run("lstm", 1, 0.9, curve=[0.3, 0.85, 0.6], baselines=MAJORITY)
    make_run("lstm", 2, 0.9, curve=[0.3, 0.4, 0.5], baselines=MAJORITY)
    found = board(tmp_path)
    assert found.threshold == pytest.approx(0.84)
    costs = found.rows[0].costs
    assert (costs.reached, costs.steps_to, costs.seconds_to) == (2, 15, 3.0)
    assert board(tmp_path, threshold=0.4).rows[0].costs.reached == 3
    assert board(tmp_path, threshold=2.0).rows[0].costs.steps_to is None


def test_costs_are_medians_and_memory_is_the_most(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, curve=[0.1, 0.2, 0.3])
    costs = board(tmp_path).rows[0].costs
    assert costs.tokens_per_second == 5001.0
    assert costs.fit_seconds == 11.0
    assert costs.peak_memory_bytes == 3 * 2**20
    assert (costs.epochs, costs.learning_rate, costs.parameters) == (3, 0.01, 1000)
    assert costs.epoch_seconds == 2.0


def test_nothing_has_ended_well(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(status="failed")
    found = board(tmp_path)
    assert [row.estimate for row in found.rows] == [None]
    with pytest.raises(UserError, match="no run has ended well yet"):
        board(tmp_path, metric="test/accuracy")


def test_numbers_that_are_none_come_last(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, float("nan"))
        make_run("rnn", seed, 0.2)
    assert [row.name for row in board(tmp_path).rows] == ["rnn", "lstm"]


def test_a_baseline_that_is_nowhere(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("lstm")
    with pytest.raises(UserError, match="--baseline lstn: no row; did you mean 'lstm'"):
        board(tmp_path, baseline="lstn")
    make_run("gru", task="other")
    found = report(read([str(tmp_path)]), [], Wanted(baseline="gru"))
    notes = {each.task: each.notes for each in found.leaderboards}
    assert any("It has no gru" in note for note in notes["toy"])


def test_a_row_of_few_seeds_takes_no_other_s_verdict(make_run: MakeRun, tmp_path: Path) -> None:
    """Ten seeds each of two can be told apart, whatever a third has."""
    for seed in range(10):
        make_run("lstm", seed, 0.9 + 0.001 * seed)
        make_run("gru", seed, 0.9 + 0.001 * ((seed * 3) % 10) - 0.0001)
        make_run("irnn", seed, 0.1 + 0.001 * seed)
    for seed in range(3):
        make_run("rnn", seed, 0.1)
    found = board(tmp_path)
    assert {row.name: row.verdict for row in found.rows} == {
        "lstm": "best", "gru": "tied", "irnn": "worse", "rnn": "unsure",
    }  # fmt: skip
    (told,) = (note for note in found.notes if "from chance" in note)
    assert "With 3 seeds" in told
    assert ": rnn; " in told


def test_against_a_rule_more_seeds_are_needed(make_run: MakeRun, tmp_path: Path) -> None:
    three_models(make_run)
    found = board(tmp_path, baseline="majority")
    (told,) = (note for note in found.notes if "from chance" in note)
    assert "With 5 seeds and 3 comparisons" in told
    assert told.endswith("; 7 seeds could.")


def test_so_many_rows_that_no_seeds_suffice(make_run: MakeRun, tmp_path: Path) -> None:
    for rate in range(260):
        for seed in range(3):
            make_run("lstm", seed, 0.001 * rate, lr=0.001 * (rate + 1))
    (told,) = (note for note in board(tmp_path).notes if "from chance" in note)
    assert told.endswith("with so many no number of seeds could.")


def test_a_baseline_that_failed_first_is_one(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, 0.8)
    lost = make_run("tfidf", 0, status="failed")
    told = json.loads((lost / "status.json").read_text()) | {"kind": "baseline"}
    (lost / "status.json").write_text(json.dumps(told))
    (only,) = (row for row in board(tmp_path).rows if row.model == "tfidf")
    assert only.kind == "baseline"
    assert only.command.startswith("python -m seqbench.baseline ")
    make_run("tfidf", 0, 0.9, attempt=2, kind="baseline")
    first = board(tmp_path).rows[0]
    assert (first.name, first.kind, first.verdict) == ("tfidf", "baseline", "")


def test_seeds_are_those_of_the_number(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("gru", 0, 0.95)
    for seed in (1, 2):
        make_run("gru", seed, metrics={"val": {"accuracy": 0.5}})
    found = board(tmp_path)
    (gru,) = found.rows
    assert (gru.seeds, gru.few, gru.verdict) == (1, True, "unsure")
    assert "gru: 2 of 3 runs without test/accuracy." in found.notes


def test_a_model_called_as_a_rule(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(5):
        make_run("majority", seed, 0.902 + 0.001 * seed, baselines=MAJORITY)
        make_run("gru", seed, 0.802 + 0.001 * seed, baselines=MAJORITY)
    rows = {row.name: row for row in board(tmp_path).rows}
    assert set(rows) == {"majority", "gru", "majority (rule)"}
    assert rows["gru"].verdict == "worse"


def test_nan_is_never_best(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, float("nan"))
        make_run("rnn", seed, float("inf") if seed else float("-inf"))
    found = board(tmp_path)
    assert {row.verdict for row in found.rows} == {"unsure"}
    assert lead(found) == ["No run has ended with a number for this metric yet."]
    assert "lstm: of 3 seeds the number is none, or infinite." in found.notes


def test_numbers_too_large_to_be_added(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in range(3):
        make_run("lstm", seed, 1.7e308, metric="perplexity", mode="min")
    (row,) = board(tmp_path).rows
    assert row.estimate
    assert row.estimate.mean == float("inf")


def test_what_runs_of_a_row_differ_in_is_told(make_run: MakeRun, tmp_path: Path) -> None:
    for seed, torch in enumerate(("2.6", "2.7")):
        make_run("lstm", seed, environment={"torch": torch, "device": "cpu"})
    assert "lstm: its runs differ in torch: 2.6, 2.7." in board(tmp_path).notes


def test_rates_are_not_chosen_on_test(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("lstm", lr=0.1)
    make_run("lstm", lr=0.01)
    told = "Rows of one model differ in optimizer.lr: choose such a setting on validation"
    assert any(told in note for note in board(tmp_path).notes)
    assert not any(told in note for note in board(tmp_path, metric="val/accuracy").notes)

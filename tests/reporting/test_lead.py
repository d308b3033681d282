"""The answer of a leaderboard in a few sentences."""

from tests.reporting.made import board, failed, row

from seqbench.reporting.lead import lead


def test_the_best_row_is_named_with_those_that_may_be_as_good() -> None:
    made = board(
        row("lstm", [0.9, 0.8, 0.7], "best"),
        row("gru", [0.8, 0.8, 0.7], "tied"),
        row("rnn", [0.5, 0.5, 0.5], "worse"),
        row("irnn", [0.5], "unsure"),
    )
    assert lead(made) == [
        "lstm is best, 0.8000 [0.7000, 0.9000]. gru cannot be told from it. rnn is worse. "
        "Of irnn there are too few seeds to tell."
    ]


def test_rows_of_one_number_are_level() -> None:
    (said,) = lead(
        board(
            row("gru", [1.0, 1.0], "best"),
            row("lstm", [1.0, 1.0], "tied"),
            row("rnn", [0.5], "worse"),
        )
    )
    assert said == "gru and lstm are level at 1.0000 [1.0000, 1.0000]. rnn is worse."


def test_of_many_rows_some_are_named() -> None:
    rows = [row(f"m{n}", [0.5, 0.6], "worse") for n in range(8)]
    (said,) = lead(board(row("lstm", [0.9, 0.8, 0.7], "best"), *rows))
    assert said.endswith("m0, m1, m2, m3, m4 and 3 more are worse.")
    (two,) = lead(board(row("lstm", [0.9, 0.8, 0.7], "best"), *rows[:2]))
    assert two.endswith("m0 and m1 are worse.")


def test_a_mean_that_chance_may_have_made_is_not_called_best() -> None:
    rows = [row("lstm", [0.9], "unsure"), row("gru", [0.8], "unsure")]
    assert lead(board(*rows)) == [
        "lstm has the best mean, 0.9000. There are too few seeds to tell whether that is chance."
    ]
    assert lead(board(rows[0])) == ["lstm has the best mean, 0.9000."]


def test_what_no_network_reaches_is_said() -> None:
    made = board(
        row("tfidf", [0.95], kind="baseline"),
        row("lstm", [0.9, 0.8, 0.7], "best"),
        row("rnn", [0.5, 0.6, 0.7], "worse"),
        row("majority", [0.1], kind="trivial"),
    )
    (said,) = lead(made)
    assert said.endswith(
        "Better than the mean of every network: tfidf (a classical baseline, 0.9500)."
    )
    (said,) = lead(board(row("majority", [0.95], kind="trivial"), row("rnn", [0.5, 0.6])))
    assert "than the mean of every network: majority (a trivial rule, 0.9500)" in said


def test_each_set_of_data_has_its_own_best() -> None:
    rows = [row("a", [0.9], data="A"), row("b", [0.7], data="B")]
    assert lead(board(*rows)) == [
        "On data A: a has the best mean, 0.9000.",
        "On data B: b has the best mean, 0.7000.",
    ]


def test_where_no_run_has_the_metric_that_is_said() -> None:
    assert lead(board(row("a", [], others=[failed("a", 0)]))) == [
        "No run has ended with a number for this metric yet."
    ]

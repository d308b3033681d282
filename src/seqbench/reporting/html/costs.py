"""The columns that say what the runs of a row cost."""

from seqbench.reporting import numbers
from seqbench.reporting.html.cells import Kind
from seqbench.reporting.leaderboard import Leaderboard, Row


def costs() -> list[Kind]:
    return [
        Kind("epochs", "epochs", "median", lambda row: row.costs.epochs),
        Kind(
            "rate",
            "learning rate",
            "median",
            lambda row: row.costs.learning_rate,
            numbers.setting,
        ),
        Kind(
            "parameters",
            "parameters",
            "numbers that are fitted",
            lambda row: row.costs.parameters,
        ),
        Kind(
            "state",
            "state",
            "numbers that are carried from step to step",
            lambda row: row.costs.state_size,
        ),
        Kind(
            "speed",
            "tokens/s",
            "in training, padding not counted: median",
            lambda row: row.costs.tokens_per_second,
            first="descending",
        ),
        Kind(
            "epoch-time",
            "time an epoch",
            "median",
            lambda row: row.costs.epoch_seconds,
            numbers.seconds,
        ),
        Kind(
            "time",
            "training time",
            "median",
            lambda row: row.costs.fit_seconds,
            numbers.seconds,
        ),
        Kind(
            "memory",
            "peak memory",
            "the most of all runs",
            lambda row: row.costs.peak_memory_bytes,
            numbers.memory,
        ),
    ]


def reached(board: Leaderboard) -> list[Kind]:
    """What it took until validation had reached the threshold, if there is one."""
    if board.threshold is None:
        return []
    goal = numbers.metric(board.threshold, board.metric)
    hint = (
        f"until validation has reached {numbers.name_of(board.metric)} {goal}: "
        "median of the runs that did, and how many did"
    )
    return [
        Kind(
            "time-to",
            f"time to {goal}",
            hint,
            lambda row: row.costs.seconds_to,
            told=lambda row: _reached(row, numbers.seconds(row.costs.seconds_to)),
        ),
        Kind(
            "steps-to",
            f"steps to {goal}",
            hint,
            lambda row: row.costs.steps_to,
            told=lambda row: _reached(row, numbers.count(row.costs.steps_to)),
        ),
    ]


def _reached(row: Row, median: str) -> str:
    """With how many runs came that far."""
    if not row.runs or row.kind != "network":
        return numbers.NONE
    share = f"{row.costs.reached} of {len(row.runs)}"
    return f"{median} ({share})" if row.costs.reached else share

"""The columns of a leaderboard's table."""

from collections.abc import Callable
from functools import partial

from seqbench.reporting import numbers
from seqbench.reporting.html.cells import Column, Direction, Kind
from seqbench.reporting.html.costs import costs, reached
from seqbench.reporting.leaderboard import Leaderboard, Row, Verdict

VERDICTS: dict[Verdict, str] = {
    "best": "best",
    "tied": "cannot be told from the best",
    "unsure": "too few seeds to tell",
    "worse": "worse",
}
"""As a reader finds them, the better first."""


def columns(board: Leaderboard) -> list[Column]:
    """All but the row's name; those that no row has anything in are left out."""
    mean, interval, *others = _estimates(board)
    kinds = [mean, interval, *_runs(board), *others, *costs(), *reached(board)]
    made = [kind.column(board) for kind in kinds]
    return [column for column in made if any(cell.value is not None for cell in column.cells)]


def _estimates(board: Leaderboard) -> list[Kind]:
    what = f"{board.split} {numbers.name_of(board.metric)}"
    best: Direction = "descending" if board.mode == "max" else "ascending"
    metric = partial(numbers.metric, name=board.metric)
    ranks: dict[Verdict, float] = {verdict: i for i, verdict in enumerate(VERDICTS)}

    def interval(row: Row) -> str:
        found = row.estimate
        return numbers.interval(found.low, found.high, board.metric) if found else numbers.NONE

    def difference(row: Row) -> str:
        found = row.difference
        if found is None:
            return numbers.NONE
        parts = [numbers.difference(found.mean, board.metric)]
        if found.low is not None:
            parts.append(numbers.interval(found.low, found.high, board.metric, sign=True))
        return " ".join([*parts, "to", found.other])

    return [
        Kind(
            "mean",
            "mean",
            f"{what}: mean over the seeds",
            lambda row: row.estimate.mean if row.estimate else None,
            metric,
            first=best,
        ),
        Kind(
            "interval",
            "95 % interval",
            "of the mean over seeds, by bootstrap",
            lambda row: row.estimate.low if row.estimate else None,
            told=interval,
            first=best,
        ),
        Kind(
            "verdict",
            "verdict",
            "against the best row on the same data",
            lambda row: ranks.get(row.verdict),
            told=lambda row: VERDICTS.get(row.verdict, numbers.NONE),
        ),
        Kind(
            "difference",
            "difference",
            "of the means over common seeds, with its 95 % interval",
            lambda row: row.difference.mean if row.difference else None,
            told=difference,
            first=best,
        ),
        Kind(
            "p",
            "p, corrected",
            "permutation test, two-sided, corrected by Holm's method",
            lambda row: row.difference.corrected if row.difference else None,
            numbers.probability,
        ),
        Kind(
            "median",
            "median",
            f"{what}: median over the seeds",
            lambda row: row.estimate.median if row.estimate and len(row.runs) > 1 else None,
            metric,
            first=best,
        ),
        *_elsewhere(board, best),
    ]


def _elsewhere(board: Leaderboard, first: Direction) -> list[Kind]:
    """The same metric on the other splits."""
    keys = dict.fromkeys(key for row in board.rows for key in row.further)
    kinds: list[Kind] = []
    for key in keys:
        split, _, name = key.rpartition("/")
        if name != board.metric:
            continue
        kinds.append(
            Kind(
                f"on-{len(kinds)}",
                f"{split} mean",
                f"{split} {numbers.name_of(name)}: mean over the seeds",
                partial(_further, key),
                partial(numbers.metric, name=name),
                first=first,
            )
        )
    return kinds


def _further(key: str, row: Row) -> float | None:
    return row.further.get(key)


def _runs(board: Leaderboard) -> list[Kind]:
    def of_runs(value: Callable[[Row], int]) -> Callable[[Row], float | None]:
        """A rule that every run keeps has none of its own."""
        return lambda row: value(row) if row.kind != "trivial" else None

    kinds = [
        Kind(
            "seeds",
            "seeds",
            "that have the metric",
            lambda row: row.seeds if row.kind == "network" else None,
            first="descending",
        ),
        Kind(
            "failed",
            "failed",
            "runs that failed, or cannot be read",
            of_runs(lambda row: row.failures),
            first="descending",
        ),
    ]
    if all(len(row.others) == row.failures for row in board.rows):
        return kinds
    return [
        *kinds,
        Kind(
            "unfinished",
            "unfinished",
            "runs that were interrupted, are under way, or are of a newer version of seqbench",
            of_runs(lambda row: len(row.others) - row.failures),
            first="descending",
        ),
    ]

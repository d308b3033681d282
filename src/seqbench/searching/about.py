"""What a search is, as its journal keeps it. Needs no torch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from seqbench.errors import UserError, short
from seqbench.runs import SCHEMA_VERSION, is_newer
from seqbench.searching.journal import lines

KEY = "seqbench"
"""Of Optuna's study: what it is to a search."""


@dataclass(frozen=True)
class About:
    """What a search is. identity: of the run with the least values, which stands for all that the
    words do not show: data, code, yaml files. ranges: as Line.describe gives them."""

    name: str
    words: list[str]
    identity: str
    ranges: dict[str, list[Any]]
    metric: str
    mode: Literal["max", "min"]

    def to_dict(self) -> dict[str, Any]:
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def require(file: Path, about: About) -> None:
    """UserError where a file is there that is not this search's."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    if not lines(file):
        return
    try:
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(file)))
        kept = [study.user_attrs.get(KEY) for study in storage.get_all_studies()]
        names = [study.study_name for study in storage.get_all_studies()]
    except Exception as error:  # whatever Optuna makes of another program's lines
        raise UserError(f"{file}: no journal of a search; give another --storage") from error
    if names == [about.name] and kept == [None]:  # its process died as it began
        return
    if is_newer(kept[0] if kept else None):
        raise UserError(f"{file}: a newer version of seqbench wrote it; use that")
    if len(kept) != 1 or not isinstance(kept[0], dict):
        raise UserError(f"{file}: the journal of something else; give another --storage")
    if kept[0].get("ranges") != about.ranges:
        other = "other ranges"
    elif kept[0].get("words") != about.words:
        other = "other words"
    else:
        other = "other data, code or settings in yaml files than these words stand for now"
    if (kept[0].get("ranges"), kept[0].get("identity")) != (about.ranges, about.identity):
        words = " ".join(map(str, kept[0].get("words", [])))
        raise UserError(
            f"{file}: of a search with {other}: {short(words)}; give another --storage, or leave "
            "it out"
        )

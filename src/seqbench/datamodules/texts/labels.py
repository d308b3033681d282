"""Labels as they were read become classes; labels that cannot be learnt from are refused."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seqbench.datamodules.texts.rows import Rows
from seqbench.errors import UserError

Ints = npt.NDArray[np.int64]


def find_classes(train: Rows) -> list[str]:
    """The labels of the training split, sorted: as numbers if all are, else as text."""
    names = {str(value) for value in train.label_values}
    if all(is_whole(name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def is_whole(name: str) -> bool:
    return name.removeprefix("-").isdecimal()


def use_names(rows: Rows) -> None:
    """Labels become names, in place, where the data themselves name their classes."""
    names = rows.class_names or []
    rows.label_values = [
        names[value] if isinstance(value, int) and 0 <= value < len(names) else value
        for value in rows.label_values
    ]


def class_indices(rows: Rows, where: str, classes: Sequence[str], *, given: bool) -> Ints:
    """``(N,)`` class of each row.

    A label is a class's name or, where the classes are ``given`` and none has a number for its
    name, its index.

    Raises ``UserError`` for a label that is neither.
    """
    index: dict[str | int, int] = {name: i for i, name in enumerate(classes)}
    numbered: dict[str | int, int] = {
        int(name): i for i, name in enumerate(classes) if is_whole(name)
    }
    if given and not numbered:
        index |= {kind(i): i for i in range(len(classes)) for kind in (int, str)}
    index |= numbered
    codes = []
    for value, row in zip(rows.label_values, rows.first_rows, strict=True):
        if value not in index:
            raise UserError(
                f"{where}: row {row} has the unknown label {value!r}; the classes are "
                f"{', '.join(classes)}: mend the data or set task.classes"
            )
        codes.append(index[value])
    return np.array(codes, np.int64)[rows.labels]


def check_classes(labels: Ints, where: str, classes: Sequence[str]) -> None:
    """Raises ``UserError`` if all labels are the same, or there is none."""
    if len(labels) == 0 or (labels == labels[0]).all():
        what = (
            f"all {len(labels)} rows have the label {classes[labels[0]]!r}"
            if len(labels)
            else ("no row is left for it")
        )
        raise UserError(f"{where}: {what}; at least two classes are needed in each split")

"""What a measurement of the gradient says, and the file that keeps it. Needs no torch.

``gradients.json`` in a run directory, in the words of ``Gradients``:

    {"schema_version": 1, "split": "val", "rows": 32, "length": 125,
     "measurements": [
       {"epoch": 0, "step": 0, "loss": 2.31,
        "layers": [{"norms": {"h": [0.12, 0.11, ...]},
                    "step_radius": 0.97, "weight_radii": {"W_hh": 1.0}}]}]}

A number that is infinite or none at all stands there as null.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from seqbench.errors import UserError

FILE = "gradients.json"
SCHEMA_VERSION: Final = 1
DIGITS = 6

Number = Annotated[float, BeforeValidator(lambda v: math.nan if v is None else v)]
Norms = Annotated[list[Number], Field(min_length=1)]


@dataclass(frozen=True)
class Layer:
    """The gradient along one layer.

    norms: by the state's part, ``norms[part][d]`` is ``|dL/ds_t|`` at ``T - t = d``: the L2 norm
    of a row's gradient, averaged over rows; L is the row's loss at its last step T.
    step_radius: the spectral radius (largest absolute eigenvalue) of the Jacobian ``ds_t+1/ds_t``
    of one step, all parts of the state together, averaged over some states of the rows; nan where
    the state is too large for it.
    weight_radii: the same of each matrix that multiplies the old state, by their names.
    """

    norms: Annotated[dict[str, Norms], Field(min_length=1)]
    step_radius: Number
    weight_radii: dict[str, Number]

    def log10_ratio(self, part: str) -> float:
        """How many powers of ten the gradient grows from T back to the first step.

        -inf where it has vanished, nan where there is no number to start from.
        """
        return log10_ratio(self.norms[part][-1], self.norms[part][0])


@dataclass(frozen=True)
class Measurement:
    """A network at one time. epoch: how many it was trained. loss: L, averaged over rows."""

    epoch: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(ge=0)]
    loss: Number
    layers: Annotated[list[Layer], Field(min_length=1)]


@dataclass(frozen=True)
class Gradients:
    """Measurements of one network on the same rows, in the order of training.

    rows: how many of the split. length: how many steps back the gradient is followed, T of the
    shortest of these rows.
    """

    split: str
    rows: Annotated[int, Field(ge=1)]
    length: Annotated[int, Field(ge=1)]
    measurements: Annotated[list[Measurement], Field(min_length=1)]
    schema_version: Literal[1] = SCHEMA_VERSION

    def __post_init__(self) -> None:
        shapes = {
            tuple(tuple((part, len(n)) for part, n in layer.norms.items()) for layer in each.layers)
            for each in self.measurements
        }
        lengths = {length for shape in shapes for layer in shape for _, length in layer}
        if len(shapes) != 1 or lengths != {self.length}:
            raise ValueError("its measurements are not of one network and length")

    @classmethod
    def of(cls, split: str, rows: int, measurements: list[Measurement]) -> Self:
        """Of measurements at hand, the length being theirs."""
        first = next(iter(measurements[0].layers[0].norms.values()))
        return cls(split, rows, len(first), measurements)

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.measurements[0].layers)

    @property
    def epochs(self) -> list[int]:
        return [each.epoch for each in self.measurements]

    def parts(self, layer: int) -> list[str]:
        """Names of the parts of a layer's state. layer: from 0."""
        return [*self.measurements[0].layers[layer].norms]

    def to_dict(self) -> dict[str, Any]:
        """Plain values as the file has them."""
        plain: dict[str, Any] = _plain(asdict(self))
        return {"schema_version": plain.pop("schema_version"), **plain}

    @classmethod
    def read(cls, path: Path) -> Self:
        """UserError for a file that is torn, or not as it should be."""
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            what = f"{where}: {first['msg']}" if where else first["msg"]
        except OSError as error:
            what = error.strerror or str(error)
        raise UserError(
            f"{path}: no measurements of gradients ({what}); take it away, and the run's "
            "checkpoint is measured"
        )


def log10_ratio(far: float, near: float) -> float:
    """``log10(far / near)`` of two norms, whatever they are."""
    if not near > 0 or math.isinf(near) or math.isnan(far):
        return math.nan
    return math.log10(far) - math.log10(near) if far > 0 else -math.inf


def distances(length: int) -> list[int]:
    """0, 10, 100, ... and the last: where a table of ``length`` numbers is read."""
    powers = [10**n for n in range(1, 9) if 10**n < length - 1]
    return sorted({0, *powers, length - 1})


def finite(values: Sequence[float]) -> list[float]:
    """Those that a logarithmic axis can show."""
    return [value for value in values if 0 < value < math.inf]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value

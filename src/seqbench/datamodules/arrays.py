"""Arrays to files, so that a full disk is told.

numpy's own ``tofile``, and with it ``save``, may lose the end of an array there and say nothing;
a memory map of a file for which there is no room ends the process.
"""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt


def write(file: BinaryIO, values: npt.NDArray[Any]) -> None:
    """Add the values of an array to an open file."""
    file.write(np.ascontiguousarray(values).data)


def begin(file: BinaryIO, kind: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Write what an .npy file begins with; its values are to follow."""
    header = {"descr": kind.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def save(path: Path, values: npt.NDArray[Any]) -> None:
    """Write an array as an .npy file."""
    with path.open("wb") as file:
        begin(file, values.dtype, values.shape)
        write(file, values)

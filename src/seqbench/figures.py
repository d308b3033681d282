"""Figures of matplotlib, which comes as an extra: written to files, or as pixels."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.errors import UserError
from seqbench.files import room, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")


def has_matplotlib() -> bool:
    return find_spec("matplotlib") is not None


def require_matplotlib(instead: str = "") -> None:
    """UserError where it is missing. instead: what else can be done."""
    if not has_matplotlib():
        raise UserError(
            f"pictures need matplotlib, which is not installed: pip install 'seqbench[plots]'"
            f"{instead}"
        )


def save(figure: "Figure", path: Path) -> None:
    """Write a figure, whole or not at all; the same figure gives the same bytes.

    Raises UserError where there is no writing, RunError where the disk is full.
    """
    import matplotlib as mpl

    drawn = io.BytesIO()
    kind = path.suffix[1:].lower()
    stamp = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}[kind]
    # Text as text: it can be searched, and set in a paper's own type.
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "seqbench",
        "pdf.fonttype": 42,
    }
    with mpl.rc_context(settings), any_letter():
        figure.savefig(drawn, format=kind, dpi=200, metadata={stamp: None})
    try:
        with room(path):
            write_whole(path, drawn.getbuffer())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


CARD = 350
"""Pixels across a card of TensorBoard's IMAGES. A picture of another width is stretched to it
without smoothing, so that letters break."""


def pixels(figure: "Figure", width: int = CARD) -> Any:
    """A figure as an array ``(height, width, 4)`` of bytes."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    figure.set_dpi((width + 0.5) / figure.get_figwidth())  # cut to whole pixels
    with any_letter():
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())


@contextmanager
def any_letter() -> Iterator[None]:
    """A title may hold letters that matplotlib's font lacks; an SVG leaves them to the viewer's."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield

"""Labelled texts from a file, encoded as an earlier task's texts were."""

import logging
import tempfile
from pathlib import Path

import numpy as np

from seqbench.datamodules.ragged import Ragged
from seqbench.datamodules.texts.corpus import CorpusSettings
from seqbench.datamodules.texts.cutting import interning_table, spans
from seqbench.datamodules.texts.encoder import PADDING_ID, TextEncoder
from seqbench.datamodules.texts.files import find_files
from seqbench.datamodules.texts.formats import read_classes, read_file
from seqbench.datamodules.texts.labels import class_indices, use_names
from seqbench.datamodules.texts.notes import listed
from seqbench.datamodules.texts.rows import read_rows
from seqbench.errors import UserError
from seqbench.spec import TaskSpec

log = logging.getLogger(__name__)


def read_labelled(path: str, spec: TaskSpec, settings: CorpusSettings, encoding: str) -> Ragged:
    """The texts and labels at ``path``, a file or a folder of class files, as ``spec`` has them.

    Raises ``UserError`` for data that cannot be read and for a label that ``spec`` does not know.
    """
    parts = find_files(path)
    if len(parts) > 1:
        raise UserError(f"{path}: the folder holds {', '.join(parts)}; name one of its files")
    (part,) = parts.values()
    columns = (settings.text_column, settings.label_column)
    encoder, table = TextEncoder.from_spec(spec), interning_table()
    with tempfile.TemporaryDirectory(prefix="seqbench-") as name:
        scratch = Path(name)
        data = (
            read_classes(part, columns, encoding, scratch)
            if isinstance(part, dict)
            else read_file(part, columns, encoding, scratch)
        )
        pieces = scratch / "pieces"
        rows = read_rows(
            data, path, columns, encoder.splitter, table, pieces, settings.drop_classes
        )
        numbers = np.fromfile(pieces, np.int32)
        del data  # its file is mapped
    if not settings.classes:
        use_names(rows)
    given = bool(settings.classes or rows.class_names)
    targets = class_indices(rows, path, spec.labels, given=given)
    log.info("%s: %d texts; empty, dropped: %d", path, len(rows), rows.dropped)
    if settings.drop_classes:
        log.info("left out by task.drop_classes: %s", listed(rows.dropped_classes))
    # A piece is encoded once, however often it occurs.
    ids = encoder.encode_pieces([[piece] for piece in table])
    widths = np.fromiter(map(len, ids), np.int64)
    flat = np.fromiter((i for row in ids for i in row), np.int64)
    width = widths[numbers]
    starts = np.cumsum(widths) - widths
    ends = np.cumsum(rows.lengths)
    return Ragged(
        flat[spans(starts[numbers], width)],
        np.concatenate([[0], np.cumsum(width)[ends - 1]]),
        targets,
        padding_id=PADDING_ID,
        max_length=encoder.max_length,
        keep=encoder.keep,
        steps=encoder.steps,
    )

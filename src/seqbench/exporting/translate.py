"""From a network to an ONNX file, by torch's exporter."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.export import Dim

from seqbench.build import one_line
from seqbench.errors import UserError, short
from seqbench.exporting.forms import Form

if TYPE_CHECKING:
    import onnx_ir

EXAMPLE = (2, 5)
"""Rows and steps of the batch that the exporter follows; the file takes any."""

LARGEST = 2 * 1024**3 - 64 * 1024**2
"""Bytes of weights in one file, less some for the rest: protobuf holds 2 GiB."""


def translate(form: Form, file: Path) -> None:
    """Write ``form`` as ``file``; nobody has compared the two yet.

    Raises UserError where the exporter cannot follow the network, and for a network too large for
    one file; OSError where it cannot be written.
    """
    if find_spec("torch.onnx.ops") is None:
        raise UserError(f"export needs torch 2.8 or newer; this is {torch.__version__}")
    size = sum(each.numel() * each.element_size() for each in form.parameters())
    if size > LARGEST:
        raise UserError(
            f"this network cannot be exported: its weights take {size / 1024**3:.1f} GiB, and an "
            "ONNX file holds 2"
        )
    random = torch.Generator().manual_seed(0)
    batch, time = Dim("batch"), Dim("time")
    axes = [{0: batch, 1: time}, *[{0: batch}] * (len(form.inputs) - 1)]
    with quiet(), torch.no_grad():
        example = form.draw(*EXAMPLE, random)
        try:
            program = torch.onnx.export(
                form.for_export(),
                tuple(example),
                dynamo=True,
                verbose=False,
                input_names=form.inputs,
                output_names=form.outputs,
                dynamic_shapes=(tuple(axes),),
            )
        except Exception as error:  # whatever stops an exporter that runs anyone's cell
            raise UserError(
                "this network cannot be exported: torch's exporter cannot follow it "
                f"({_reason(error)}); a step should be tensor operations alone, and not branch on "
                "their values"
            ) from error
        assert program is not None
        _forget_origins(program.model)
        program.save(file, external_data=False)


def _reason(error: BaseException) -> str:
    """What stopped the exporter, without what it says of itself before and behind that."""
    while error.__cause__:
        error = error.__cause__
    return short(one_line(error), 160)


def _forget_origins(model: "onnx_ir.Model") -> None:
    """Drop what the exporter notes of each node: source lines, with the paths of this machine."""
    of_functions = (each.all_nodes() for each in model.functions.values())
    for node in chain(model.graph.all_nodes(), *of_functions):
        node.metadata_props.clear()
        node.doc_string = None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing to the terminal but what is an error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

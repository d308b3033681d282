"""A file is kept only if it computes what the network computes."""

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from seqbench.build import one_line
from seqbench.errors import UserError
from seqbench.exporting.forms import Form, Tensors

TRIALS = ((3, 70), (1, 1), (5, 17))
"""Rows and steps: none is the exporter's example; the shapes that it froze would differ."""

TOLERANCE = 1e-4
"""Of the largest number of an output or state: rounding of float32 over some tens of steps."""

LOOSEST = 1e-2
"""The same for a network whose own rounding grows with each step."""

EPSILON = torch.finfo(torch.float32).eps


class File:
    """An ONNX file, run by onnxruntime on one thread of the CPU.

    Raises UserError where onnxruntime cannot read it.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is raised, too
        try:
            self.session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions share no class of their own
            raise UserError(
                f"not exported: onnxruntime cannot read the file ({one_line(error)})"
            ) from error

    def __call__(self, form: Form, arguments: Tensors) -> Tensors:
        feed = {name: each.numpy() for name, each in zip(form.inputs, arguments, strict=True)}
        try:
            return [torch.from_numpy(each) for each in self.session.run(form.outputs, feed)]
        except Exception as error:  # neither here
            raise UserError(
                f"not exported: onnxruntime cannot run the file ({one_line(error)})"
            ) from error


def compare(file: Callable[[Form, Tensors], Tensors], form: Form) -> float:
    """The largest difference between file and network, as a share of the largest number.

    file: from arguments to outputs, a ``File``. Tried with other numbers of rows and steps than
    the exporter saw, ragged lengths, and states on the way.

    Raises UserError where it is more than ``TOLERANCE``. Where the network itself moves that far
    when its weights are rounded otherwise, as chaotic ones do, ten times that will pass, up to
    ``LOOSEST``.
    """
    random = torch.Generator().manual_seed(1)
    worst = 0.0
    for batch, steps in TRIALS:
        with torch.no_grad():
            arguments = form.draw(batch, steps, random)
            wanted = form(*arguments)
        found = _differences(form, arguments, wanted, file(form, arguments))
        if not max(found) <= TOLERANCE:
            own = _differences(form, arguments, wanted, _rounded(form, arguments))
            for name, each, moved in zip(form.outputs, found, own, strict=True):
                allowed = max(TOLERANCE, min(10 * moved, LOOSEST))
                if not each <= allowed:
                    raise UserError(
                        f"not exported: for {batch} rows of {steps} steps the file's {name} is not "
                        f"the network's (off by {each:.1e} of the largest number; {allowed:.1e} "
                        "would do)"
                    )
        worst = max(worst, *found)
    return worst


def _rounded(form: Form, arguments: Tensors) -> Tensors:
    """The outputs where each weight is moved by about its last digit."""
    copy = deepcopy(form)
    random = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in copy.parameters():
            weight.mul_(1 + EPSILON * torch.randn(weight.shape, generator=random))
        return list(copy(*arguments))


def _differences(form: Form, arguments: Tensors, wanted: Tensors, got: Tensors) -> list[float]:
    """Of each output, those numbers that are specified."""
    return [
        _difference(form.valid(want, arguments), form.valid(each, arguments))
        if (want.shape, want.dtype) == (each.shape, each.dtype)
        else math.inf
        for want, each in zip(wanted, got, strict=True)
    ]


def _difference(wanted: Tensor, got: Tensor) -> float:
    """The largest, as a share of the largest number; inf where one is infinite or none."""
    finite = wanted.isfinite()
    # What is infinite, such as the logit of padding, is to be the same; nan is never.
    if not torch.equal(wanted[~finite], got[~finite]) or not got[finite].isfinite().all():
        return math.inf
    if not finite.any():
        return 0.0
    wanted, got = wanted[finite].double(), got[finite].double()
    largest = float(wanted.abs().max())
    return float((wanted - got).abs().max()) / (largest or 1.0)

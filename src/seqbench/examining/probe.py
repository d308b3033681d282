"""A look at the CUDA devices, as a program of its own: what breaks in a driver ends this one alone.

It prints one JSON object, and is called by its path: nothing of seqbench is imported.
"""

import json
import warnings
from typing import Any

import torch


def probe() -> dict[str, Any]:
    """The devices, each with whether it computes; why there are none, in torch's words."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            torch.cuda.init()  # type: ignore[no-untyped-call]
            count = torch.cuda.device_count()
            why = None if count else "torch finds no device"
        except Exception as error:  # whatever a driver answers
            count, why = 0, _line(error)
        devices = [_device(index) for index in range(count)]
    warned = [" ".join(str(each.message).split()) for each in told]
    return {"devices": devices, "why": why, "warned": warned}


def _device(index: int) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(
        ("name", "memory_bytes", "free_bytes", "capability", "compiled", "why")
    )
    try:
        properties = torch.cuda.get_device_properties(index)
        found["name"] = properties.name
        found["memory_bytes"] = int(properties.total_memory)
        found["capability"] = f"{properties.major}.{properties.minor}"
        found["compiled"] = _compiled(properties.major, properties.minor)
        found["free_bytes"] = int(torch.cuda.mem_get_info(index)[0])
        square = torch.ones(8, 8, device=f"cuda:{index}")
        if (square @ square).sum().item() != 512:
            found["why"] = "it multiplies wrongly"
    except Exception as error:  # whatever a driver answers
        found["why"] = _line(error)
    return found


def _compiled(major: int, minor: int) -> bool:
    """Whether torch has kernels for a device of this capability, or code to make them of.

    Kernels run on what has the same major number and no smaller minor one.
    """
    for word in torch.cuda.get_arch_list():
        kind, _, digits = word.partition("_")
        digits = digits.rstrip("af")
        if not digits.isdecimal():
            return True  # not of CUDA's names
        of = int(digits[:-1]), int(digits[-1])
        if kind == "compute" and of <= (major, minor):
            return True
        if kind == "sm" and of[0] == major and of[1] <= minor:
            return True
    return not torch.cuda.get_arch_list()


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300]


if __name__ == "__main__":
    print(json.dumps(probe()))

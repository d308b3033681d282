"""How a report writes one number, whatever it is written into. Needs no torch."""

import math

from seqbench.terminal import span

NONE = "–"
"""For what is not known."""

SHARES = ("accuracy", "f1", "auroc", "exact_match", "precision", "recall")
"""How the names of metrics between 0 and 1 end."""

NAMES = {
    "auroc": "AUROC",
    "f1": "F1",
    "macro_f1": "macro F1",
    "span_f1": "span F1",
    "mae": "MAE",
    "rmse": "RMSE",
}

HUGE = 1e6
"""From here on three digits and a power of ten say more."""


def name_of(metric: str) -> str:
    """A metric's name as one writes it: ``bits per character``."""
    return NAMES.get(metric, metric.replace("_", " "))


def better(mode: str) -> str:
    """``mode`` in words."""
    return "higher is better" if mode == "max" else "lower is better"


def metric(value: float | None, name: str, sign: bool = False) -> str:
    """With the precision that is usual for the metric; what it is not known for has 4 digits.

    sign: also of positive numbers, as for differences.
    """
    if value is None:
        return NONE
    plus = "+" if sign else ""
    if not math.isfinite(value):
        return f"{value:{plus}}"
    if abs(value) >= HUGE:
        return f"{value:{plus}.3g}"
    if name.endswith(SHARES) or name in ("bits_per_character", "loss"):
        return _fixed(value, 4, plus)
    if name == "perplexity":
        return _fixed(value, 2 if abs(value) < 1000 else 1, plus)
    if value == 0 or abs(value) < 1e-4:
        return f"{value:{plus}.4g}" if value else "0"
    return _fixed(value, max(0, 3 - math.floor(math.log10(abs(value)))), plus)


def difference(value: float | None, name: str) -> str:
    """Of two values of the metric ``name``: with its sign, where it is not 0 as written."""
    return metric(value, name, sign=True)


def interval(low: float | None, high: float | None, name: str, sign: bool = False) -> str:
    """``[0.8651, 0.8730]``, of values of the metric ``name``; sign: of differences."""
    if low is None or high is None:
        return NONE
    return f"[{metric(low, name, sign)}, {metric(high, name, sign)}]"


def probability(p: float | None) -> str:
    """The p of a test: ``0.008``, ``< 0.001``."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def count(number: float | None) -> str:
    """Whole, in thousands: ``54,353``; a median of an even number of counts may end in .5."""
    if number is None:
        return NONE
    if not math.isfinite(number):
        return str(number)
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 100 else f"{number:,.1f}"


def counted(number: int, one: str, many: str = "") -> str:
    """``1 run``, ``1,000 runs``; many: where it isn't ``one`` and an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def setting(value: object) -> str:
    """A learning rate or another setting, as short as it goes: ``0.001``, ``3e-05``."""
    if value is None:
        return NONE
    return f"{value:g}" if isinstance(value, float) else str(value)


def seconds(value: float | None) -> str:
    """``0.61 s``, ``12.3 s``, ``134 s``; from 10 minutes on as one says it: ``2 h 10 min``."""
    if value is None:
        return NONE
    if not math.isfinite(value):
        return str(value)
    if value < 0.995:
        return f"{value:.2g} s"
    if value < 99.95:
        return f"{value:.{2 if value < 9.995 else 1}f} s"
    return f"{value:.0f} s" if value < 600 else span(value)


def memory(size: float | None) -> str:
    """Bytes in the unit that suits: ``412 MiB``, ``1.38 GiB``."""
    if size is None:
        return NONE
    for unit in ("B", "KiB", "MiB"):
        if size < 1023.5:
            places = 0 if size >= 99.95 or unit == "B" else 1
            return f"{size:.{places}f} {unit}"
        size /= 1024
    return f"{size:,.{2 if size < 99.995 else 0}f} GiB"


def _fixed(value: float, places: int, plus: str) -> str:
    written = f"{value:{plus},.{places}f}"
    # Not -0.0000: what is written as 0 has no sign.
    return written if written.strip("+-0.,") else f"{0:.{places}f}"

"""Keeps the results of rows, and shows them."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqbench.errors import UserError
from seqbench.files import write_whole

PATH = Path(__file__).parent / "results.json"
SCHEMA_VERSION = 1


def read(path: Path = PATH) -> dict[str, Any]:
    """Results by row; none where there is no file."""
    if not path.exists():
        return {}
    try:
        kept: dict[str, Any] = json.loads(path.read_text("utf-8"))["rows"]
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: damaged; remove it") from error
    return kept


def keep(name: str, result: dict[str, Any], order: Sequence[str], path: Path = PATH) -> None:
    """Put one row's result beside those of the others, which stay as they are.

    name: the row's, and how it was asked for behind a space. order: of the rows' names.
    """
    rows = read(path) | {name: result}
    places = {name: place for place, name in enumerate(order)}
    known = [each for each in rows if each.split()[0] in places]
    rows = {each: rows[each] for each in sorted(known, key=lambda n: (places[n.split()[0]], n))}
    text = json.dumps({"schema_version": SCHEMA_VERSION, "rows": rows}, indent=1)
    write_whole(path, text + "\n")


def line(name: str, result: dict[str, Any]) -> str:
    """One row, for a terminal."""
    if "skipped" in result:
        return f"{name}: skipped: {result['skipped']}"
    cells = cells_of(result)
    reached = {True: "  reached", False: "  MISSED", None: ""}[result["reached"]]
    target = f"  target {result['target']}" if result["target"] else ""
    return (
        f"{name}: {result['what']}\n"
        f"  {result['own']} {cells['own']} · {result['other']} {cells['other']}\n"
        f"  ratio {cells['ratio']}{target}{reached}"
        + "".join(f"\n  {fact}: {number(value)}" for fact, value in result["facts"].items())
    )


def cells_of(result: dict[str, Any]) -> dict[str, str]:
    ratios = result["ratios"]
    spread = f" ({min(ratios):.3g} to {max(ratios):.3g})" if len(ratios) > 1 else ""
    unit = result["unit"]
    return {
        "own": f"{number(statistics.median(result['own_values']))} {unit}".strip(),
        "other": f"{number(statistics.median(result['other_values']))} {unit}".strip(),
        "ratio": f"{result['ratio']:.3g}{spread}",
    }


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def table(rows: dict[str, Any]) -> str:
    """All rows as a Markdown table."""
    lines = [
        "| row | what | this | against | ratio (least to most) | target | also seen |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, result in rows.items():
        if "skipped" in result:
            continue
        cells = cells_of(result)
        mark = {True: " reached", False: " **missed**", None: ""}[result["reached"]]
        lines.append(
            f"| `{name}` | {result['what']} | {result['own']}: {cells['own']} "
            f"| {result['other']}: {cells['other']} | {cells['ratio']} "
            f"| {result['target'] or ''}{mark} "
            f"| {', '.join(f'{fact} {number(value)}' for fact, value in result['facts'].items())} |"
        )
    return "\n".join(lines) + "\n"

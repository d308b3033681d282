"""Keeps the results of rows, and shows them."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqbench.files import write_whole

PATH = Path(__file__).parent / "results.json"
SCHEMA_VERSION = 1


def read(path: Path = PATH) -> dict[str, Any]:
    """Results by row; none where there is no file."""
    if not path.exists():
        return {}
    kept: dict[str, Any] = json.loads(path.read_text("utf-8"))["rows"]
    return kept


def keep(name: str, result: dict[str, Any], order: Sequence[str], path: Path = PATH) -> None:
    """Put one row's result beside those of the others, which stay as they are."""
    rows = read(path) | {name: result}
    rows = {each: rows[each] for each in order if each in rows}
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
        + "".join(f"\n  {fact}: {value:.4g}" for fact, value in result["facts"].items())
    )


def cells_of(result: dict[str, Any]) -> dict[str, str]:
    ratios = result["ratios"]
    spread = f" ({min(ratios):.3g} to {max(ratios):.3g})" if len(ratios) > 1 else ""
    unit = result["unit"]
    return {
        "own": f"{statistics.median(result['own_values']):.4g} {unit}",
        "other": f"{statistics.median(result['other_values']):.4g} {unit}",
        "ratio": f"{result['ratio']:.3g}{spread}",
    }


def table(rows: dict[str, Any]) -> str:
    """All rows as a Markdown table."""
    lines = [
        "| row | what | seqbench | against | ratio (least to most) | target |",
        "|---|---|---|---|---|---|",
    ]
    for name, result in rows.items():
        if "skipped" in result:
            continue
        cells = cells_of(result)
        mark = {True: " reached", False: " **missed**", None: ""}[result["reached"]]
        lines.append(
            f"| `{name}` | {result['what']} | {result['own']}: {cells['own']} "
            f"| {result['other']}: {cells['other']} | {cells['ratio']} "
            f"| {result['target'] or ''}{mark} |"
        )
    return "\n".join(lines) + "\n"

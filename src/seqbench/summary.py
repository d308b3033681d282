"""The short table that ends a run."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

COLUMNS = ("accuracy", "sequence_accuracy", "macro_f1", "auroc", "loss")


def show(result: dict[str, Any], path: Path) -> None:
    """Print a result's metrics beside their baseline, its costs, and where the run lies."""
    metrics, baseline = result["metrics"], result["baselines"].get("majority", {})
    names = [name for name in COLUMNS if any(name in values for values in metrics.values())]
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("split")
    for name in names:
        table.add_column(name, justify="right")
    if baseline:
        table.add_column("majority", justify="right", style="dim")
    for split, values in metrics.items():
        numbers = [f"{values[name]:.4f}" if name in values else "" for name in names]
        common = baseline.get(split, {}).get("accuracy")
        if baseline:
            numbers.append("" if common is None else f"{common:.4f}")
        table.add_row(split, *numbers)
    console.print(f"{result['task']} / {result['model']}, seed {result['seed']}", style="bold")
    console.print(table)
    speed = result["throughput"]["train_tokens_per_second"]
    fit, test = result["seconds"]["fit"], result["seconds"]["test"]
    console.print(
        f"{result['parameters']:,} parameters, "
        + (f"{speed:,.0f} tokens a second, " if speed else "")
        + f"best after epoch {result['best_epoch'] + 1} of {result['epochs']}, "
        + f"{fit:.0f} s training"
        + (f", {test:.0f} s testing" if test is not None else ""),
        soft_wrap=True,
    )
    console.print(str(path), soft_wrap=True)

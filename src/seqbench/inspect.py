"""Draw how far back the gradient reaches in trained networks: ``python -m seqbench.inspect RUN``.

Exit status: 0 done, 2 the user's mistake, 130 ended by Ctrl-C.
"""

import json
import math
import sys
from argparse import ArgumentTypeError, Namespace
from dataclasses import dataclass, replace
from pathlib import Path

from seqbench import curves, figures, pictures
from seqbench.commands import guarded, parser
from seqbench.curves import Gradients
from seqbench.errors import UserError, place, short
from seqbench.terminal import plain_console, say, visible
from seqbench.titles import titles

DEFAULT = "gradients.svg"
ROWS = 32


@dataclass(frozen=True)
class Inspected:
    """run: as it was named. path: of its directory or, of a checkpoint alone, the file.

    measured: just now, what and on what; None where it was kept.
    """

    run: str
    path: Path
    measured: str | None
    content: Gradients


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); its exit status."""
    return guarded(_inspect, argv)


def _inspect(arguments: list[str], show_traceback: bool) -> int:
    command = parser(
        "inspect",
        "Draw how far back the gradient reaches: |dL/ds_t| by T - t, a panel for each run and "
        "part of its state, a curve for each epoch that callbacks=gradients has kept. A run "
        "without these is measured as it is now, on its own data.",
        many=True,
    )
    command.add_argument(
        "--output", metavar="FILE", help=f"a .png, .svg or .pdf; default: {DEFAULT}"
    )
    command.add_argument("--overwrite", action="store_true", help="replace that file")
    command.add_argument(
        "--layer", type=_number, metavar="N", help="from 1, the lowest; default: the highest"
    )
    command.add_argument("--part", help="of the state, as h or c; default: each")
    command.add_argument(
        "--epochs", type=_epochs, metavar="N,N", help="0 is before training; default: all there are"
    )
    command.add_argument(
        "--relative", action="store_true", help="each curve as a share of its value at T"
    )
    command.add_argument(
        "--rows", type=_number, metavar="N", help=f"measure anew on so many; default: {ROWS}"
    )
    command.add_argument("--split", help="measure anew on it; default: val")
    command.add_argument(
        "--json", action="store_true", help="print one JSON object; no picture but for --output"
    )
    chosen = command.parse_intermixed_args(arguments)
    path = _target(chosen)
    anew = chosen.rows is not None or chosen.split is not None
    places = [_find(run, anew) for run in chosen.run]
    found = [
        _chosen(_read(run, where, chosen), chosen)
        for run, where in zip(chosen.run, places, strict=True)
    ]
    panels = _panels(found, chosen)
    if path is not None:
        figures.save(pictures.draw(panels, chosen.relative), path)
    for each in found:
        if each.measured:
            why = "" if anew else f"no {curves.FILE} there; "
            told = f"seqbench: {each.run}: {why}measured {each.measured}"
            print(visible(told), file=sys.stderr)
    if chosen.json:
        every = [
            {"run": each.run, "measured": bool(each.measured), **each.content.to_dict()}
            for each in found
        ]
        output = None if path is None else str(path)
        say(json.dumps({"output": output, "runs": every}, ensure_ascii=False))
    else:
        _show(panels)
        print(f"wrote {path}")
    return 0


def _number(word: str) -> int:
    if not word.isdecimal() or len(word) > 9 or int(word) < 1:
        raise ArgumentTypeError(f"{short(word)!r} is no number from 1 on")
    return int(word)


def _epochs(word: str) -> list[int]:
    numbers = word.split(",")
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        raise ArgumentTypeError(f"{short(word)!r} is no list of numbers, as 0,1,10")
    return sorted({int(number) for number in numbers})


def _target(chosen: Namespace) -> Path | None:
    """Where the picture goes; None for none. UserError before any work is done for nothing."""
    if chosen.json and chosen.output is None:
        return None
    path = place(chosen.output if chosen.output is not None else DEFAULT)
    if path.suffix.lower() not in figures.FORMATS:
        raise UserError(f"--output {path}: give a file that ends in {', '.join(figures.FORMATS)}")
    if not path.parent.is_dir():
        raise UserError(f"--output {path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise UserError(f"--output {path}: a folder; name a file in it")
    if path.exists() and not chosen.overwrite:
        raise UserError(f"{path} is there already; --output names another, --overwrite replaces it")
    figures.require_matplotlib("; --json prints the numbers without")
    return path


def _find(run: str, anew: bool) -> Path:
    """What a run has kept or, where it has not or is to be measured anew, its checkpoint."""
    folder = place(run) if run else Path()
    if not anew and run and (folder / curves.FILE).is_file():
        return folder / curves.FILE

    from seqbench import checkpoint

    path = checkpoint.find(run)
    kept = path.absolute().parent.parent / curves.FILE
    return kept if not anew and folder.is_dir() and kept.is_file() else path


def _read(run: str, path: Path, chosen: Namespace) -> Inspected:
    """The content of what ``_find`` has found; a checkpoint is measured."""
    if path.name == curves.FILE:
        return Inspected(run, path.absolute().parent, None, Gradients.read(path))

    from seqbench.trained import load

    trained = load(path, trust=chosen.trust, device=chosen.device, threads=chosen.threads)
    try:
        content = trained.gradients(chosen.split or "val", chosen.rows or ROWS)
    except UserError as error:
        raise UserError(f"{run}: {error}") from error
    owner = path.absolute().parent.parent
    return Inspected(
        run,
        owner if (owner / "status.json").exists() else path.absolute(),
        f"{path.name}, epoch {trained.epochs}, on {content.rows} rows of {content.split}",
        content,
    )


def _chosen(found: Inspected, chosen: Namespace) -> Inspected:
    """Less the epochs not asked for; UserError for what the run does not have."""
    content = found.content
    if chosen.layer is not None and chosen.layer > content.depth:
        raise UserError(
            f"--layer {chosen.layer}: {found.run} has {content.depth}; give one from 1 on"
        )
    parts = content.parts(_layer(content, chosen))
    if chosen.part is not None and chosen.part not in parts:
        raise UserError(
            f"--part {short(chosen.part)}: the state of {found.run} has {', '.join(parts)}"
        )
    if chosen.epochs is None:
        return found
    absent = sorted({*chosen.epochs} - {*content.epochs})
    if absent:
        there = short(", ".join(map(str, content.epochs)))
        raise UserError(f"--epochs {absent[0]}: {found.run} has {there}")
    kept = [each for each in content.measurements if each.epoch in chosen.epochs]
    return replace(found, content=replace(content, measurements=kept))


def _layer(content: Gradients, chosen: Namespace) -> int:
    return int(chosen.layer or content.depth) - 1


def _panels(found: list[Inspected], chosen: Namespace) -> list[pictures.Panel]:
    made = []
    for each, title in zip(found, titles([each.path for each in found]), strict=True):
        layer = _layer(each.content, chosen)
        parts = [chosen.part] if chosen.part else each.content.parts(layer)
        made += pictures.panels(title, each.content, layer, parts)
    return made


def _show(panels: list[pictures.Panel]) -> None:
    """A table of the first and the last epoch of each panel."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("run, state")
    table.add_column("epoch", justify="right")
    columns = curves.distances(max(len(panel.curves[0].norms) for panel in panels))
    for number in columns:
        table.add_column(f"{'T - t = ' * (not number)}{number}", justify="right")
    for name in ("first / last step", "ρ"):
        table.add_column(name, justify="right")
    for panel in panels:
        for curve in dict.fromkeys((0, len(panel.curves) - 1)):
            shown = panel.curves[curve]
            norms = shown.norms
            cells = [_text(norms[d]) if d < len(norms) else "" for d in columns]
            ratio = curves.log10_ratio(norms[-1], norms[0])
            power = {-math.inf: "0"}.get(ratio, "-" if math.isnan(ratio) else f"10^{ratio:.1f}")
            radius = "-" if math.isnan(shown.radius) else f"{shown.radius:.3f}"
            table.add_row(panel.title, str(shown.epoch), *cells, power, radius)
    plain_console().print(table)


def _text(norm: float) -> str:
    return f"{norm:.1e}" if math.isfinite(norm) else "-"


if __name__ == "__main__":
    sys.exit(main())
